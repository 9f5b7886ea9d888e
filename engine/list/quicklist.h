#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "persistence/packed/listpack.h"

namespace stele {

enum class ListEnd : std::uint8_t { head, tail };

/// How large a node of a list may become: list-max-listpack-size.
struct NodeLimit {
  std::size_t bytes = std::numeric_limits<std::size_t>::max();  // a longer element gets a node of its own
  std::uint32_t count = std::numeric_limits<std::uint32_t>::max();
  bool by_count = false;  // `bytes` is only a guard then

  /// Of the directive: a positive value is a count of elements, -1 to -5 are 4, 8, 16, 32 and 64 KiB.
  static NodeLimit of(std::int64_t list_max_listpack_size);
  static NodeLimit none() { return {}; }

  bool allows(std::size_t total_bytes, std::size_t elements) const { return total_bytes <= bytes && elements <= count; }
  /// What a quicklist must have shrunk to before it is a listpack again. A limit in elements does not ask for bytes
  /// then.
  NodeLimit half() const {
    return {.bytes = by_count ? std::numeric_limits<std::size_t>::max() : bytes / 2,
            .count = count / 2,
            .by_count = by_count};
  }
};

/// Compares elements with one text; the number that the text may be is worked out once.
class ElementMatcher {
 public:
  explicit ElementMatcher(std::string_view text);
  bool operator()(const PackedValue& value) const {
    if (value.is_integer()) return integer_ && *integer_ == value.integer;
    return std::string_view(value.data, value.bytes) == text_;
  }

 private:
  std::string_view text_;
  std::optional<std::int64_t> integer_;
};

/// Where an element of a list is; valid until the list changes.
struct ListPlace {
  std::size_t node;
  Listpack::Place at;  // kNone in a plain node
};

/// A part of a list: a listpack of elements, or one element too long for that.
struct ListNode {
  char* data = nullptr;     // a Listpack's allocation, or the element's bytes
  std::uint32_t bytes = 0;  // of a plain element
  std::uint32_t count : 31 = 0;
  std::uint32_t plain : 1 = 0;

  PackedValue plain_value() const { return {.data = data, .bytes = bytes}; }
};
static_assert(sizeof(ListNode) == 16);

/// A node's listpack, lent for a scope; it may move while it is changed.
class LentPack {
 public:
  explicit LentPack(ListNode& node) : node_(node), pack_(Listpack::adopt(node.data)) {}
  ~LentPack() { node_.data = static_cast<char*>(pack_.release()); }
  LentPack(const LentPack&) = delete;
  LentPack& operator=(const LentPack&) = delete;
  Listpack* operator->() { return &pack_; }
  Listpack& operator*() { return pack_; }

 private:
  ListNode& node_;
  Listpack pack_;
};

/// As LentPack, to read only.
class PackView {
 public:
  explicit PackView(const ListNode& node) : pack_(Listpack::adopt(node.data)) {}
  ~PackView() { pack_.release(); }
  PackView(const PackView&) = delete;
  PackView& operator=(const PackView&) = delete;
  const Listpack* operator->() const { return &pack_; }
  const Listpack& operator*() const { return pack_; }

 private:
  Listpack pack_;
};

/// A list as a sequence of nodes, in an array with room at both ends, so that an index is found by adding up counts of
/// nodes that lie side by side. Ends cost O(1) amortised; the middle O(nodes) to find a place and O(nodes) to make one.
///
/// No node is empty. A list of one node needs no array: it is in the object itself, so that a list held as a listpack
/// can be changed through a Quicklist on the stack without an allocation.
class Quicklist {
 public:
  Quicklist() = default;
  /// One node, none if `pack` is empty.
  explicit Quicklist(Listpack pack);
  ~Quicklist();
  Quicklist(Quicklist&& other) noexcept;
  Quicklist& operator=(Quicklist&& other) = delete;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<const ListNode> nodes() const { return {begin(), count_}; }
  Quicklist copy() const;
  /// Bytes of everything but the object itself; O(nodes).
  std::size_t allocated_bytes() const;

  /// Whether one listpack holds all of it.
  bool is_one_pack() const { return count_ == 0 || (count_ == 1 && begin()->plain == 0); }
  /// That listpack; the list is empty then.
  Listpack take_pack();

  // --- changes; `text` may lie in no node of this list
  void push(ListEnd end, std::string_view text, const NodeLimit& limit);
  /// A node as it came from a file; never empty.
  void push_node(Listpack pack);
  void push_plain(std::string_view text);
  void insert(ListPlace place, bool after, std::string_view text, const NodeLimit& limit);
  /// `index` < size().
  void replace(std::size_t index, std::string_view text, const NodeLimit& limit);
  /// `first` + `count` <= size().
  void erase(std::size_t first, std::size_t count);
  /// Removes elements equal to `text`, beginning in the node of `place` and going away from `from`; at most `most` of
  /// them. Returns how many.
  std::size_t remove_equal(std::string_view text, ListPlace place, ListEnd from, std::size_t most);

 private:
  ListNode* begin() { return nodes_ + begin_; }
  const ListNode* begin() const { return nodes_ + begin_; }
  ListNode& node(std::size_t i) { return nodes_[begin_ + i]; }
  bool has_array() const { return nodes_ != &only_; }

  /// Makes place for a node before the one at `at`.
  ListNode& add_node(std::size_t at);
  void remove_nodes(std::size_t at, std::size_t n);
  void move_to(std::uint32_t capacity, ListEnd growing);
  std::uint32_t begin_in(std::uint32_t capacity, ListEnd growing) const;
  std::pair<std::size_t, std::size_t> locate(std::size_t index) const;
  /// The elements from `at` on become a node of their own.
  void split(std::size_t n, Listpack::Place at);
  void try_merge(std::size_t n, const NodeLimit& limit);
  bool has_room(const ListNode& node, std::string_view text, const NodeLimit& limit) const;

  ListNode* nodes_ = &only_;
  std::uint32_t begin_ = 0;
  std::uint32_t count_ = 0;  // of nodes
  std::uint32_t capacity_ = 1;
  std::size_t size_ = 0;
  ListNode only_;
};

}  // namespace stele
