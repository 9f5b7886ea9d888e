// A server of the past, beside the live one. As a replica of nobody that answers it takes no writes, and removes nothing by itself.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "persistence/file.h"
#include "tools/restore/restore.h"

namespace stele::tools {

namespace fs = std::filesystem;

Status serve(const fs::path& dir, int port) {
  std::error_code error;
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "stele-server";
  const std::string program = fs::exists(beside, error) ? beside.native() : "stele-server";
  const std::string port_text = std::to_string(port);
  // Nobody listens on port 1 of this machine; if somebody did, it would speak no PSYNC.
  const std::vector<std::string> words = {program,      "--port",       port_text,   "--bind",     "127.0.0.1",
                                          "--dir",      dir.native(),   "--appendonly", "no",      "--save",
                                          "",           "--replicaof",  "127.0.0.1", "1",          "--replica-read-only",
                                          "yes",        "--loglevel",   "warning"};
  std::vector<char*> args;
  for (const std::string& word : words) args.push_back(const_cast<char*>(word.c_str()));
  args.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return status_from_errno(errno, "start", program);
  if (child == 0) {
    // Its own group: an interrupt of the terminal comes to us alone, and we end it.
    ::setpgid(0, 0);
    if (::getppid() != parent) ::_exit(1);
    ::execvp(args[0], args.data());
    ::_exit(127);
  }
  bool told = false;
  for (;;) {
    int outcome = 0;
    const pid_t ended = ::waitpid(child, &outcome, WNOHANG);
    if (ended == child) {
      if (told || (WIFEXITED(outcome) && WEXITSTATUS(outcome) == 0)) return Status();
      return WIFEXITED(outcome) && WEXITSTATUS(outcome) == 127
                 ? Status::invalid("{}: cannot be started", program)
                 : Status::unavailable("{} ended by itself; its log is above", program);
    }
    if (interruptions() && !told) {
      told = true;
      ::kill(child, SIGTERM);
    }
    ::usleep(50'000);
  }
}

}  // namespace stele::tools
