#include "engine/entry.h"

#include <malloc.h>

#include <charconv>
#include <cstdlib>
#include <limits>
#include <new>

#include "engine/type_ops.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

constexpr std::size_t kGrowthBytesMax = std::size_t{1} << 20;

}  // namespace

Encoding encoding_of_string(std::string_view value, std::int64_t& integer) {
  if (const auto number = parse_integer(value)) {
    integer = *number;
    return Encoding::integer;
  }
  return value.size() <= kEmbstrBytesMax ? Encoding::embstr : Encoding::raw;
}

Entry* Entry::allocate(std::string_view key, ObjectType type, Encoding encoding, std::size_t value_bytes,
                       std::size_t value_capacity, std::optional<UnixTime> expire_at) {
  STELE_ASSERT(key.size() <= std::numeric_limits<std::uint32_t>::max());
  STELE_ASSERT(value_bytes <= std::numeric_limits<std::uint32_t>::max());
  const bool is_inline = encoding == Encoding::embstr || encoding == Encoding::raw;
  const std::size_t total =
      kHeaderBytes + (expire_at ? 8 : 0) + (is_inline ? 0 : 8) + key.size() + std::max(value_bytes, value_capacity);
  void* memory = std::malloc(total);
  if (memory == nullptr) throw std::bad_alloc();
  Entry* entry = new (memory) Entry();
  entry->key_bytes_ = static_cast<std::uint32_t>(key.size());
  entry->value_bytes_ = static_cast<std::uint32_t>(value_bytes);
  entry->access_ = static_cast<std::uint32_t>(type) << 24;
  entry->encoding_ = encoding;
  if (expire_at) {
    entry->flags_ = kHasExpire;
    entry->set_expire(*expire_at);
  }
  std::memcpy(entry->bytes() + entry->key_at(), key.data(), key.size());
  return entry;
}

void Entry::release(Entry* entry) { std::free(entry); }

void Entry::destroy(Entry* entry) {
  if (!entry->is_inline() && entry->encoding_ != Encoding::integer) {
    type_ops(entry->type()).free_body(*entry);
  }
  release(entry);
}

Entry* Entry::make_string(std::string_view key, std::string_view value, std::optional<UnixTime> expire_at) {
  std::int64_t integer = 0;
  const Encoding encoding = encoding_of_string(value, integer);
  if (encoding == Encoding::integer) return make_integer(key, integer, expire_at);
  Entry* entry = allocate(key, ObjectType::string, encoding, value.size(), 0, expire_at);
  std::memcpy(entry->inline_data(), value.data(), value.size());
  return entry;
}

Entry* Entry::make_integer(std::string_view key, std::int64_t value, std::optional<UnixTime> expire_at) {
  Entry* entry = allocate(key, ObjectType::string, Encoding::integer, 0, 0, expire_at);
  entry->set_integer(value);
  return entry;
}

Entry* Entry::make_raw(std::string_view key, std::size_t bytes, std::optional<UnixTime> expire_at) {
  return allocate(key, ObjectType::string, Encoding::raw, bytes, 0, expire_at);
}

Entry* Entry::make_body(std::string_view key, ObjectType type, Encoding encoding, void* body,
                        std::optional<UnixTime> expire_at) {
  Entry* entry = allocate(key, type, encoding, 0, 0, expire_at);
  entry->set_body(body);
  return entry;
}

Entry* Entry::make_tombstone(std::string_view key) {
  Entry* entry = allocate(key, ObjectType::string, Encoding::raw, 0, 0, std::nullopt);
  entry->set_flag(kTombstone, true);
  entry->set_flag(kStored, true);
  return entry;
}

std::string_view Entry::string_value(char* scratch) const {
  if (encoding_ != Encoding::integer) return inline_value();
  const auto [end, error] = std::to_chars(scratch, scratch + 21, integer());
  return {scratch, static_cast<std::size_t>(end - scratch)};
}

std::size_t Entry::allocated_bytes() const { return malloc_usable_size(const_cast<Entry*>(this)); }

