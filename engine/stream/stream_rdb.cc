#include "engine/stream/stream_rdb.h"

#include <cstring>

#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::size_t kIdBytes = 16;

void append_big_endian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

/// As keys of nodes and of pending entries: 16 bytes that sort as the ids do.
void append_raw_id(std::string& out, StreamId id) {
  append_big_endian(out, id.ms);
  append_big_endian(out, id.seq);
}

void append_id(std::string& out, StreamId id) {
  append_rdb_length(out, id.ms);
  append_rdb_length(out, id.seq);
}

void append_ms(std::string& out, std::int64_t ms) {
  out.append(reinterpret_cast<const char*>(&ms), sizeof ms);  // little-endian, as the machine
}

void append_group(std::string& out, const std::string& name, const StreamGroup& group) {
  append_rdb_string(out, name);
  append_id(out, group.last_id);
  append_rdb_length(out, static_cast<std::uint64_t>(group.entries_read));
  append_rdb_length(out, group.pending().size());
  for (const auto& [id, pending] : group.pending()) {
    append_raw_id(out, id);
    append_ms(out, pending.delivered_ms);
    append_rdb_length(out, pending.deliveries);
  }
  append_rdb_length(out, group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    append_rdb_string(out, consumer_name);
    append_ms(out, consumer->seen_ms);
    append_ms(out, consumer->active_ms);
    append_rdb_length(out, consumer->pending.size());
    for (const StreamId id : consumer->pending) append_raw_id(out, id);
  }
}

class Reader {
 public:
  Reader(std::uint8_t rdb_type, std::string_view bytes) : rdb_type_(rdb_type), in_(bytes) {}

  Result<std::unique_ptr<Stream>> stream() {
    auto stream = std::make_unique<Stream>();
    STELE_CHECK(nodes(*stream));
    STELE_CHECK(facts(*stream));
    const std::uint64_t groups = in_.length();
    for (std::uint64_t i = 0; i < groups && in_.ok(); ++i) STELE_CHECK(group(*stream));
    if (!in_.at_end()) return malformed("ends early, or has more bytes behind it");
    return stream;
  }

 private:
  static Status malformed(std::string_view what) { return Status::corrupt("stream: {}", what); }

  Status nodes(Stream& stream) {
    const std::uint64_t count = in_.length();
    for (std::uint64_t i = 0; i < count && in_.ok(); ++i) {
      char scratch[12];
      const std::string_view key = in_.string(scratch);
      if (key.size() != kIdBytes) return malformed("the key of a node is no id");
      const StreamId id = raw_id(key);
      auto node = Listpack::from_bytes(in_.string(scratch));
      if (!in_.ok() || !node) return malformed("a node is no listpack");
      if (!stream.adopt_node(id, std::move(*node))) return malformed("a node is malformed or out of order");
    }
    return Status();
  }

  Status facts(Stream& stream) {
    const StreamId last_in_nodes = stream.facts.last_id;
    const std::uint64_t length = in_.length();
    stream.facts.last_id = id();
    stream.facts.entries_added = length;
    if (rdb_type_ != kRdbStreamListpacks) {
      id();  // the first one: known from the nodes
      stream.facts.max_deleted_id = id();
      stream.facts.entries_added = in_.length();
    }
    if (!in_.ok()) return malformed("ends early");
    if (stream.facts.last_id < last_in_nodes) return malformed("its last id is before that of its nodes");
    return Status();
  }

  Status group(Stream& stream) {
    char scratch[12];
    const std::string_view name = in_.string(scratch);
    auto group = std::make_unique<StreamGroup>();
    group->last_id = id();
    if (rdb_type_ == kRdbStreamListpacks) {
      group->entries_read = stream.entries_up_to(group->last_id);  // Redis 5 and 6 did not count
    } else {
      group->entries_read = static_cast<std::int64_t>(in_.length());
    }
    if (group->entries_read < StreamGroup::kUnknown) return malformed("a group has read a negative number of entries");

    // Whose these are is said behind them.
    StreamConsumer nobody;
    const std::uint64_t pending_entries = in_.length();
    for (std::uint64_t i = 0; i < pending_entries && in_.ok(); ++i) {
      const StreamId entry = raw_id(in_.bytes(kIdBytes));
      if (!in_.ok() || group->find_pending(entry) != nullptr) return malformed("a pending entry is there twice");
      StreamPending& pending = group->assign(entry, nobody);
      pending.delivered_ms = ms();
      pending.deliveries = in_.length();
    }
    const std::uint64_t consumers = in_.length();
    for (std::uint64_t i = 0; i < consumers && in_.ok(); ++i) STELE_CHECK(consumer(*group, nobody));
    if (!in_.ok()) return malformed("ends early");
    if (!nobody.pending.empty()) return malformed("a pending entry is no consumer's");
    if (!stream.groups.emplace(name, std::move(group)).second) return malformed("a group is there twice");
    return Status();
  }

  Status consumer(StreamGroup& group, const StreamConsumer& nobody) {
    char scratch[12];
    const std::string_view name = in_.string(scratch);
    if (!in_.ok() || group.find_consumer(name) != nullptr) return malformed("Duplicate stream consumer detected");
    StreamConsumer& consumer = group.add_consumer(name, ms());
    // Before that was told apart from having been seen.
    consumer.active_ms = rdb_type_ == kRdbStreamListpacks3 ? ms() : consumer.seen_ms;
    const std::uint64_t entries = in_.length();
    for (std::uint64_t i = 0; i < entries && in_.ok(); ++i) {
      const StreamId entry = raw_id(in_.bytes(kIdBytes));
      const StreamPending* pending = in_.ok() ? group.find_pending(entry) : nullptr;
      if (pending == nullptr || pending->consumer != &nobody) {
        return malformed("an entry is pending at a consumer but not in the group, or at two consumers");
      }
      group.assign(entry, consumer);
    }
    return Status();
  }

  StreamId id() {
    const std::uint64_t ms = in_.length();
    return {ms, in_.length()};
  }

  std::int64_t ms() {
    std::int64_t value = 0;
    const std::string_view bytes = in_.bytes(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

  /// 0-0 if there are not enough bytes.
  static StreamId raw_id(std::string_view bytes) {
    if (bytes.size() != kIdBytes) return {};
    const auto big_endian = [bytes](std::size_t at) {
      std::uint64_t value = 0;
      for (std::size_t i = at; i < at + 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
      return value;
    };
    return {big_endian(0), big_endian(8)};
  }

  const std::uint8_t rdb_type_;
  RdbReader in_;
};

}  // namespace

void append_stream_rdb(const Stream& stream, std::string& out) {
  append_rdb_length(out, stream.nodes().size());
  for (const auto& [key, node] : stream.nodes()) {
    append_rdb_length(out, kIdBytes);
    append_raw_id(out, key);
    append_rdb_length(out, node.total());
    out.append(node.bytes());
  }
  append_rdb_length(out, stream.length());
  append_id(out, stream.facts.last_id);
  append_id(out, stream.first_id());
  append_id(out, stream.facts.max_deleted_id);
  append_rdb_length(out, stream.facts.entries_added);
  append_rdb_length(out, stream.groups.size());
  for (const auto& [name, group] : stream.groups) append_group(out, name, *group);
}

Result<std::unique_ptr<Stream>> stream_from_rdb(std::uint8_t rdb_type, std::string_view bytes) {
  return Reader(rdb_type, bytes).stream();
}

}  // namespace stele
