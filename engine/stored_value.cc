#include "engine/stored_value.h"

#include "engine/type_ops.h"

namespace stele {

namespace {

constexpr std::size_t kHeaderBytes = 5;
constexpr unsigned char kHasExpire = 1;

}  // namespace

void append_stored_value(const Entry& entry, std::string& out) {
  const std::size_t start = out.size();
  append_stored_header(0, entry.access(), entry.expire_at(), out);
  out[start] = static_cast<char>(type_ops(entry.type()).append_rdb(entry, out));
}

void append_stored_header(std::uint8_t rdb_type, std::uint32_t access, std::optional<UnixTime> expire_at, std::string& out) {
  const std::size_t start = out.size();
  out += static_cast<char>(rdb_type);
  out += '\0';
  for (int i = 0; i < 3; ++i) out += static_cast<char>(access >> (8 * i));
  if (expire_at) {
    out[start + 1] = kHasExpire;
    for (int i = 0; i < 8; ++i) out += static_cast<char>(static_cast<std::uint64_t>(expire_at->ms()) >> (8 * i));
  }
}

Result<StoredValue> split_stored_value(std::string_view row) {
  const std::size_t header = row.size() >= 2 && (row[1] & kHasExpire) ? kHeaderBytes + 8 : kHeaderBytes;
  if (row.size() < header) return Status::corrupt("stored value of {} bytes is shorter than its header", row.size());
  StoredValue out{.rdb_type = static_cast<std::uint8_t>(row[0]), .expire_at = stored_value_expire(row), .value = row.substr(header)};
  for (std::size_t i = 0; i < 3; ++i) out.access |= static_cast<std::uint32_t>(static_cast<unsigned char>(row[2 + i])) << (8 * i);
  return out;
}

const TypeOps* stored_value_type(std::string_view value) {
  return value.empty() ? nullptr : type_ops_of_rdb(static_cast<std::uint8_t>(value[0]));
}

std::optional<UnixTime> stored_value_expire(std::string_view value) {
  if (value.size() < kHeaderBytes + 8 || (value[1] & kHasExpire) == 0) return std::nullopt;
  std::uint64_t ms = 0;
  for (int i = 7; i >= 0; --i) ms = ms << 8 | static_cast<unsigned char>(value[kHeaderBytes + static_cast<std::size_t>(i)]);
  return UnixTime(static_cast<std::int64_t>(ms));
}

Result<Entry*> entry_from_stored(std::string_view key, std::string_view value) {
  STELE_TRY(const StoredValue stored, split_stored_value(value));
  const TypeOps* ops = type_ops_of_rdb(stored.rdb_type);
  if (ops == nullptr) return Status::corrupt("stored value has the unknown type {}", stored.rdb_type);
  STELE_TRY(Entry * entry, ops->from_rdb(key, stored.rdb_type, stored.value, stored.expire_at));
  entry->set_access(stored.access);
  entry->set_stored(true);
  return entry;
}

Result<Entry*> entry_from_stored(std::string_view key, std::string_view value, const CollectionLimits& limits) {
  STELE_TRY(Entry * entry, entry_from_stored(key, value));
  fit_to_limits(*entry, static_cast<std::uint8_t>(value[0]), limits);
  return entry;
}

}  // namespace stele
