// What was measured on a device: in memory, and in a file that the next process reads.
//
// A file is for one GPU model, architecture and version of densor. It says so in its first line; each other
// one is a key and its record: "4096 1024 1024 nt highest own = wgmma 6 128 1 53.2". What is in the file is
// not measured again, so a machine computes the same bits from run to run; of two processes that measure the
// same, both take the record of the one that has written first.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace densor::cuda {

using Warn = std::function<void(const std::string&)>;

// $XDG_CACHE_HOME/densor/NAME.txt, by default ~/.cache/densor/NAME.txt; "" without either.
std::string record_path(const std::string& name);

class Records {
 public:
  // Whether a line's record has the form that it must have.
  using Sound = bool (*)(const std::string& record);

  // Reads the file at `path` if there is one; "": memory only. A file that is not what `owner` (the first
  // line) asks for is left out with a warning, and overwritten by the first record. `subject`: what was
  // measured, for warnings.
  Records(std::string path, std::string owner, std::string subject, Sound sound, Warn warn);

  // null: nothing is known.
  const std::string* find(const std::string& key) const;
  // Takes over what other processes have written since.
  void refresh();
  void add(const std::string& key, const std::string& record);

 private:
  using Known = std::map<std::string, std::string>;

  Known read() const;
  void write() const;

  std::string path_, owner_, subject_;
  Sound sound_;
  Warn warn_;
  Known known_;
};

}  // namespace densor::cuda
