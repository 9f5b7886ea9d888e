#include "protocol/acl/acl_log.h"

#include <algorithm>

namespace stele {

namespace {

// As Redis groups: with one of the last ten, within a minute.
constexpr std::size_t kComparedMax = 10;
constexpr std::int64_t kGroupedMsMax = 60'000;

bool are_alike(const AclLog::Entry& a, const AclLog::Entry& b) {
  return a.reason == b.reason && a.context == b.context && b.updated.ms() - a.updated.ms() <= kGroupedMsMax &&
         a.object == b.object && a.user == b.user;
}

}  // namespace

std::string_view name_of(Denial reason) {
  switch (reason) {
    case Denial::command: return "command";
    case Denial::key: return "key";
    case Denial::auth: return "auth";
    case Denial::channel: return "channel";
    case Denial::none: break;
  }
  return "unknown";
}

std::string_view name_of(AclContext context) {
  switch (context) {
    case AclContext::toplevel: return "toplevel";
    case AclContext::multi: return "multi";
    case AclContext::lua: return "lua";
  }
  return "unknown";
}

void AclLog::add(Entry entry, std::size_t length_max) {
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(entries_.size(), kComparedMax));
  const auto known = std::find_if(entries_.begin(), end, [&](const Entry& other) { return are_alike(other, entry); });
  if (known != end) {
    Entry grouped = std::move(*known);
    entries_.erase(known);
    ++grouped.count;
    grouped.updated = entry.updated;
    grouped.client = std::move(entry.client);
    entries_.push_front(std::move(grouped));
    return;
  }
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  while (entries_.size() > length_max) entries_.pop_back();
}

}  // namespace stele
