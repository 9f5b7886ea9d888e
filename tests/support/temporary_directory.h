#pragma once

#include <filesystem>

namespace stele::test {

/// A fresh, empty directory that goes with its owner.
///
/// All of a process' directories lie under one root. A janitor process holds the read end of a pipe whose write end
/// is ours, so it learns of our end however that comes, abort() and SIGKILL included, and then removes the root.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace stele::test
