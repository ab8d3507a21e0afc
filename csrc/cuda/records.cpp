#include "cuda/records.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace densor::cuda {

std::string record_path(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  std::string folder;
  if (cache != nullptr && *cache == '/')
    folder = cache;
  else if (home != nullptr && *home == '/')
    folder = std::string(home) + "/.cache";
  else
    return "";
  std::string file = name;
  std::replace_if(
      file.begin(), file.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '.'; }, '-');
  return folder + "/densor/" + file + ".txt";
}

Records::Records(std::string path, std::string owner, std::string subject, Sound sound, Warn warn)
    : path_(std::move(path)),
      owner_(std::move(owner)),
      subject_(std::move(subject)),
      sound_(sound),
      warn_(std::move(warn)),
      known_(read()) {}

Records::Known Records::read() const {
  Known found;
  std::ifstream file(path_);
  std::string line;
  if (path_.empty() || !file) return found;
  bool sound = std::getline(file, line) && line == owner_;
  while (sound && std::getline(file, line)) {
    const std::size_t cut = line.find(" = ");
    sound = cut != std::string::npos && sound_(line.substr(cut + 3));
    if (sound) found[line.substr(0, cut)] = line.substr(cut + 3);
  }
  if (sound) return found;
  warn_("the measured " + subject_ + " in " + path_ +
        " are left out: this is no such file, or of another GPU or version; they are measured again");
  return {};
}

void Records::write() const {
  if (path_.empty()) return;
  std::error_code failed;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), failed);
  const std::string draft = path_ + "." + std::to_string(getpid());
  {
    std::ofstream file(draft, std::ios::trunc);
    file << owner_ << '\n';
    for (const auto& [key, record] : known_) file << key << " = " << record << '\n';
    file.close();
    if (file && std::rename(draft.c_str(), path_.c_str()) == 0) return;
  }
  std::filesystem::remove(draft, failed);
  warn_(
      "the measured " + subject_ + " cannot be kept in " + path_ +
      ": each process measures them again and may choose others; set XDG_CACHE_HOME to a folder that can be "
      "written, or call config.set_autotune(False)");
}

const std::string* Records::find(const std::string& key) const {
  const auto record = known_.find(key);
  return record != known_.end() ? &record->second : nullptr;
}

void Records::refresh() {
  for (auto& [key, record] : read()) known_[key] = record;
}

void Records::add(const std::string& key, const std::string& record) {
  known_[key] = record;
  write();
}

}  // namespace densor::cuda
