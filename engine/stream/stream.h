#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <absl/container/btree_map.h>

#include "engine/collection_limits.h"
#include "persistence/packed/listpack.h"
#include "engine/stream/stream_group.h"
#include "engine/stream/stream_id.h"
#include "engine/stream/stream_node.h"
#include "persistence/offset.h"

namespace stele {

/// What XADD and XTRIM take away from the old end of a stream.
struct StreamTrim {
  enum class By { nothing, length, id };

  By by = By::nothing;
  bool approximate = false;      // whole nodes only
  std::uint64_t length = 0;      // By::length: how many entries stay
  StreamId id;                   // By::id: the first one that stays
  std::int64_t removed_max = 0;  // 0: no limit; counts in whole nodes
};

/// A stream: entries in the order of their ids, in nodes (stream_node.h), and groups of consumers who read them.
///
/// Appending, and reading from either end, are O(1); finding an id is O(log n) for the node and up to its limit within
/// it.
class Stream {
 public:
  using Nodes = absl::btree_map<StreamId, Listpack>;
  using Groups = absl::btree_map<std::string, std::unique_ptr<StreamGroup>, std::less<>>;

  /// What is known of a stream besides its entries and groups.
  struct Facts {
    StreamId last_id;                 // the largest id ever; the next one is larger
    StreamId max_deleted_id;          // by XDEL
    std::uint64_t entries_added = 0;  // in all its life
  };

  Facts facts;
  Groups groups;

  // --- entries
  std::uint64_t length() const { return length_; }
  /// Of the first entry; 0-0 if there is none.
  StreamId first_id() const { return first_id_; }
  /// Of the last entry that is there, which may be smaller than facts.last_id. There must be one.
  StreamId last_live_id() const;
  bool contains(StreamId id) const;

  /// The id that XADD gives at `now` behind `last`, which must not be the largest possible.
  static StreamId next_id(StreamId last, UnixTime now);
  /// Adds an entry with `pairs`, which are field, value, field, value ... `id` must be larger than facts.last_id.
  void append(StreamId id, std::span<const std::string_view> pairs, const CollectionLimits& limits);
  /// Bytes of fields and values that one entry can have.
  static constexpr std::size_t kEntryBytesMax = Listpack::kBytesMax;
  /// Both return how many entries went.
  std::uint64_t erase(std::span<const StreamId> ids);
  std::uint64_t trim(const StreamTrim& trim);
  /// Whether trim() would take anything away.
  bool would_trim(const StreamTrim& trim) const;

  // --- groups
  /// Null if there is none.
  StreamGroup* find_group(std::string_view name) const;
  /// `group` is about to be told of `id`, which is behind its last one.
  void advance(StreamGroup& group, StreamId id) const;
  /// How many entries were ever added up to `id`, itself included; StreamGroup::kUnknown if that cannot be told.
  std::int64_t entries_up_to(StreamId id) const;
  /// How many entries `group` has not read yet, if that can be told.
  std::optional<std::int64_t> lag(const StreamGroup& group) const;

  // --- nodes
  const Nodes& nodes() const { return nodes_; }
  /// Puts a node behind those there are, if it is well-formed and its entries are behind theirs; false if not. Follows
  /// up facts.last_id alone.
  bool adopt_node(StreamId key, Listpack node);
  /// How many nodes the radix tree has that Redis would hold these nodes in: XINFO shows it. O(nodes) after these
  /// changed.
  std::uint64_t radix_tree_nodes() const;
  /// Of nodes and groups; an estimate from a few nodes when there are many.
  std::size_t allocated_bytes() const;
  std::unique_ptr<Stream> copy() const;

 private:
  bool erase_one(StreamId id);
  void find_first_id();
  /// Whether trim() takes away all of `node`, the first one.
  bool goes_whole(Nodes::const_iterator node, const stream_node::Head& head, const StreamTrim& trim) const;
  std::uint64_t trim_within(StreamId key, Listpack& node, const StreamTrim& trim);
  bool has_deletions_from(StreamId id) const;

  Nodes nodes_;
  std::uint64_t length_ = 0;
  StreamId first_id_;
  mutable std::uint64_t radix_tree_nodes_ = 0;  // 0: nodes changed since it was computed
};

/// The entries of a stream with ids from `first` to `last`, both included, in one direction or the other. The stream
/// must not change meanwhile.
///
///     for (StreamCursor entry(stream, first, last); entry.next();) entry.each_pair(...)
class StreamCursor {
 public:
  StreamCursor(const Stream& stream, StreamId first, StreamId last, bool reverse = false);

  /// Goes on to the first or next entry; false at the end.
  bool next() { return reverse_ ? step_back() : step(); }

  StreamId id() const { return entry_.id; }
  std::size_t fields() const { return static_cast<std::size_t>(entry_.fields); }
  /// Calls visit(field, value) with PackedValues.
  template <typename Visit>
  void each_pair(const Visit& visit) const {
    const Listpack& node = node_->second;
    stream_node::Place value = entry_.values;
    if (entry_.has_same_fields()) {
      stream_node::Place field = head_.first_field;
      for (std::int64_t i = 0; i < entry_.fields; ++i) {
        visit(node.get(field), node.get(value));
        field = node.next(field);
        value = node.next(value);
      }
    } else {
      for (std::int64_t i = 0; i < entry_.fields; ++i) {
        const stream_node::Place field = value;
        value = node.next(field);
        visit(node.get(field), node.get(value));
        value = node.next(value);
      }
    }
    behind_values_ = value;
  }

  /// Where the entry stands.
  StreamId node_key() const { return node_->first; }
  const stream_node::Entry& entry() const { return entry_; }
  const stream_node::Head& head() const { return head_; }

 private:
  bool step();
  bool step_back();
  void enter_node();

  const Stream::Nodes& nodes_;
  StreamId first_;
  StreamId last_;
  bool reverse_;
  bool started_ = false;  // in the node
  Stream::Nodes::const_iterator node_;
  stream_node::Head head_{};
  stream_node::Entry entry_{};
  mutable stream_node::Place behind_values_ = Listpack::kNone;  // if each_pair() got there
};

}  // namespace stele
