#include "protocol/monitor.h"

#include "protocol/commands_server.h"
#include "protocol/environment.h"
#include "protocol/resp_reply.h"

namespace stele {

void feed_monitors(Environment& environment, const Connection& from, std::span<const std::string_view> args) {
  const std::int64_t now_us = unix_microseconds();
  std::string line = fmt::format("{}.{:06} [{} {}]", now_us / 1'000'000, now_us % 1'000'000, from.db,
                                 from.unix_socket ? "unix:" + from.peer : from.peer);
  for (const std::string_view arg : args) {
    line += ' ';
    line += quote(arg);
  }
  for (Connection* monitor : environment.monitors) {
    if (monitor->closed) continue;
    RespWriter(monitor->output, monitor->resp).simple(line);
    environment.replied(*monitor);
  }
}

}  // namespace stele
