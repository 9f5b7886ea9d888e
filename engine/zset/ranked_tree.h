#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/zset/member.h"

namespace stele {

/// Members in the order of (score, text), each at its rank: a B+-tree whose inner nodes count what is below them.
///
///     inner   | first of each child | child | elements below it |          up to 62 children
///     leaf    | score, member | score, member | ...                        up to 62, leaves are linked both ways
///
/// The scores stand in the nodes, so that a search looks at texts only where scores are equal. A leaf that fills at an
/// end of the order stays full when it splits: scores that only grow (times) leave no room unused. Two neighbours are
/// joined as soon as both fit into three quarters of one, so nodes are about half full at worst, but for the last.
///
/// insert, erase, move, rank_of, count_while and cursor_at are O(log n). The tree does not own the members, and their
/// scores may be changed by move() only. No score is NaN.
class RankedTree {
 private:
  struct Leaf;
  struct Inner;

 public:
  struct Slot {
    double score;
    Member* member;
  };

  /// A place in the order, or behind its end. Valid until the tree changes.
  class Cursor {
   public:
    Cursor() = default;  // behind the end
    explicit operator bool() const { return leaf_ != nullptr; }
    double score() const { return slot().score; }
    Member* member() const { return slot().member; }
    inline void next();
    inline void previous();

   private:
    friend class RankedTree;
    Cursor(const Leaf* leaf, std::uint32_t index) : leaf_(leaf), index_(index) {}
    inline const Slot& slot() const;

    const Leaf* leaf_ = nullptr;
    std::uint32_t index_ = 0;
  };

  RankedTree() = default;
  ~RankedTree();
  RankedTree(RankedTree&& other) noexcept;
  RankedTree& operator=(RankedTree&& other) noexcept;
  RankedTree(const RankedTree&) = delete;
  RankedTree& operator=(const RankedTree&) = delete;

  std::size_t size() const { return size_; }
  /// Of the nodes.
  std::size_t allocated_bytes() const { return allocated_bytes_; }

  /// `member` must not be in the tree, nor one with the same score and text.
  void insert(Member* member);
  void erase(const Member* member);
  /// Gives `member`, which is in the tree, another score.
  void move(Member* member, double score);

  /// How many members come before this one.
  std::size_t rank_of(const Member* member) const;
  /// At the member of this rank, which must exist.
  Cursor cursor_at(std::size_t rank) const;
  /// How many members, from the first on, `before` holds for. `before(score, member)` must hold for all up to some
  /// member and for none behind it.
  template <typename Before>
  std::size_t count_while(const Before& before) const {
    Path path;
    descend(path, before);
    return path.rank;
  }

  /// Takes `count` members from `rank` on out, after `taken(member)` for each. O(log n + count).
  template <typename Taken>
  void erase_ranks(std::size_t rank, std::size_t count, const Taken& taken) {
    while (count > 0) {
      Path path;
      descend_to(path, rank);
      const Slot* const slots = path.leaf->slots();
      std::uint32_t n = path.leaf->count - path.index;
      if (count < n) n = static_cast<std::uint32_t>(count);
      for (std::uint32_t i = 0; i < n; ++i) taken(slots[path.index + i].member);
      erase_slots(path, n);
      count -= n;
    }
  }

 private:
  static constexpr std::uint32_t kFanout = 62;
  static constexpr std::uint32_t kJoin = kFanout * 3 / 4;
  static constexpr std::uint32_t kFirstCapacity = 6;  // of the only leaf, which then doubles
  static constexpr unsigned kHeightMax = 16;

  // Its size is a power of two, which is a size class of the allocator.
  struct Leaf {
    std::uint32_t count;
    std::uint32_t capacity;
    Leaf* previous;
    Leaf* next;

    Slot* slots() { return reinterpret_cast<Slot*>(this + 1); }
    const Slot* slots() const { return reinterpret_cast<const Slot*>(this + 1); }
  };
  static_assert(sizeof(Leaf) == 24 && sizeof(Leaf) + kFanout * sizeof(Slot) <= 1024);

  // One more than it keeps, for the moment before it is split.
  struct Inner {
    std::uint32_t count;
    Slot first[kFanout + 1];
    void* child[kFanout + 1];
    std::uint64_t elements[kFanout + 1];
  };

  // The way from the root down: inner[height_] is the root, inner[1] the parent of the leaf.
  struct Path {
    Inner* inner[kHeightMax + 1];
    std::uint32_t child[kHeightMax + 1];
    Leaf* leaf = nullptr;
    std::uint32_t index = 0;  // in the leaf, may be its count
    std::size_t rank = 0;     // of that place
  };

  // How many of slots[0, count) `before` holds for.
  template <typename Before>
  static std::uint32_t partition(const Slot* slots, std::uint32_t count, const Before& before) {
    std::uint32_t begin = 0;
    while (count > 0) {
      const std::uint32_t half = count / 2;
      const Slot& slot = slots[begin + half];
      if (before(slot.score, slot.member)) {
        begin += half + 1;
        count -= half + 1;
      } else {
        count = half;
      }
    }
    return begin;
  }

  // To the place behind the last one that `before` holds for, and behind it in the same leaf.
  template <typename Before>
  void descend(Path& path, const Before& before) const {
    const void* node = root_;
    for (unsigned h = height_; h > 0; --h) {
      Inner* const inner = static_cast<Inner*>(const_cast<void*>(node));
      const std::uint32_t behind = partition(inner->first, inner->count, before);
      const std::uint32_t i = behind == 0 ? 0 : behind - 1;
      for (std::uint32_t k = 0; k < i; ++k) path.rank += inner->elements[k];
      path.inner[h] = inner;
      path.child[h] = i;
      node = inner->child[i];
    }
    path.leaf = static_cast<Leaf*>(const_cast<void*>(node));
    if (path.leaf == nullptr) return;
    path.index = partition(path.leaf->slots(), path.leaf->count, before);
    path.rank += path.index;
  }
  void descend_to(Path& path, std::size_t rank) const;
  void descend_to(Path& path, const Member* member) const;

  Leaf* make_leaf(std::uint32_t capacity);
  Inner* make_inner();
  void free_leaf(Leaf* leaf);
  void free_inner(Inner* inner);
  void free_below(void* node, unsigned height);

  void insert_at(Path& path, Slot slot);
  void make_room(Path& path, const Slot& slot);
  void add_child(Path& path, unsigned height, const Slot& first, void* node, std::size_t elements, bool follow);
  void erase_slots(Path& path, std::uint32_t count);
  void join_children(Path& path, unsigned height);
  void join(Inner& parent, unsigned height, std::uint32_t left);
  void refresh_firsts(Path& path, unsigned height, const Slot& first);
  bool stays_in_place(const Path& path, double score) const;

  void* root_ = nullptr;  // a Leaf if height_ is 0
  unsigned height_ = 0;
  std::size_t size_ = 0;
  std::size_t allocated_bytes_ = 0;
};

inline const RankedTree::Slot& RankedTree::Cursor::slot() const { return leaf_->slots()[index_]; }

inline void RankedTree::Cursor::next() {
  if (++index_ < leaf_->count) return;
  leaf_ = leaf_->next;
  index_ = 0;
}

inline void RankedTree::Cursor::previous() {
  if (index_ > 0) {
    --index_;
    return;
  }
  leaf_ = leaf_->previous;
  if (leaf_ != nullptr) index_ = leaf_->count - 1;
}

}  // namespace stele