Entry* Entry::assign_string(Entry* entry, std::string_view value, std::optional<UnixTime> expire_at) {
  std::int64_t integer = 0;
  const Encoding encoding = encoding_of_string(value, integer);
  if (encoding == Encoding::integer) return assign_integer(entry, integer, expire_at);
  if (entry->type() == ObjectType::string && entry->is_inline() && entry->has_expire() == expire_at.has_value()) {
    const std::size_t needed = entry->value_at() + value.size();
    const std::size_t room = entry->allocated_bytes();
    if (needed <= room && room - needed <= room / 4 + 32) {
      // memmove: the value may be a view of this very entry.
      std::memmove(entry->inline_data(), value.data(), value.size());
      entry->value_bytes_ = static_cast<std::uint32_t>(value.size());
      entry->encoding_ = encoding;
      if (expire_at) entry->set_expire(*expire_at);
      return entry;
    }
  }
  Entry* fresh = allocate(entry->key(), ObjectType::string, encoding, value.size(), 0, expire_at);
  std::memcpy(fresh->inline_data(), value.data(), value.size());
  fresh->set_access(entry->access());
  fresh->set_stored(entry->is_stored());
  destroy(entry);
  return fresh;
}

Entry* Entry::assign_integer(Entry* entry, std::int64_t value, std::optional<UnixTime> expire_at) {
  if (entry->type() == ObjectType::string && entry->encoding_ == Encoding::integer &&
      entry->has_expire() == expire_at.has_value()) {
    entry->set_integer(value);
    if (expire_at) entry->set_expire(*expire_at);
    return entry;
  }
  Entry* fresh = make_integer(entry->key(), value, expire_at);
  fresh->set_access(entry->access());
  fresh->set_stored(entry->is_stored());
  destroy(entry);
  return fresh;
}

Entry* Entry::resize_raw(Entry* entry, std::size_t bytes) {
  STELE_ASSERT(entry->type() == ObjectType::string);
  char scratch[24];
  const std::string_view old = entry->string_value(scratch);
  const std::size_t kept = std::min(old.size(), bytes);
  if (entry->is_inline() && entry->value_at() + bytes <= entry->allocated_bytes()) {
    if (bytes > kept) std::memset(entry->inline_data() + kept, 0, bytes - kept);
    entry->value_bytes_ = static_cast<std::uint32_t>(bytes);
    entry->encoding_ = Encoding::raw;
    return entry;
  }
  const std::size_t capacity = bytes <= old.size() ? bytes : bytes + std::min(bytes, kGrowthBytesMax);
  Entry* fresh = allocate(entry->key(), ObjectType::string, Encoding::raw, bytes, capacity, entry->expire_at());
  std::memcpy(fresh->inline_data(), old.data(), kept);
  if (bytes > kept) std::memset(fresh->inline_data() + kept, 0, bytes - kept);
  fresh->set_access(entry->access());
  fresh->set_stored(entry->is_stored());
  release(entry);
  return fresh;
}

Entry* Entry::with_expire(Entry* entry, std::optional<UnixTime> expire_at) {
  if (entry->has_expire() && expire_at) {
    entry->set_expire(*expire_at);
    return entry;
  }
  if (!entry->has_expire() && !expire_at) return entry;
  Entry* fresh =
      allocate(entry->key(), entry->type(), entry->encoding_, entry->value_bytes_, 0, expire_at);
  if (entry->is_inline()) {
    std::memcpy(fresh->inline_data(), entry->inline_data(), entry->value_bytes_);
  } else {
    fresh->set_body(entry->body());  // an integer is 8 bytes at the same place
  }
  fresh->set_access(entry->access());
  fresh->set_stored(entry->is_stored());
  release(entry);
  return fresh;
}

Entry* Entry::with_key(Entry* entry, std::string_view key) {
  Entry* fresh = allocate(key, entry->type(), entry->encoding_, entry->value_bytes_, 0, entry->expire_at());
  if (entry->is_inline()) {
    std::memcpy(fresh->inline_data(), entry->inline_data(), entry->value_bytes_);
  } else {
    fresh->set_body(entry->body());
  }
  fresh->set_access(entry->access());
  release(entry);
  return fresh;
}

}  // namespace stele
