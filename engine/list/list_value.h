#pragma once

#include <optional>
#include <span>

#include "engine/keyspace.h"
#include "engine/list/quicklist.h"

namespace stele {

/// The list in a live entry to be read, whatever its encoding. Valid until the list changes.
class ListView {
 public:
  explicit ListView(const Entry& entry);
  ListView(const ListView&) = delete;
  ListView& operator=(const ListView&) = delete;

  std::size_t size() const { return size_; }
  std::span<const ListNode> nodes() const { return nodes_; }

  /// Shows up to `count` elements from index `first` on, in the direction of `towards`, to `visit(const PackedValue&)`
  /// until that returns false. `first` < size(), or nothing is shown. O(nodes) to find the first one.
  template <typename Visit>
  void visit(std::size_t first, std::size_t count, ListEnd towards, Visit&& visit) const {
    if (first >= size_) return;
    auto [n, offset] = locate(first);
    bool at_edge = false;  // from the second node on: begin at the end that comes first
    while (count > 0) {
      const ListNode& node = nodes_[n];
      if (node.plain) {
        if (!visit(node.plain_value())) return;
        --count;
      } else {
        const PackView pack(node);
        Listpack::Place at = towards == ListEnd::tail ? (at_edge ? pack->first() : pack->at(offset))
                                                      : (at_edge ? pack->last() : pack->at(offset));
        while (at != Listpack::kNone && count > 0) {
          if (!visit(pack->get(at))) return;
          --count;
          at = towards == ListEnd::tail ? pack->next(at) : pack->previous(at);
        }
      }
      at_edge = true;
      if (towards == ListEnd::tail ? ++n == nodes_.size() : n-- == 0) return;
    }
  }
  /// All of them, first to last.
  template <typename Visit>
  void visit_all(Visit&& see) const {
    visit(0, size_, ListEnd::tail, [&see](const PackedValue& value) {
      see(value);
      return true;
    });
  }
  /// The element at `index`; nothing if there is none.
  std::optional<PackedValue> at(std::size_t index) const;
  /// The first element, seen from `from`, that equals `text`.
  std::optional<ListPlace> find(std::string_view text, ListEnd from) const;

 private:
  std::pair<std::size_t, std::int64_t> locate(std::size_t index) const;

  ListNode only_;  // of a list held as a listpack
  std::span<const ListNode> nodes_;
  std::size_t size_;
};

/// A list while a command changes it:
///
///     ListChange change(keyspace, item);    begin_change(), if there is a list; else an empty one
///     change.grow(bytes, elements);         before elements are added: Redis' rule of when a listpack becomes a
///     quicklist change->push(...), ... change.finish(...);                   back into the entry: created, changed, or
///     erased because it is empty
///
/// finish() must be reached. Redis' encodings of 7.2: a listpack up to the size of one node; a quicklist that removals
/// have left with one node of half that size is a listpack again.
class ListChange {
 public:
  /// `item`, which must outlive this, is absent or a list.
  ListChange(Keyspace& keyspace, Item& item);
  ~ListChange();
  ListChange(const ListChange&) = delete;
  ListChange& operator=(const ListChange&) = delete;

  Quicklist& operator*() { return *list_; }
  Quicklist* operator->() { return list_; }
  /// Of the nodes; none while it stays a listpack.
  const NodeLimit& node_limit() const { return list_ == &packed_ && !to_quicklist_ ? unlimited_ : limit_; }

  void grow(std::size_t bytes, std::size_t elements);
  enum class Shrinks { no, yes };
  /// False if the list was erased.
  bool finish(Shrinks shrinks);

 private:
  Keyspace& keyspace_;
  Item& item_;
  NodeLimit limit_;
  NodeLimit unlimited_;
  Quicklist packed_;  // a list that was held as a listpack, or is new
  Quicklist* list_ = &packed_;
  bool to_quicklist_ = false;
  bool finished_ = false;
};

/// A new entry that holds `list`, which is not empty; as a listpack if that is wanted and it is one.
Entry* make_list_entry(std::string_view key, Quicklist list, bool as_listpack, std::optional<UnixTime> expire_at);

/// As a listpack if `limit` allows for one: a list that was built as a whole (SORT ... STORE).
Entry* make_list_entry(std::string_view key, Quicklist list, const NodeLimit& limit);

}  // namespace stele
