#include "protocol/slow_log.h"

#include <fmt/format.h>

namespace stele {

namespace {

// As Redis: what is cut says how much is missing.
constexpr std::size_t kArgsMax = 32;
constexpr std::size_t kArgBytesMax = 128;

}  // namespace

void SlowLog::add(UnixTime at, std::uint64_t microseconds, std::span<const std::string_view> args, std::string_view peer,
                  std::string_view client_name, std::size_t length_max) {
  Entry entry{next_id_++, at, microseconds, {}, std::string(peer), std::string(client_name)};
  const std::size_t shown = std::min(args.size(), kArgsMax);
  for (std::size_t i = 0; i < shown; ++i) {
    if (shown != args.size() && i == shown - 1) {
      entry.args.push_back(fmt::format("... ({} more arguments)", args.size() - shown + 1));
    } else if (args[i].size() > kArgBytesMax) {
      entry.args.push_back(
          fmt::format("{}... ({} more bytes)", args[i].substr(0, kArgBytesMax), args[i].size() - kArgBytesMax));
    } else {
      entry.args.emplace_back(args[i]);
    }
  }
  entries_.push_front(std::move(entry));
  while (entries_.size() > length_max) entries_.pop_back();
}

}  // namespace stele
