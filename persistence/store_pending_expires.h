#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/offset.h"
#include "persistence/status.h"
#include "persistence/store_keys.h"

namespace stele {

/// Changes to `expires` until they are sorted: keys back to back in one buffer, 24 bytes each on top.
class PendingExpires {
 public:
  void add(UnixTime at, std::string_view object_key, bool erase) {
    STELE_ASSERT(at.ms() >= 0 && object_key.size() < kErase);
    const auto length = static_cast<std::uint32_t>(object_key.size());
    entries_.push_back({static_cast<std::uint64_t>(at.ms()), keys_.size(), length | (erase ? kErase : 0),
                        static_cast<std::uint32_t>(entries_.size())});
    keys_.append(object_key);
  }

  /// The changes of `later` come after these.
  void append(const PendingExpires& later) {
    for (const Entry& entry : later.entries_) {
      add(UnixTime(static_cast<std::int64_t>(entry.at_ms)), later.object_key(entry), (entry.length_and_erase & kErase) != 0);
    }
  }

  /// Calls `write(expires key, erase)` in ascending order, for the last change about each entry only.
  template <typename Write>
  Status drain(Write write) {
    std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
      if (a.at_ms != b.at_ms) return a.at_ms < b.at_ms;
      const int order = object_key(a).compare(object_key(b));
      return order != 0 ? order < 0 : a.number < b.number;
    });
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (i + 1 < entries_.size() && entries_[i + 1].at_ms == entry.at_ms &&
          object_key(entries_[i + 1]) == object_key(entry)) {
        continue;
      }
      STELE_CHECK(write(expires_key(UnixTime(static_cast<std::int64_t>(entry.at_ms)), object_key(entry)),
                        (entry.length_and_erase & kErase) != 0));
    }
    entries_.clear();
    keys_.clear();
    return {};
  }

 private:
  static constexpr std::uint32_t kErase = std::uint32_t{1} << 31;

  struct Entry {
    std::uint64_t at_ms;
    std::uint64_t key_begin;
    std::uint32_t length_and_erase;
    std::uint32_t number;  // in the order of the calls
  };
  static_assert(sizeof(Entry) == 24);

  std::string_view object_key(const Entry& entry) const {
    return std::string_view(keys_).substr(entry.key_begin, entry.length_and_erase & ~kErase);
  }

  std::vector<Entry> entries_;
  std::string keys_;
};

}  // namespace stele
