#pragma once

#include <optional>
#include <string_view>

#include "engine/set/set_value.h"
#include "engine/zset/zset_value.h"

namespace stele {

/// A key that sorted sets are combined from: nothing, a sorted set, or a plain set, whose members have a score of 1.
class ZsetSource {
 public:
  ZsetSource() = default;
  explicit ZsetSource(const Entry* entry) : entry_(entry) {}

  static bool accepts(const Entry& entry) {
    return entry.type() == ObjectType::zset || entry.type() == ObjectType::set;
  }

  std::size_t size() const;
  std::optional<double> score_of(std::string_view text) const;
  bool is_same_as(const ZsetSource& other) const { return entry_ == other.entry_; }

  /// visit(text, score) for each member, until it returns false.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    if (size() == 0) return;
    if (entry_->type() == ObjectType::set) {
      SetWalk members(SetBody{*entry_});
      PackedValue member;
      char digits[24];
      while (members.next(member)) {
        if (!visit(member.text(digits), 1.0)) return;
      }
      return;
    }
    for (SortedSet::Walk walk(SortedSet(*entry_), 0, false); walk; walk.next()) {
      if (!visit(walk.text(), walk.score())) return;
    }
  }

  double weight = 1;

 private:
  const Entry* entry_ = nullptr;  // null: an absent key
};

}  // namespace stele
