#include "engine/rdb/command_export.h"

#include <charconv>
#include <cstring>

#include "engine/stream/stream.h"
#include "engine/stream/stream_rdb.h"
#include "persistence/packed/intset.h"
#include "persistence/packed/listpack.h"
#include "persistence/rdb/rdb_value.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::size_t kFlushBytes = 256 * 1024;
constexpr std::size_t kElementsPerLot = 64;
constexpr std::size_t kLotBytesMax = 1024 * 1024;

template <typename Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_bulk(std::string& out, std::string_view text) {
  out += '$';
  append_number(out, text.size());
  out += "\r\n";
  out += text;
  out += "\r\n";
}

/// Shortest digits that read as the same number.
std::string_view score_text(double score, char (&digits)[32]) {
  return {digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, score).ptr - digits)};
}

Status malformed(std::string_view key) { return Status::corrupt("key '{}': its value is malformed", key); }

}  // namespace

/// Elements of a collection on their way into commands `name key element ...`.
class CommandExport::Lots {
 public:
  Lots(CommandExport& out, std::string_view name, std::string_view key, std::size_t parts_each)
      : out_(out), name_(name), key_(key), parts_each_(parts_each) {}

  Status add(std::string_view part) {
    append_bulk(parts_, part);
    ++count_;
    const bool is_whole = count_ % parts_each_ == 0;
    const bool is_full = count_ == kElementsPerLot * parts_each_ || parts_.size() >= kLotBytesMax;
    return is_whole && is_full ? flush() : Status();
  }

  /// As integers in `listpack` are spelled; score and member of a sorted set change places.
  Status add_packed(std::string_view bytes, bool swaps_pairs) {
    const auto packed = Listpack::from_bytes(bytes);
    if (!packed || packed->size() % parts_each_ != 0) return malformed(key_);
    char digits[2][24];
    for (auto place = packed->first(); place != Listpack::kNone; place = packed->next(place)) {
      const auto first = place;
      if (swaps_pairs) {
        place = packed->next(place);
        STELE_CHECK(add(packed->get(place).text(digits[1])));
      }
      STELE_CHECK(add(packed->get(first).text(digits[0])));
    }
    return {};
  }

  Status flush() {
    if (count_ == 0) return {};
    if (count_ % parts_each_ != 0) return malformed(key_);
    out_.begin(2 + count_);
    out_.arg(name_);
    out_.arg(key_);
    out_.buffer_ += parts_;
    parts_.clear();
    count_ = 0;
    return out_.flush_if_full();
  }

 private:
  CommandExport& out_;
  const std::string_view name_;
  const std::string_view key_;
  const std::size_t parts_each_;
  std::string parts_;
  std::size_t count_ = 0;
};

void CommandExport::begin(std::size_t args) {
  buffer_ += '*';
  append_number(buffer_, args);
  buffer_ += "\r\n";
}

void CommandExport::arg(std::string_view text) { append_bulk(buffer_, text); }

void CommandExport::arg(std::int64_t number) {
  char digits[24];
  arg(std::string_view(digits,
                       static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, number).ptr - digits)));
}

Status CommandExport::flush_if_full() { return buffer_.size() >= kFlushBytes ? flush() : Status(); }

Status CommandExport::flush() {
  if (buffer_.empty()) return {};
  STELE_CHECK(sink_(buffer_));
  handed_over_ += buffer_.size();
  buffer_.clear();
  if (buffer_.capacity() > 16 * kFlushBytes) buffer_.shrink_to_fit();
  return {};
}

Status CommandExport::command(std::initializer_list<std::string_view> args) {
  begin(args.size());
  for (const std::string_view text : args) arg(text);
  return flush_if_full();
}

Status CommandExport::annotation(std::string_view line) {
  buffer_ += line;
  buffer_ += "\r\n";
  return flush_if_full();
}

Status CommandExport::function(std::string_view source) { return command({"FUNCTION", "LOAD", source}); }

Status CommandExport::select(std::uint64_t db) { return command({"SELECT", std::to_string(db)}); }

Status CommandExport::key(const Key& key) {
  switch (key.type) {
    case rdb_type::kString: {
      RdbReader in(key.value);
      char scratch[12];
      const std::string_view text = in.string(scratch);
      if (!in.at_end()) return malformed(key.key);
      STELE_CHECK(command({"SET", key.key, text}));
      break;
    }
    case rdb_type::kStream:
    case rdb_type::kStream2:
    case rdb_type::kStream3:
      STELE_CHECK(stream(key));
      break;
    default:
      STELE_CHECK(collection(key));
  }
  if (!key.expire_at_ms) return {};
  begin(3);
  arg("PEXPIREAT");
  arg(key.key);
  arg(*key.expire_at_ms);
  return flush_if_full();
}

