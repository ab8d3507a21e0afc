#include "core/name.h"

#include <algorithm>

#include "core/error.h"

namespace densor {

namespace {

// Levenshtein distance.
int distance(const std::string& a, const std::string& b) {
  std::vector<int> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 0; i < a.size(); ++i) {
    int diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const int replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

constexpr int kSlip = 2;  // further away is another word

}  // namespace

int index_of_name(const char* function, const char* argument, const std::string& name,
                  const std::vector<std::string>& known) {
  std::string list, nearest;
  int best = kSlip + 1;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (name == known[i]) return static_cast<int>(i);
    list += (i == 0 ? "" : ", ") + known[i];
    if (const int d = distance(name, known[i]); d < best) {
      best = d;
      nearest = known[i];
    }
  }
  throw Error(ErrorKind::value, function, argument,
              "value '" + name + "' is none of " + list +
                  (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

}  // namespace densor
