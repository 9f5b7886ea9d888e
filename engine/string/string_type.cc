#include "engine/string/string_type.h"

#include "engine/type_ops.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::uint8_t kRdbString = 0;

std::uint8_t append_rdb(const Entry& entry, std::string& out) {
  if (entry.encoding() == Encoding::integer) {
    append_rdb_integer_string(out, entry.integer());
  } else {
    append_rdb_length(out, entry.inline_value().size());
    out.append(entry.inline_value());
  }
  return kRdbString;
}

Result<Entry*> from_rdb(std::string_view key, std::uint8_t, std::string_view bytes, std::optional<UnixTime> expire_at) {
  char scratch[12];
  RdbReader reader(bytes);
  const std::string_view value = reader.string(scratch);
  if (!reader.at_end()) return Status::corrupt("string value of {} bytes is malformed", bytes.size());
  return Entry::make_string(key, value, expire_at);
}

void mix_digest(const Entry& entry, Digest& digest) {
  char scratch[24];
  digest.mix(entry.string_value(scratch));
}

Entry* copy(const Entry& entry, std::string_view key) {
  if (entry.encoding() == Encoding::integer) return Entry::make_integer(key, entry.integer(), entry.expire_at());
  Entry* fresh = Entry::make_raw(key, entry.inline_value().size(), entry.expire_at());
  std::memcpy(fresh->inline_data(), entry.inline_value().data(), entry.inline_value().size());
  fresh->set_encoding(entry.encoding());
  return fresh;
}

constexpr TypeOps kStringOps = {
    .name = "string",
    .free_body = [](Entry&) {},
    .append_rdb = append_rdb,
    .from_rdb = from_rdb,
    .mix_digest = mix_digest,
    .body_bytes = [](const Entry&) { return std::size_t{0}; },
    .copy = copy,
};

}  // namespace

void register_string_type() { register_type(ObjectType::string, kStringOps, {kRdbString}); }

}  // namespace stele
