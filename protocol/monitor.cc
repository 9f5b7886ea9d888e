#include "protocol/monitor.h"

#include "protocol/environment.h"
#include "protocol/resp_reply.h"

namespace stele {

void feed_monitors(Environment& environment, const Connection& from, std::span<const std::string_view> args, UnixTime now) {
  std::string line = fmt::format("{}.{:06} [{} {}]", now.ms() / 1000, now.ms() % 1000 * 1000, from.db,
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
