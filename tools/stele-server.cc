#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <spdlog/spdlog.h>

#include "protocol/crash_report.h"
#include "protocol/log.h"
#include "protocol/process_title.h"
#include "protocol/server.h"
#include "replication/replication.h"

namespace {

int fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

constexpr const char* kUsage =
    "Usage: stele-server [/path/to/stele.conf] [--directive value ...] [-]\n"
    "       stele-server - (read the configuration from standard input)\n"
    "       stele-server -v or --version\n"
    "       stele-server -h or --help\n"
    "\n"
    "Examples:\n"
    "       stele-server conf/stele.conf\n"
    "       stele-server --port 7777 --dir /var/lib/stele\n"
    "       stele-server stele.conf --appendfsync always --loglevel warning\n";

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && (arguments[0] == "-v" || arguments[0] == "--version")) {
    std::printf("stele server v=%s\n", STELE_VERSION);
    return 0;
  }
  if (arguments.size() == 1 && (arguments[0] == "-h" || arguments[0] == "--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  auto config = stele::load_config(arguments, [] {
    return std::string(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  });
  if (!config.ok()) return fail(config.status().message());
  if (config->config.daemonize && ::daemon(1, 0) != 0) return fail("stele-server: cannot become a daemon");
  if (const stele::Status status = stele::open_log(config->config); !status.ok()) return fail(status.message());

  stele::set_crash_report(config->config);
  // From here on argv is what ps shows.
  stele::ProcessTitle title(argc, argv);
  spdlog::info("stele version={}, PID: {}, started", STELE_VERSION, ::getpid());
  auto server = stele::Server::start(std::move(*config), title.program(), stele::replication_parts());
  if (!server.ok()) {
    spdlog::critical("{}", server.status().message());
    return 1;
  }
  (*server)->show_in(title);
  return (*server)->run();
}
