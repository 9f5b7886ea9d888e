#include "engine/stream/stream.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <vector>

#include "persistence/status.h"

namespace stele {

namespace {

/// A node takes no more entries when it has so many, deleted ones included, or so many bytes: Redis' rule exactly,
/// since approximate trimming goes by nodes.
bool is_full(const Listpack& node, std::size_t more, const CollectionLimits& limits) {
  auto bytes_max = static_cast<std::size_t>(limits.stream_node_max_bytes);
  if (bytes_max == 0 || bytes_max > Listpack::kBytesMax) bytes_max = Listpack::kBytesMax;
  if (node.total() + more >= bytes_max) return true;
  if (limits.stream_node_max_entries == 0) return false;
  const Listpack::Place live = node.first();
  return node.get(live).integer + node.get(node.next(live)).integer >= limits.stream_node_max_entries;
}

/// How many bytes of the big-endian forms of two ids are the same from the start.
std::size_t common_bytes(StreamId a, StreamId b) {
  if (a.ms != b.ms) return static_cast<std::size_t>(std::countl_zero(a.ms ^ b.ms)) / 8;
  return 8 + static_cast<std::size_t>(std::countl_zero(a.seq ^ b.seq)) / 8;
}

Listpack copy_of(const Listpack& node) {
  Listpack fresh(node.total());
  fresh.append_all(node);
  return fresh;
}

}  // namespace

// --- entries

StreamId Stream::last_live_id() const {
  StreamCursor last(*this, {}, StreamId::max(), true);
  STELE_ASSERT(last.next());
  return last.id();
}

bool Stream::contains(StreamId id) const { return StreamCursor(*this, id, id).next(); }

StreamId Stream::next_id(StreamId last, UnixTime now) {
  const auto ms = static_cast<std::uint64_t>(now.ms());
  return ms > last.ms ? StreamId{ms, 0} : *last.next();
}

void Stream::append(StreamId id, std::span<const std::string_view> pairs, const CollectionLimits& limits) {
  std::size_t bytes = 0;
  for (const std::string_view text : pairs) bytes += text.size();
  auto tail = nodes_.empty() ? nodes_.end() : std::prev(nodes_.end());
  if (tail == nodes_.end() || is_full(tail->second, bytes, limits)) {
    // The first node grows with its entries. The next ones will be about as large as the one before.
    std::size_t reserve = 0;
    if (tail != nodes_.end()) {
      tail->second.shrink();
      reserve = tail->second.total();
    }
    tail = nodes_.emplace_hint(nodes_.end(), id, stream_node::make(pairs, reserve));
    radix_tree_nodes_ = 0;
  }
  stream_node::append(tail->second, tail->first, id, pairs);
  ++length_;
  ++facts.entries_added;
  facts.last_id = id;
  if (length_ == 1) first_id_ = id;
}

bool Stream::erase_one(StreamId id) {
  StreamCursor cursor(*this, id, id);
  if (!cursor.next()) return false;
  const auto node = nodes_.find(cursor.node_key());
  if (cursor.head().live == 1) {
    nodes_.erase(node);
    radix_tree_nodes_ = 0;
  } else {
    stream_node::mark_deleted(node->second, cursor.entry().place, cursor.entry().flags);
    stream_node::set_counts(node->second, cursor.head().live - 1, cursor.head().deleted + 1);
  }
  --length_;
  facts.max_deleted_id = std::max(facts.max_deleted_id, id);
  return true;
}

std::uint64_t Stream::erase(std::span<const StreamId> ids) {
  std::uint64_t erased = 0;
  for (const StreamId id : ids) erased += erase_one(id);
  if (erased > 0) find_first_id();
  return erased;
}

void Stream::find_first_id() {
  StreamCursor first(*this, {}, StreamId::max());
  first_id_ = first.next() ? first.id() : StreamId{};
}

bool Stream::goes_whole(Nodes::const_iterator node, const stream_node::Head& head, const StreamTrim& trim) const {
  if (trim.by == StreamTrim::By::length) return length_ - static_cast<std::uint64_t>(head.live) >= trim.length;
  const auto last = stream_node::last_entry(node->second);
  return stream_node::entry_at(node->second, head, node->first, last).id < trim.id;
}

bool Stream::would_trim(const StreamTrim& trim) const {
  if (nodes_.empty()) return false;
  if (trim.by == StreamTrim::By::length ? length_ <= trim.length : length_ > 0 && first_id_ >= trim.id) return false;
  const stream_node::Head head = stream_node::head_of(nodes_.begin()->second);
  if (trim.removed_max > 0 && head.live > trim.removed_max) return false;
  return !trim.approximate || goes_whole(nodes_.begin(), head, trim);
}

std::uint64_t Stream::trim(const StreamTrim& trim) {
  std::uint64_t removed = 0;
  while (!nodes_.empty()) {
    if (trim.by == StreamTrim::By::length && length_ <= trim.length) break;
    const auto node = nodes_.begin();
    const stream_node::Head head = stream_node::head_of(node->second);
    const auto live = static_cast<std::uint64_t>(head.live);
    if (trim.removed_max > 0 && removed + live > static_cast<std::uint64_t>(trim.removed_max)) break;
    if (!goes_whole(node, head, trim)) {
      if (!trim.approximate) removed += trim_within(node->first, node->second, trim);
      break;
    }
    length_ -= live;
    removed += live;
    nodes_.erase(node);
    radix_tree_nodes_ = 0;
  }
  if (removed > 0) find_first_id();
  return removed;
}

std::uint64_t Stream::trim_within(StreamId key, Listpack& node, const StreamTrim& trim) {
  const stream_node::Head head = stream_node::head_of(node);
  std::int64_t removed = 0;
  for (auto place = node.next(head.terminator); place != Listpack::kNone;) {
    stream_node::Entry entry = stream_node::entry_at(node, head, key, place);
    if (trim.by == StreamTrim::By::length ? length_ <= trim.length : entry.id >= trim.id) break;
    if (!entry.is_deleted()) {
      stream_node::mark_deleted(node, place, entry.flags);
      entry = stream_node::entry_at(node, head, key, place);
      ++removed;
      --length_;
    }
    place = stream_node::end_of(node, entry);
  }
  stream_node::set_counts(node, head.live - removed, head.deleted + removed);
  return static_cast<std::uint64_t>(removed);
}

// --- groups

StreamGroup* Stream::find_group(std::string_view name) const {
  const auto found = groups.find(name);
  return found == groups.end() ? nullptr : found->second.get();
}

/// Whether there may be holes in the numbering of the entries from `id` on. What was deleted before the first one is none.
bool Stream::has_deletions_from(StreamId id) const {
  const StreamId deleted = facts.max_deleted_id;
  return length_ > 0 && !deleted.is_zero() && first_id_ <= deleted && id <= deleted;
}

std::int64_t Stream::entries_up_to(StreamId id) const {
  const auto added = static_cast<std::int64_t>(facts.entries_added);
  if (added == 0) return 0;
  if (length_ == 0 && id <= facts.last_id) return added;
  if (id == facts.last_id) return added;
  if (id > facts.last_id) return StreamGroup::kUnknown;
  if (facts.max_deleted_id.is_zero() || facts.max_deleted_id < first_id_) {
    const std::uint64_t before_first = facts.entries_added - length_;
    if (id < first_id_) return static_cast<std::int64_t>(before_first);
    if (id == first_id_) return static_cast<std::int64_t>(before_first + 1);
  }
  return StreamGroup::kUnknown;
}

void Stream::advance(StreamGroup& group, StreamId id) const {
  if (group.entries_read != StreamGroup::kUnknown && !has_deletions_from(id)) {
    // Unsigned: XGROUP SETID takes any number, also the largest.
    group.entries_read = static_cast<std::int64_t>(static_cast<std::uint64_t>(group.entries_read) + 1);
  } else if (facts.entries_added > 0) {
    group.entries_read = entries_up_to(id);
  }
  group.last_id = id;
}

std::optional<std::int64_t> Stream::lag(const StreamGroup& group) const {
  if (facts.entries_added == 0) return 0;
  std::int64_t read = group.entries_read;
  if (read == StreamGroup::kUnknown || has_deletions_from(group.last_id)) read = entries_up_to(group.last_id);
  if (read == StreamGroup::kUnknown) return std::nullopt;
  return static_cast<std::int64_t>(facts.entries_added - static_cast<std::uint64_t>(read));
}

// --- nodes

bool Stream::adopt_node(StreamId key, Listpack node) {
  if (!nodes_.empty() && key <= facts.last_id) return false;
  const auto checked = stream_node::check(node, key);
  if (!checked) return false;
  if (first_id_.is_zero() && checked->first) first_id_ = *checked->first;
  facts.last_id = checked->last.value_or(key);
  length_ += static_cast<std::uint64_t>(checked->live);
  nodes_.emplace_hint(nodes_.end(), key, std::move(node));
  radix_tree_nodes_ = 0;
  return true;
}

std::uint64_t Stream::radix_tree_nodes() const {
  if (radix_tree_nodes_ != 0) return radix_tree_nodes_;
  if (nodes_.empty()) return radix_tree_nodes_ = 1;
  // A tree over the bytes of the keys: a node for each key's end, one where keys part, and one for each run of bytes in
  // between. What is above the current key and still open, by depth:
  constexpr std::size_t kKeyBytes = 16;
  std::vector<std::size_t> open;
  std::uint64_t count = 0;
  const auto close = [&count](std::size_t depth, std::optional<std::size_t> parent) {
    ++count;
    // The byte by which they part stands in the parent itself.
    if (depth > (parent ? *parent + 1 : 0)) ++count;
  };
  for (auto node = nodes_.begin(); node != nodes_.end(); ++node) {
    const auto following = std::next(node);
    std::optional<std::size_t> parts;  // the depth at which the next key parts from this one
    if (following != nodes_.end()) parts = common_bytes(node->first, following->first);
    std::size_t depth = kKeyBytes;
    while (!open.empty() && (!parts || open.back() > *parts)) {
      close(depth, open.back());
      depth = open.back();
      open.pop_back();
    }
    if (parts && (open.empty() || open.back() < *parts)) open.push_back(*parts);
    close(depth, open.empty() ? std::nullopt : std::optional(open.back()));
    if (!parts) break;
  }
  return radix_tree_nodes_ = count;
}

std::size_t Stream::allocated_bytes() const {
  constexpr std::size_t kSample = 64;
  std::size_t bytes = sizeof(Stream);
  std::size_t sampled = 0, sampled_bytes = 0;
  for (auto node = nodes_.begin(); node != nodes_.end() && sampled < kSample; ++node, ++sampled) {
    sampled_bytes += node->second.allocated_bytes();
  }
  if (sampled > 0) bytes += nodes_.size() * (sampled_bytes / sampled + sizeof(Nodes::value_type) * 4 / 3);
  for (const auto& [name, group] : groups) {
    bytes += sizeof(Groups::value_type) + sizeof(StreamGroup) + group->allocated_bytes();
  }
  return bytes;
}

std::unique_ptr<Stream> Stream::copy() const {
  auto fresh = std::make_unique<Stream>();
  fresh->facts = facts;
  fresh->length_ = length_;
  fresh->first_id_ = first_id_;
  for (const auto& [key, node] : nodes_) fresh->nodes_.emplace_hint(fresh->nodes_.end(), key, copy_of(node));
  for (const auto& [name, group] : groups) {
    fresh->groups.emplace(name, std::make_unique<StreamGroup>(group->copy()));
  }
  return fresh;
}

// --- StreamCursor

StreamCursor::StreamCursor(const Stream& stream, StreamId first, StreamId last, bool reverse)
    : nodes_(stream.nodes()), first_(first), last_(last), reverse_(reverse) {
  // The node that may hold the id to begin with is the last one whose key is not behind it.
  node_ = nodes_.upper_bound(reverse ? last : first);
  if (node_ != nodes_.begin()) {
    --node_;
  } else if (reverse) {
    node_ = nodes_.end();
  }
}

void StreamCursor::enter_node() {
  head_ = stream_node::head_of(node_->second);
  started_ = true;
}

bool StreamCursor::step() {
  while (node_ != nodes_.end()) {
    const Listpack& node = node_->second;
    stream_node::Place place;
    if (!started_) {
      if (node_->first > last_) break;
      enter_node();
      place = node.next(head_.terminator);
    } else {
      place = behind_values_ != Listpack::kNone ? node.next(behind_values_) : stream_node::end_of(node, entry_);
    }
    behind_values_ = Listpack::kNone;
    for (; place != Listpack::kNone; place = stream_node::end_of(node, entry_)) {
      entry_ = stream_node::entry_at(node, head_, node_->first, place);
      if (entry_.is_deleted() || entry_.id < first_) continue;
      if (entry_.id <= last_) return true;
      node_ = nodes_.end();
      return false;
    }
    ++node_;
    started_ = false;
  }
  node_ = nodes_.end();
  return false;
}

bool StreamCursor::step_back() {
  while (node_ != nodes_.end()) {
    const Listpack& node = node_->second;
    stream_node::Place place;
    if (!started_) {
      enter_node();
      place = stream_node::last_entry(node);
    } else {
      place = stream_node::entry_before(node, entry_.place);
    }
    for (; place != Listpack::kNone; place = stream_node::entry_before(node, place)) {
      entry_ = stream_node::entry_at(node, head_, node_->first, place);
      if (entry_.is_deleted() || entry_.id > last_) continue;
      if (entry_.id >= first_) return true;
      node_ = nodes_.end();
      return false;
    }
    started_ = false;
    if (node_ == nodes_.begin()) break;
    --node_;
  }
  node_ = nodes_.end();
  return false;
}

}  // namespace stele
