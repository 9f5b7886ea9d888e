#include "engine/stream/stream_type.h"

#include "engine/stream/stream_rdb.h"
#include "engine/type_ops.h"

namespace stele {

namespace {

const Stream& stream_of(const Entry& entry) { return *static_cast<const Stream*>(entry.body()); }

Entry* make_entry(std::string_view key, std::unique_ptr<Stream> stream, std::optional<UnixTime> expire_at) {
  return Entry::make_body(key, ObjectType::stream, Encoding::stream, stream.release(), expire_at);
}

std::uint8_t append_rdb(const Entry& entry, std::string& out) {
  append_stream_rdb(stream_of(entry), out);
  return kRdbStreamListpacks3;
}

Result<Entry*> from_rdb(std::string_view key, std::uint8_t rdb_type, std::string_view bytes,
                        std::optional<UnixTime> expire_at) {
  STELE_TRY(std::unique_ptr<Stream> stream, stream_from_rdb(rdb_type, bytes));
  return make_entry(key, std::move(stream), expire_at);
}

/// Ids are spelled with a dot here, and groups are no part of it: as in Redis.
void mix_digest(const Entry& entry, Digest& digest) {
  char scratch[24];
  for (StreamCursor cursor(stream_of(entry), {}, StreamId::max()); cursor.next();) {
    digest.mix(fmt::format("{}.{}", cursor.id().ms, cursor.id().seq));
    cursor.each_pair([&](const PackedValue& field, const PackedValue& value) {
      digest.mix(field.text(scratch));
      digest.mix(value.text(scratch));
    });
  }
}

constexpr TypeOps kStreamOps = {
    .name = "stream",
    .free_body = [](Entry& entry) { delete static_cast<Stream*>(entry.body()); },
    .append_rdb = append_rdb,
    .from_rdb = from_rdb,
    .mix_digest = mix_digest,
    .body_bytes = [](const Entry& entry) { return stream_of(entry).allocated_bytes(); },
    .copy = [](const Entry& entry,
               std::string_view key) { return make_entry(key, stream_of(entry).copy(), entry.expire_at()); },
};

}  // namespace

void register_stream_type() {
  register_type(ObjectType::stream, kStreamOps, {kRdbStreamListpacks, kRdbStreamListpacks2, kRdbStreamListpacks3});
}

}  // namespace stele
