#include "engine/stream/stream_node.h"

namespace stele::stream_node {

namespace {

constexpr std::int64_t kFixedElements = 3;  // flags, two differences

std::uint64_t unsigned_at(const Listpack& node, Place place) {
  return static_cast<std::uint64_t>(node.get(place).integer);
}

/// Goes through a listpack whose content is not trusted.
class Checker {
 public:
  explicit Checker(const Listpack& node) : node_(node), place_(node.first()) {}

  bool at_end() const { return place_ == Listpack::kNone; }

  bool integer(std::int64_t& value) {
    if (at_end()) return false;
    const PackedValue element = node_.get(place_);
    if (!element.is_integer()) return false;
    value = element.integer;
    place_ = node_.next(place_);
    return true;
  }
  bool skip(std::int64_t count) {
    for (; count > 0; --count) {
      if (at_end()) return false;
      place_ = node_.next(place_);
    }
    return true;
  }

 private:
  const Listpack& node_;
  Place place_;
};

}  // namespace

Head head_of(const Listpack& node) {
  Head head;
  Place place = node.first();
  head.live = node.get(place).integer;
  place = node.next(place);
  head.deleted = node.get(place).integer;
  place = node.next(place);
  head.fields = node.get(place).integer;
  head.first_field = place = node.next(place);
  for (std::int64_t i = 0; i < head.fields; ++i) place = node.next(place);
  head.terminator = place;
  return head;
}

Entry entry_at(const Listpack& node, const Head& head, StreamId key, Place place) {
  Entry entry;
  entry.place = place;
  entry.flags = node.get(place).integer;
  place = node.next(place);
  entry.id.ms = key.ms + unsigned_at(node, place);
  place = node.next(place);
  entry.id.seq = key.seq + unsigned_at(node, place);
  place = node.next(place);
  entry.fields = head.fields;
  if (!entry.has_same_fields()) {
    entry.fields = node.get(place).integer;
    place = node.next(place);
  }
  entry.values = place;
  return entry;
}

Place end_of(const Listpack& node, const Entry& entry) {
  Place place = entry.values;
  const std::int64_t elements = entry.has_same_fields() ? entry.fields : 2 * entry.fields;
  for (std::int64_t i = 0; i < elements; ++i) place = node.next(place);
  return node.next(place);
}

Place last_entry(const Listpack& node) {
  Place place = node.last();
  for (std::int64_t i = node.get(place).integer; i > 0; --i) place = node.previous(place);
  // What stands at the end is the length of an entry, or the 0 that ends the master entry.
  return place == node.last() ? Listpack::kNone : place;
}

Place entry_before(const Listpack& node, Place place) {
  const Place length = node.previous(place);
  Place before = length;
  for (std::int64_t i = node.get(length).integer; i > 0; --i) before = node.previous(before);
  return before == length ? Listpack::kNone : before;
}

Listpack make(std::span<const std::string_view> pairs, std::size_t reserve) {
  Listpack node(reserve);
  node.append_integer(0);
  node.append_integer(0);
  node.append_integer(static_cast<std::int64_t>(pairs.size() / 2));
  for (std::size_t i = 0; i < pairs.size(); i += 2) node.append(pairs[i]);
  node.append_integer(0);
  return node;
}

void append(Listpack& node, StreamId key, StreamId id, std::span<const std::string_view> pairs) {
  const auto fields = static_cast<std::int64_t>(pairs.size() / 2);
  const Place live = node.first();
  node.replace_integer(live, node.get(live).integer + 1);
  Place place = node.next(node.next(live));
  bool same = node.get(place).integer == fields;
  for (std::size_t i = 0; same && i < pairs.size(); i += 2) {
    place = node.next(place);
    same = node.get(place).equals(pairs[i]);
  }

  node.append_integer(same ? kSameFields : 0);
  node.append_integer(static_cast<std::int64_t>(id.ms - key.ms));
  node.append_integer(static_cast<std::int64_t>(id.seq - key.seq));
  if (same) {
    for (std::size_t i = 1; i < pairs.size(); i += 2) node.append(pairs[i]);
    node.append_integer(fields + kFixedElements);
  } else {
    node.append_integer(fields);
    for (const std::string_view text : pairs) node.append(text);
    node.append_integer(2 * fields + 1 + kFixedElements);
  }
}

void mark_deleted(Listpack& node, Place place, std::int64_t flags) { node.replace_integer(place, flags | kDeleted); }

void set_counts(Listpack& node, std::int64_t live, std::int64_t deleted) {
  const Place place = node.replace_integer(node.first(), live);
  node.replace_integer(node.next(place), deleted);
}

std::optional<Checked> check(const Listpack& node, StreamId key) {
  Checker checker(node);
  std::int64_t live = 0, deleted = 0, master_fields = 0, terminator = 0;
  if (!checker.integer(live) || !checker.integer(deleted) || !checker.integer(master_fields)) return std::nullopt;
  if (live < 0 || deleted < 0 || master_fields < 1) return std::nullopt;
  if (!checker.skip(master_fields) || !checker.integer(terminator) || terminator != 0) return std::nullopt;

  Checked checked{};
  std::int64_t deleted_seen = 0;
  do {
    std::int64_t flags = 0, ms = 0, seq = 0, fields = master_fields, elements = 0;
    if (!checker.integer(flags) || !checker.integer(ms) || !checker.integer(seq)) return std::nullopt;
    if (flags < 0 || flags > (kDeleted | kSameFields)) return std::nullopt;
    if (flags & kSameFields) {
      elements = fields + kFixedElements;
      if (!checker.skip(fields)) return std::nullopt;
    } else {
      if (!checker.integer(fields) || fields < 1 || fields > static_cast<std::int64_t>(node.total()))
        return std::nullopt;
      elements = 2 * fields + 1 + kFixedElements;
      if (!checker.skip(2 * fields)) return std::nullopt;
    }
    std::int64_t said = 0;
    if (!checker.integer(said) || said != elements) return std::nullopt;
    if (flags & kDeleted) {
      ++deleted_seen;
      continue;
    }
    const StreamId id{key.ms + static_cast<std::uint64_t>(ms), key.seq + static_cast<std::uint64_t>(seq)};
    if (id < key || id.is_zero() || (checked.last && id <= *checked.last)) return std::nullopt;
    if (!checked.first) checked.first = id;
    checked.last = id;
    ++checked.live;
  } while (!checker.at_end());
  if (checked.live != live || deleted_seen != deleted) return std::nullopt;
  return checked;
}

}  // namespace stele::stream_node
