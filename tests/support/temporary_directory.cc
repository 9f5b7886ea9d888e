#include "tests/support/temporary_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace stele::test {
namespace {

// A server killed a moment ago may still have a child that writes: hence more than one try.
constexpr const char* kJanitorScript =
    "trap '' INT TERM HUP; cat >/dev/null; tries=0; "
    "while [ -e \"$1\" ] && [ $tries -lt 100 ]; do rm -rf -- \"$1\"; tries=$((tries + 1)); sleep 0.02; done";

void start_janitor(const std::string& root) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2: " + std::string(std::strerror(errno)));
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("fork: " + std::string(std::strerror(errno)));
  if (pid == 0) {
    ::setsid();  // a Ctrl-C is for the test, the janitor comes after it
    ::dup2(ends[0], STDIN_FILENO);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);  // whoever waits for the test's output must not wait for the janitor
    ::dup2(null, STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", kJanitorScript, "janitor", root.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(ends[0]);  // ends[1] stays open until this process ends
}

const std::filesystem::path& process_root() {
  static const std::filesystem::path root = [] {
    const char* parent = std::getenv("TMPDIR");
    std::string path = std::string(parent != nullptr ? parent : "/tmp") + "/stele-test-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error(path + ": " + std::strerror(errno));
    start_janitor(path);
    return path;
  }();
  return root;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  static std::atomic<int> count{0};
  path_ = process_root() / std::to_string(++count);
  std::filesystem::create_directory(path_);
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;  // the janitor gets what is left
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace stele::test
