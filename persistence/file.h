#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "persistence/status.h"

namespace stele {

/// The calls to the kernel that can fail for reasons a test wants to choose. The journal goes through this table; its
/// default is the kernel itself.
struct FileOps {
  ssize_t (*pwrite)(int fd, const void* bytes, std::size_t n, off_t position);
  int (*fdatasync)(int fd);
  int (*fsync)(int fd);
  int (*fallocate)(int fd, int mode, off_t position, off_t bytes);
};
extern const FileOps kKernelFileOps;

/// `exhausted` for ENOSPC and EDQUOT, else `io`; the message is "<what> <path>: <error>".
Status status_from_errno(int error, std::string_view what, const std::filesystem::path& path);

/// An open file. Any thread may read at a position; who may write is the owner's concern.
class File {
 public:
  enum class Mode {
    read,
    write,    // must exist; reading and writing
    create,   // must not exist; reading and writing
    replace,  // created or emptied; reading and writing
  };
  static Result<File> open(const std::filesystem::path& path, Mode mode, const FileOps& ops = kKernelFileOps);

  File() = default;
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  int fd() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }

  Result<std::uint64_t> size() const;

  /// Reads until `n` bytes are there or the file ends; returns how many.
  Result<std::size_t> read_at(std::uint64_t position, char* to, std::size_t n) const;

  /// Writes all of `bytes`. When it fails, `written` says how many bytes went out before.
  Status write_at(std::uint64_t position, std::string_view bytes, std::size_t* written = nullptr);

  Status truncate(std::uint64_t size);
  /// Contents and what is needed to read them back.
  Status datasync();
  /// Metadata too.
  Status sync();

  /// Reserves space for [0, end) without changing the size. False if this file system cannot.
  Result<bool> reserve(std::uint64_t begin, std::uint64_t end);

  /// Drops clean pages from the page cache: what is read next is what the disk holds.
  void forget_cached() const;

  /// Has the kernel begin to write [begin, end) to the disk, without waiting; then waits for that and drops the pages from the
  /// page cache. Neither makes anything durable: that is sync().
  Status start_writing(std::uint64_t begin, std::uint64_t end);
  Status finish_writing(std::uint64_t begin, std::uint64_t end);

 private:
  File(int fd, std::filesystem::path path, const FileOps& ops) : fd_(fd), path_(std::move(path)), ops_(&ops) {}

  int fd_ = -1;
  std::filesystem::path path_;
  const FileOps* ops_ = &kKernelFileOps;
};

/// Makes creations, renames and removals in `dir` survive a power cut.
Status sync_directory(const std::filesystem::path& dir, const FileOps& ops = kKernelFileOps);

/// Creates `dir` and what is missing above it, each made durable in its parent.
Status create_directories_durably(const std::filesystem::path& dir, const FileOps& ops = kKernelFileOps);

/// Writes `bytes` to `temp-<name>` beside `path`, syncs it, renames it over `path`, syncs the directory. Until then
/// the old contents are untouched.
Status replace_file_durably(const std::filesystem::path& path, std::string_view bytes,
                            const FileOps& ops = kKernelFileOps);

Result<std::string> read_whole_file(const std::filesystem::path& path, std::uint64_t bytes_max);

}  // namespace stele
