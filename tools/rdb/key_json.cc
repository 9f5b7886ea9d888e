#include "tools/rdb/key_json.h"

#include "engine/rdb/value_walk.h"
#include "engine/stream/stream.h"
#include "engine/stream/stream_rdb.h"

namespace stele::tools {

namespace {

std::string_view id_text(const StreamIdText& id) { return id.view(); }

void write_group(JsonWriter& json, const std::string& name, const StreamGroup& group, std::uint8_t type) {
  json.begin_object().field("name", name).field("last_delivered_id", id_text(StreamIdText(group.last_id)));
  if (type != rdb_type::kStream) {
    json.name("entries_read");
    group.entries_read == StreamGroup::kUnknown ? json.null() : json.number(group.entries_read);
  }
  json.name("pel").begin_array();
  for (const auto& [id, pending] : group.pending()) {
    json.begin_array().string(id_text(StreamIdText(id))).string(pending.consumer->name).number(pending.delivered_ms);
    json.number(pending.deliveries).end_array();
  }
  json.end_array().name("consumers").begin_array();
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    json.begin_object().field("name", consumer_name).field("seen_time", consumer->seen_ms);
    if (type == rdb_type::kStream3) json.field("active_time", consumer->active_ms);
    json.field("pending", consumer->pending.size()).end_object();
  }
  json.end_array().end_object();
}

Status write_stream(JsonWriter& json, const RdbKey& key, const std::function<Status()>& spill) {
  const std::uint8_t type = key.value.type;
  const Result<std::unique_ptr<Stream>> read = stream_from_rdb(type, key.value.bytes);
  if (!read.ok()) return read.status();
  const Stream& stream = **read;
  char digits[24];
  json.begin_object().name("entries").begin_array();
  for (StreamCursor entry(stream, {}, StreamId::max()); entry.next();) {
    json.begin_array().string(id_text(StreamIdText(entry.id()))).begin_array();
    entry.each_pair([&](const PackedValue& field, const PackedValue& value) {
      json.string(field.text(digits));
      json.string(value.text(digits));
    });
    json.end_array().end_array();
    STELE_CHECK(spill());
  }
  json.end_array().field("length", stream.length()).field("last_id", id_text(StreamIdText(stream.facts.last_id)));
  if (type != rdb_type::kStream) {
    json.field("first_id", id_text(StreamIdText(stream.first_id())));
    json.field("max_deleted_id", id_text(StreamIdText(stream.facts.max_deleted_id)));
    json.field("entries_added", stream.facts.entries_added);
  }
  json.name("groups").begin_array();
  for (const auto& [name, group] : stream.groups) {
    write_group(json, name, *group, type);
    STELE_CHECK(spill());
  }
  json.end_array().end_object();
  return Status();
}

}  // namespace

void write_key_members(JsonWriter& json, const RdbKey& key, const KeyFacts& facts, bool with_sizes) {
  json.field("db", key.db)
      .field("key", key.key)
      .field("type", type_name(facts.type))
      .field("rdb_type", key.written_type);
  if (with_sizes) {
    json.field("encoding", written_encoding(key.written_type, facts.dialect)).field("elements", key.value.elements);
    json.field("bytes", facts.bytes).field("file_bytes", facts.file_bytes);
  }
  json.name("expire_at_ms");
  key.expire_at_ms ? json.number(*key.expire_at_ms) : json.null();
  if (key.idle_seconds) json.field("idle_seconds", *key.idle_seconds);
  if (key.frequency) json.field("frequency", *key.frequency);
}

Status write_value(JsonWriter& json, const RdbKey& key, const std::function<Status()>& spill) {
  const ObjectType type = object_type_of_value(key.value.type);
  if (type == ObjectType::stream) return write_stream(json, key, spill);
  if (type == ObjectType::string) {
    return walk_value(key.value.type, key.value.bytes, [&](const ValueElement& element) {
      json.string(element.text);
      return Status();
    });
  }
  const bool has_field_expiries = key.value.expiring_fields > 0;
  std::size_t index = 0;
  json.begin_array();
  STELE_CHECK(walk_value(key.value.type, key.value.bytes, [&](const ValueElement& element) -> Status {
    switch (type) {
      case ObjectType::hash:
        json.begin_array().string(element.text).string(element.value);
        if (has_field_expiries && key.value.field_expires_at_ms[index] != 0) {
          json.number(key.value.field_expires_at_ms[index]);
        }
        ++index;
        json.end_array();
        break;
      case ObjectType::zset:
        json.begin_array().string(element.text).real(element.score).end_array();
        break;
      default:
        json.string(element.text);
    }
    return spill();
  }));
  json.end_array();
  return Status();
}

}  // namespace stele::tools
