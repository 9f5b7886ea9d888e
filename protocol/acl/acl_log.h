#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "persistence/offset.h"
#include "protocol/acl/selector.h"

namespace stele {

/// Where a command was refused.
enum class AclContext : std::uint8_t { toplevel, multi, lua };

/// What was refused to whom: ACL LOG, the newest first. An event like one of the last few, and not long after it, is counted
/// with it instead of taking a place of its own.
///
/// Threads: the executor.
class AclLog {
 public:
  struct Entry {
    std::uint64_t id = 0;
    std::uint64_t count = 1;
    Denial reason{};
    AclContext context{};
    std::string object;  // the command, key or channel; for a failed login, how the command was written
    std::string user;
    std::string client;  // as in CLIENT LIST
    UnixTime created, updated;
  };

  void add(Entry entry, std::size_t length_max);
  const std::deque<Entry>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::uint64_t next_id_ = 0;
  std::deque<Entry> entries_;
};

std::string_view name_of(Denial reason);
std::string_view name_of(AclContext context);

}  // namespace stele
