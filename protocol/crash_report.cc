#include "protocol/crash_report.h"

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

namespace stele {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsWatched = true;
#else
constexpr bool kIsWatched = false;
#endif

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr int kFramesMax = 100;
constexpr std::size_t kStackBytes = 64 * 1024;

int report_fd = STDOUT_FILENO;

// In a handler: nothing that allocates or locks.
void put(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(report_fd, text.data(), text.size());
}

void put_number(std::uint64_t number, unsigned base) {
  char digits[24];
  char* at = digits + sizeof digits;
  do {
    *--at = "0123456789abcdef"[number % base];
    number /= base;
  } while (number != 0);
  put({at, static_cast<std::size_t>(digits + sizeof digits - at)});
}

void report(int number, siginfo_t* info, void*) {
  const int error = errno;
  put("\n=== BUG REPORT START: report it, please, with what is between these lines ===\nstele (pid ");
  put_number(static_cast<std::uint64_t>(::getpid()), 10);
  put(") crashed by signal: ");
  put_number(static_cast<std::uint64_t>(number), 10);
  if (number != SIGABRT) {
    put("\nAccessing address: 0x");
    put_number(reinterpret_cast<std::uint64_t>(info->si_addr), 16);
  }
  put("\n\n------ STACK TRACE ------\n");
  void* frames[kFramesMax];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, kFramesMax), report_fd);
  put("\n=== BUG REPORT END: what was acknowledged is in the journal, and the next start recovers it ===\n");
  errno = error;
  ::raise(number);  // SA_RESETHAND: this time it ends the process
}

}  // namespace

void set_crash_report(const Config& config) {
  if (kIsWatched) return;
  if (!config.logfile.empty() && report_fd == STDOUT_FILENO) {
    const int fd = ::open(config.logfile.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) report_fd = fd;
  }
  // The first call loads a library, which a handler must not do.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  // A stack that has run over cannot hold the handler.
  static char stack[kStackBytes];
  const stack_t other{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_flags = SA_RESETHAND | SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  if (config.crash_log_enabled) {
    action.sa_sigaction = report;
  } else {
    action.sa_handler = SIG_DFL;
  }
  for (const int number : kSignals) ::sigaction(number, &action, nullptr);
}

}  // namespace stele
