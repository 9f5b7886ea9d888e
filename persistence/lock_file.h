#pragma once

#include <filesystem>

#include "persistence/status.h"

namespace stele {

/// Keeps a directory to one process: an advisory lock on a file in it, which holds the owner's pid for the message.
/// The kernel releases the lock when the process ends, however it ends; the file itself stays and means nothing.
class LockFile {
 public:
  /// `unavailable`, naming the owner's pid, if another process (or this one) holds it. On a file system without locks
  /// it succeeds and logs that two servers would not notice each other.
  static Result<LockFile> acquire(const std::filesystem::path& path);

  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace stele
