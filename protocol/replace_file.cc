#include "protocol/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace stele {

namespace {

Status failed(int error) { return Status::io("{}", std::strerror(error)); }

/// A file beside the one it is to become; removed again unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& beside) : path_(beside + ".XXXXXX") {
    fd_ = ::mkostemp(path_.data(), O_CLOEXEC);
    exists_ = fd_ >= 0;
  }
  ~TemporaryFile() {
    if (fd_ >= 0) ::close(fd_);
    if (exists_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  int fd() const { return fd_; }
  bool write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool rename_to(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return false;
    exists_ = false;
    return true;
  }

 private:
  std::string path_;
  int fd_ = -1;
  bool exists_ = false;
};

Status sync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed(errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 ? Status() : failed(error);
}

}  // namespace

Status replace_file(const std::string& path, std::string_view text) {
  struct stat old {};
  const bool existed = ::stat(path.c_str(), &old) == 0;
  TemporaryFile file(path);
  if (file.fd() < 0) return failed(errno);
  if (::fchmod(file.fd(), existed ? old.st_mode & 07777 : 0644) != 0) return failed(errno);
  // Only root can give a file away; for others the owner is the server's user anyway.
  if (existed && ::geteuid() == 0 && ::fchown(file.fd(), old.st_uid, old.st_gid) != 0) return failed(errno);
  if (!file.write(text) || ::fsync(file.fd()) != 0 || !file.rename_to(path)) return failed(errno);
  return sync_directory(std::filesystem::path(path).parent_path().native());
}

Result<std::string> read_whole_file(const std::string& path, const std::function<Status(std::string_view why)>& failure) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return failure(std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return failure(std::strerror(EIO));
  return std::move(text).str();
}

}  // namespace stele
