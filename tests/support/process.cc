#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "tests/support/temporary_directory.h"

namespace stele::test {
namespace {

std::filesystem::path find_in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  std::istringstream folders(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path path = std::filesystem::path(folder) / program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  throw std::runtime_error(program + ": not found in PATH");
}

}  // namespace

Process::Process(const Program& program, const std::vector<std::string>& args, const std::filesystem::path& output,
                 const std::filesystem::path& input) {
  std::vector<char*> argv;
  std::string name = program.name;
  std::vector<std::string> copies = args;
  argv.push_back(name.data());
  for (std::string& arg : copies) argv.push_back(arg.data());
  argv.push_back(nullptr);

  const int out = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = ::open(input.c_str(), O_RDONLY | O_CLOEXEC);
  if (out < 0 || in < 0)
    throw std::runtime_error(fmt::format("{} or {}: {}", output.native(), input.native(), std::strerror(errno)));
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    // Only what is safe between fork and exec in a process with threads.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::setsid();
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execv(program.path.c_str(), argv.data());
    ::_exit(127);
  }
  const int error = errno;
  ::close(out);
  ::close(in);
  if (pid_ < 0) throw std::runtime_error(fmt::format("fork: {}", std::strerror(error)));
  pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));  // the libc wrapper has no C linkage here
  if (pid_fd_ < 0) throw std::runtime_error(fmt::format("pidfd_open: {}", std::strerror(errno)));
}

Process::~Process() {
  if (!exit_code_) kill9();
  if (pid_fd_ >= 0) ::close(pid_fd_);
}

bool Process::running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

void Process::kill9() {
  if (exit_code_) return;
  ::kill(-pid_, SIGKILL);  // its session, for children that it forked to save
  ::kill(pid_, SIGKILL);   // it may not have got as far as setsid()
  while (!wait(std::chrono::seconds(60))) continue;
}

void Process::signal(int number) {
  if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> Process::wait(std::chrono::milliseconds deadline) {
  if (exit_code_) return exit_code_;
  pollfd gone{.fd = pid_fd_, .events = POLLIN, .revents = 0};
  if (::poll(&gone, 1, static_cast<int>(deadline.count())) <= 0) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

Outcome run_program(const std::string& program, const std::vector<std::string>& args, std::string_view input,
                    std::chrono::milliseconds deadline) {
  const TemporaryDirectory directory;
  const std::filesystem::path in = directory.path() / "in";
  std::ofstream(in, std::ios::binary) << input;
  Process process({find_in_path(program), program}, args, directory.path() / "out", in);
  const std::optional<int> exit_code = process.wait(deadline);
  std::string output = read_file(directory.path() / "out");
  if (!exit_code)
    throw std::runtime_error(fmt::format("{} runs on after {} ms: {}", program, deadline.count(), output));
  return {*exit_code, std::move(output)};
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

}  // namespace stele::test
