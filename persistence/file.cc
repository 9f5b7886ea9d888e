#include "persistence/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace stele {

const FileOps kKernelFileOps = {
    .pwrite = ::pwrite,
    .fdatasync = ::fdatasync,
    .fsync = ::fsync,
    .fallocate = ::fallocate,
};

Status status_from_errno(int error, std::string_view what, const std::filesystem::path& path) {
  const std::string reason = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) return Status::exhausted("{} {}: {}", what, path.native(), reason);
  return Status::io("{} {}: {}", what, path.native(), reason);
}

Result<File> File::open(const std::filesystem::path& path, Mode mode, const FileOps& ops) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Mode::read:
      flags |= O_RDONLY;
      break;
    case Mode::write:
      flags |= O_RDWR;
      break;
    case Mode::create:
      flags |= O_RDWR | O_CREAT | O_EXCL;
      break;
    case Mode::replace:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return status_from_errno(errno, "open", path);
  return File(fd, path, ops);
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File::File(File&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), ops_(other.ops_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(ops_, other.ops_);
  return *this;
}

Result<std::uint64_t> File::size() const {
  struct stat info;
  if (::fstat(fd_, &info) != 0) return status_from_errno(errno, "stat", path_);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::size_t> File::read_at(std::uint64_t position, char* to, std::size_t n) const {
  std::size_t done = 0;
  while (done < n) {
    const ssize_t got = ::pread(fd_, to + done, n - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return status_from_errno(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status File::write_at(std::uint64_t position, std::string_view bytes, std::size_t* written) {
  std::size_t done = 0;
  Status status;
  while (done < bytes.size()) {
    const ssize_t put =
        ops_->pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(position + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      status = status_from_errno(put < 0 ? errno : EIO, "write", path_);
      break;
    }
    done += static_cast<std::size_t>(put);
  }
  if (written != nullptr) *written = done;
  return status;
}

Status File::truncate(std::uint64_t size) {
  while (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return status_from_errno(errno, "truncate", path_);
  }
  return {};
}

Status File::datasync() {
  // EINTR is not retried: nothing says what became of the pages.
  if (ops_->fdatasync(fd_) != 0) return Status::io("fdatasync {}: {}", path_.native(), std::strerror(errno));
  return {};
}

Status File::sync() {
  if (ops_->fsync(fd_) != 0) return Status::io("fsync {}: {}", path_.native(), std::strerror(errno));
  return {};
}

Result<bool> File::reserve(std::uint64_t begin, std::uint64_t end) {
  while (ops_->fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin), static_cast<off_t>(end - begin)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) return false;
    return status_from_errno(errno, "reserve space in", path_);
  }
  return true;
}

namespace {

Status sync_range(int fd, const std::filesystem::path& path, std::uint64_t begin, std::uint64_t end, unsigned int flags) {
  if (::sync_file_range(fd, static_cast<off64_t>(begin), static_cast<off64_t>(end - begin), flags) == 0) return {};
  // Where there is no such call the sync at the end does it all.
  if (errno == ENOSYS || errno == EINVAL || errno == ESPIPE) return {};
  return status_from_errno(errno, "write", path);
}

}  // namespace

Status File::start_writing(std::uint64_t begin, std::uint64_t end) {
  return sync_range(fd_, path_, begin, end, SYNC_FILE_RANGE_WRITE);
}

Status File::finish_writing(std::uint64_t begin, std::uint64_t end) {
  STELE_CHECK(sync_range(fd_, path_, begin, end, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
  ::posix_fadvise(fd_, static_cast<off_t>(begin), static_cast<off_t>(end - begin), POSIX_FADV_DONTNEED);
  return {};
}

void File::forget_cached() const { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }

Status sync_directory(const std::filesystem::path& dir, const FileOps& ops) {
  const std::filesystem::path path = dir.empty() ? std::filesystem::path(".") : dir;
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return status_from_errno(errno, "open", path);
  const int result = ops.fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems (network, fuse) have no such call for directories, and nothing better either.
  if (result != 0 && error != EINVAL && error != ENOTSUP) {
    return Status::io("fsync {}: {}", path.native(), std::strerror(error));
  }
  return {};
}

Status create_directories_durably(const std::filesystem::path& dir, const FileOps& ops) {
  std::filesystem::path path = dir.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::filesystem::path parent = path.parent_path();
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    if (!parent.empty() && !std::filesystem::is_directory(parent, error)) {
      STELE_CHECK(create_directories_durably(parent, ops));
    }
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return status_from_errno(errno, "mkdir", path);
  }
  // Also when it exists: an earlier start may have been cut off between the two calls.
  return sync_directory(parent, ops);
}

Status replace_file_durably(const std::filesystem::path& path, std::string_view bytes, const FileOps& ops) {
  const std::filesystem::path temp = path.parent_path() / ("temp-" + path.filename().native());
  STELE_TRY(File file, File::open(temp, File::Mode::replace, ops));
  Status status = file.write_at(0, bytes);
  if (status.ok()) status = file.sync();
  if (status.ok() && ::rename(temp.c_str(), path.c_str()) != 0) status = status_from_errno(errno, "rename", temp);
  if (!status.ok()) {
    ::unlink(temp.c_str());
    return status;
  }
  return sync_directory(path.parent_path(), ops);
}

Result<std::string> read_whole_file(const std::filesystem::path& path, std::uint64_t bytes_max) {
  STELE_TRY(File file, File::open(path, File::Mode::read));
  STELE_TRY(const std::uint64_t size, file.size());
  if (size > bytes_max) return Status::corrupt("{}: {} bytes, expected at most {}", path.native(), size, bytes_max);
  std::string bytes(size, '\0');
  STELE_TRY(const std::size_t got, file.read_at(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  return bytes;
}

}  // namespace stele
