#include "persistence/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include <spdlog/spdlog.h>

#include "persistence/file.h"

namespace stele {
namespace {

std::string owner_of(int fd) {
  char text[32];
  const ssize_t got = ::pread(fd, text, sizeof text, 0);
  std::string owner(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!owner.empty() && (owner.back() < '0' || owner.back() > '9')) owner.pop_back();
  return owner.empty() ? "unknown" : owner;
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return status_from_errno(errno, "open", path);
  LockFile lock(fd);

  // flock belongs to the open file, not to the process: a second open in this process is refused as well.
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Status::unavailable("{}: in use by process {}", path.parent_path().native(), owner_of(fd));
    }
    if (errno != ENOLCK && errno != ENOTSUP && errno != ENOSYS && errno != EINVAL) {
      return status_from_errno(errno, "lock", path);
    }
    spdlog::warn("{}: this file system has no locks; nothing keeps a second server out of the directory",
                 path.native());
  }
  const std::string owner = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
    // Only the message of a refused second server is poorer for it; a full disk must not stop a start.
    spdlog::warn("{}: the pid could not be written: {}", path.native(), std::strerror(errno));
  }
  return lock;
}

LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace stele