Status CommandExport::collection(const Key& key) {
  using namespace rdb_type;
  RdbReader in(key.value);
  char scratch[12];
  const auto strings = [&](Lots& lots, std::size_t each) -> Status {
    for (std::uint64_t n = in.length(); n > 0 && in.ok(); --n) {
      for (std::size_t i = 0; i < each; ++i) STELE_CHECK(lots.add(in.string(scratch)));
    }
    return in.at_end() ? lots.flush() : malformed(key.key);
  };
  const auto packed = [&](Lots& lots) -> Status {
    const std::string_view blob = in.string(scratch);
    if (!in.at_end()) return malformed(key.key);
    STELE_CHECK(lots.add_packed(blob, key.type == kZsetListpack));
    return lots.flush();
  };
  Lots list(*this, "RPUSH", key.key, 1);
  Lots set(*this, "SADD", key.key, 1);
  Lots hash(*this, "HMSET", key.key, 2);
  Lots zset(*this, "ZADD", key.key, 2);
  switch (key.type) {
    case kList:
      return strings(list, 1);
    case kQuicklist2:
      for (std::uint64_t n = in.length(); n > 0 && in.ok(); --n) {
        const std::uint64_t container = in.length();
        const std::string_view node = in.string(scratch);
        if (!in.ok() || container < 1 || container > 2) return malformed(key.key);
        STELE_CHECK(container == 1 ? list.add(node) : list.add_packed(node, false));
      }
      return in.at_end() ? list.flush() : malformed(key.key);
    case kSet:
      return strings(set, 1);
    case kSetListpack:
      return packed(set);
    case kSetIntset: {
      const auto integers = Intset::from_bytes(in.string(scratch));
      if (!integers || !in.at_end()) return malformed(key.key);
      for (std::size_t i = 0; i < integers->size(); ++i) {
        char digits[24];
        const char* end = std::to_chars(digits, digits + sizeof digits, integers->at(i)).ptr;
        STELE_CHECK(set.add({digits, static_cast<std::size_t>(end - digits)}));
      }
      return set.flush();
    }
    case kHash:
      return strings(hash, 2);
    case kHashListpack:
      return packed(hash);
    case kZset:
      for (std::uint64_t n = in.length(); n > 0 && in.ok(); --n) {
        const std::string_view member = in.string(scratch);
        const std::string_view raw = in.bytes(sizeof(double));
        if (!in.ok()) break;
        double score = 0;
        std::memcpy(&score, raw.data(), sizeof score);
        char digits[32];
        STELE_CHECK(zset.add(score_text(score, digits)));
        STELE_CHECK(zset.add(member));
      }
      return in.at_end() ? zset.flush() : malformed(key.key);
    case kZsetListpack:
      return packed(zset);
    default:
      return Status::corrupt("key '{}': no commands for values of type {}", key.key, key.type);
  }
}

Status CommandExport::stream(const Key& key) {
  const Result<std::unique_ptr<Stream>> read = stream_from_rdb(key.type, key.value);
  if (!read.ok()) return Status::corrupt("key '{}': {}", key.key, read.status().message());
  const Stream& stream = **read;
  const auto id_text = [](StreamId id) { return StreamIdText(id); };
  char digits[24];

  for (const auto& [node_key, node] : stream.nodes()) {
    const stream_node::Head head = stream_node::head_of(node);
    for (auto place = node.next(head.terminator); place != Listpack::kNone;) {
      const stream_node::Entry entry = stream_node::entry_at(node, head, node_key, place);
      place = stream_node::end_of(node, entry);
      if (entry.is_deleted()) continue;
      begin(3 + 2 * static_cast<std::size_t>(entry.fields));
      arg("XADD");
      arg(key.key);
      arg(id_text(entry.id).view());
      auto field = head.first_field;
      auto value = entry.values;
      for (std::int64_t i = 0; i < entry.fields; ++i) {
        if (entry.has_same_fields()) {
          arg(node.get(field).text(digits));
          field = node.next(field);
        } else {
          arg(node.get(value).text(digits));
          value = node.next(value);
        }
        arg(node.get(value).text(digits));
        value = node.next(value);
      }
      STELE_CHECK(flush_if_full());
    }
  }
  // An entry that does not stay makes an empty stream.
  if (stream.length() == 0) STELE_CHECK(command({"XADD", key.key, "MAXLEN", "0", "0-1", "x", "y"}));
  STELE_CHECK(command({"XSETID", key.key, id_text(stream.facts.last_id).view(), "ENTRIESADDED",
                       std::to_string(stream.facts.entries_added), "MAXDELETEDID",
                       id_text(stream.facts.max_deleted_id).view()}));
  for (const auto& [name, group] : stream.groups) {
    STELE_CHECK(command({"XGROUP", "CREATE", key.key, name, id_text(group->last_id).view(), "ENTRIESREAD",
                         std::to_string(group->entries_read)}));
    for (const auto& [consumer_name, consumer] : group->consumers()) {
      STELE_CHECK(command({"XGROUP", "CREATECONSUMER", key.key, name, consumer_name}));
      for (const StreamId id : consumer->pending) {
        const StreamPending& pending = group->pending().at(id);
        STELE_CHECK(command({"XCLAIM", key.key, name, consumer_name, "0", id_text(id).view(), "TIME",
                             std::to_string(pending.delivered_ms), "RETRYCOUNT", std::to_string(pending.deliveries),
                             "JUSTID", "FORCE"}));
      }
    }
  }
  return {};
}

}  // namespace stele
