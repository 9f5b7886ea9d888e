#include "engine/session.h"

namespace stele {

QueuedCommand::QueuedCommand(RegisteredCommand* command, std::span<const std::string_view> args, std::string_view raw)
    : command_(command), raw_bytes_(raw.size()) {
  args_.reserve(args.size());
  if (!raw.empty()) {
    bytes_.assign(raw);
    for (const std::string_view arg : args) {
      args_.emplace_back(bytes_.data() + (arg.data() - raw.data()), arg.size());
    }
    return;
  }
  std::size_t total = 0;
  for (const std::string_view arg : args) total += arg.size();
  bytes_.reserve(total);
  for (const std::string_view arg : args) {
    args_.emplace_back(bytes_.data() + bytes_.size(), arg.size());
    bytes_.append(arg);
  }
}

}  // namespace stele
