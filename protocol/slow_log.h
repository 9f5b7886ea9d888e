#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/offset.h"

namespace stele {

/// The commands that took long, the newest first. Arguments are cut as Redis does. Threads: the executor.
class SlowLog {
 public:
  struct Entry {
    std::uint64_t id;
    UnixTime at;
    std::uint64_t microseconds;
    std::vector<std::string> args;
    std::string peer;
    std::string client_name;
  };

  void add(UnixTime at, std::uint64_t microseconds, std::span<const std::string_view> args, std::string_view peer,
           std::string_view client_name, std::size_t length_max);
  const std::deque<Entry>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::uint64_t next_id_ = 0;
  std::deque<Entry> entries_;
};

}  // namespace stele
