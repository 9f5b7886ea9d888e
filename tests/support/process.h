#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stele::test {

/// An executable and the name it is called by: redis-check-rdb is a whole Redis when it is called redis-server.
struct Program {
  std::filesystem::path path;
  std::string name;  // argv[0]

  bool has_debug_directive = true;  // enable-debug-command, of Redis 7

  bool is_redis() const { return name.find("redis") != std::string::npos; }
};

/// A child process. It is killed with its owner, and by the kernel if the thread that started it ends without running
/// destructors: so start long-lived ones on the main thread.
class Process {
 public:
  /// Runs `program` with stdout and stderr appended to `output`, stdin from `input` (or /dev/null), in its own session.
  Process(const Program& program, const std::vector<std::string>& args, const std::filesystem::path& output,
          const std::filesystem::path& input = "/dev/null");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();

  /// SIGKILL to the process and the children it forked; returns when it is gone.
  void kill9();
  void signal(int number);

  /// The exit code, or 128 + the signal that ended it. Nothing if it still runs after `deadline`.
  std::optional<int> wait(std::chrono::milliseconds deadline);

 private:
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::optional<int> exit_code_;
};

/// What a program that ran to its end left.
struct Outcome {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

/// Runs `program` (looked up in PATH unless it has a slash) with `input` as its stdin. Throws after `deadline`.
Outcome run_program(const std::string& program, const std::vector<std::string>& args, std::string_view input = {},
                    std::chrono::milliseconds deadline = std::chrono::seconds(120));

std::string read_file(const std::filesystem::path& path);

}  // namespace stele::test
