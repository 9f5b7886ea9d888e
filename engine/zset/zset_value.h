#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/collection_limits.h"
#include "engine/entry.h"
#include "engine/packed/element_table.h"
#include "persistence/packed/listpack.h"
#include "engine/zset/member.h"
#include "engine/zset/ranked_tree.h"

namespace stele {

/// The body of a sorted set that is too large for a listpack: its members by text and by rank.
class Zset {
 public:
  Zset() = default;
  explicit Zset(std::size_t elements) : table(elements) {}

  std::size_t allocated_bytes() const;

  ElementTable<Member> table;  // owns the members
  RankedTree tree;
  std::size_t member_bytes = 0;
};

/// Members in order of rank that are not in a sorted set yet. Owns them.
class MemberList {
 public:
  MemberList() = default;
  ~MemberList() {
    for (Member* const member : members_) Member::destroy(member);
  }
  MemberList(MemberList&& other) noexcept : members_(std::move(other.members_)) {}
  MemberList(const MemberList&) = delete;
  MemberList& operator=(const MemberList&) = delete;

  Member* add(std::string_view text, double score) { return members_.emplace_back(Member::make(text, score)); }
  void sort();
  std::span<Member* const> get() const { return members_; }
  std::size_t size() const { return members_.size(); }
  /// The caller owns them now.
  std::vector<Member*> release() { return std::move(members_); }

 private:
  std::vector<Member*> members_;
};

/// A range of ranks, [first, last).
struct RankRange {
  std::size_t first = 0;
  std::size_t last = 0;

  std::size_t size() const { return last - first; }
};

/// The sorted set that an entry holds, in either form:
///
///     listpack   member, score, member, score ... in the order of (score, member)
///     skiplist   a Zset, under the name that clients know
///
/// Borrows the entry, whose body changes may replace. What is O(log n) here is O(n) for a listpack, whose n is bounded
/// by the limits.
class SortedSet {
 public:
  explicit SortedSet(Entry& entry) : entry_(entry) {}
  /// For reading only.
  explicit SortedSet(const Entry& entry) : entry_(const_cast<Entry&>(entry)) {}

  /// An empty one, of the form that suits so many members of at most so many bytes.
  static Entry* make(std::string_view key, std::size_t members, std::size_t bytes_max, const CollectionLimits& limits);
  /// With these members, which are in order of rank. Takes them over.
  static Entry* make(std::string_view key, MemberList members, const CollectionLimits& limits);

  bool is_packed() const { return entry_.encoding() == Encoding::listpack; }
  std::size_t size() const;

  /// Takes the form that Redis gives what it loads. What was `packed` stays so unless it has too many members; else the
  /// length of the members counts, too.
  void fit(bool packed, const CollectionLimits& limits);

  /// Where a member is, or that it is not there. Valid until the next change.
  struct Spot {
    bool found = false;
    double score = 0;
    Member* member = nullptr;
    Listpack::Place place = Listpack::kNone;
    std::uint64_t hash = 0;

    explicit operator bool() const { return found; }
  };
  Spot find(std::string_view text) const;
  std::size_t rank_of(const Spot& spot) const;

  /// `spot` is what find(text) said: that it is not there. Takes another form if it has to.
  void insert(const Spot& spot, std::string_view text, double score, const CollectionLimits& limits);
  /// Likewise, that it is.
  void set_score(const Spot& spot, std::string_view text, double score);
  void erase(const Spot& spot, std::string_view text);
  void erase_ranks(RankRange range);

  /// From the member of a rank, which must exist, on in either direction.
  class Walk {
   public:
    Walk(const SortedSet& set, std::size_t rank, bool backwards);
    /// At a member.
    explicit operator bool() const { return packed_ ? place_ != Listpack::kNone : bool(cursor_); }
    void next();
    double score() const;
    /// Valid until next().
    std::string_view text() const;

   private:
    bool packed_;
    bool backwards_;
    Listpack::Place place_ = Listpack::kNone;
    void* listpack_ = nullptr;
    RankedTree::Cursor cursor_;
    mutable char digits_[24];
  };
  /// visit(text, score) for every rank of the range, the last first if `backwards`.
  template <typename Visit>
  void for_each(RankRange range, bool backwards, const Visit& visit) const {
    std::size_t count = range.size();
    if (count == 0) return;
    for (Walk walk(*this, backwards ? range.last - 1 : range.first, backwards);; walk.next()) {
      visit(walk.text(), walk.score());
      if (--count == 0) return;
    }
  }
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for_each({0, size()}, false, visit);
  }

  /// From the first member on that `below` does not hold for up to the first that `above` holds for. Both take (score,
  /// text); below() must hold for a beginning of the order and above() for an end of it.
  template <typename Below, typename Above>
  RankRange range(const Below& below, const Above& above) const;

  const Zset& zset() const { return *static_cast<Zset*>(entry_.body()); }

 private:
  Zset& zset() { return *static_cast<Zset*>(entry_.body()); }
  void become_skiplist();
  void become_packed();
  void insert_packed(std::string_view text, double score);

  Entry& entry_;
};

/// The score that a place of a listpack holds; nothing if it is none.
std::optional<double> packed_score(const PackedValue& value);

/// Appends member and score to a listpack.
void append_packed(Listpack& listpack, std::string_view text, double score);

template <typename Below, typename Above>
RankRange SortedSet::range(const Below& below, const Above& above) const {
  RankRange range;
  if (!is_packed()) {
    const RankedTree& tree = zset().tree;
    range.first = tree.count_while([&](double score, const Member* member) { return below(score, member->text()); });
    range.last = tree.count_while([&](double score, const Member* member) { return !above(score, member->text()); });
    if (range.last < range.first) range.last = range.first;
    return range;
  }
  const std::size_t count = size();
  if (count == 0) return range;
  Walk walk(*this, 0, false);
  while (walk && below(walk.score(), walk.text())) ++range.first, walk.next();
  range.last = range.first;
  while (walk && !above(walk.score(), walk.text())) ++range.last, walk.next();
  return range;
}

}  // namespace stele
