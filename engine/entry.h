#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/offset.h"
#include "persistence/status.h"

namespace stele {

/// Values as in DEBUG OBJECT and the order of Redis' own type numbers.
enum class ObjectType : std::uint8_t { string = 0, list = 1, set = 2, zset = 3, hash = 4, module = 5, stream = 6 };

/// How a value is held; the names are those of OBJECT ENCODING.
enum class Encoding : std::uint8_t {
  integer,  // a string that is the canonical text of a 64-bit integer
  embstr,   // a string of at most kEmbstrBytesMax bytes, as it was set
  raw,      // any other string
  listpack,
  quicklist,
  intset,
  hashtable,
  skiplist,
  stream,
};

inline constexpr std::size_t kEmbstrBytesMax = 44;

/// Key, value and what the server knows of them, in one allocation, so that a lookup touches one line behind the table:
///
///     0   4  key_bytes
///     4   4  value_bytes      bytes of a string held inline; else 0
///     8   4  access           LRU or LFU (access.h), 24 bits; the type above it
///     12  1  encoding
///     13  1  flags            kHasExpire, kTombstone, kStored
///     14  2  reserved, 0
///     [ 8    expire at, unix ms         if kHasExpire ]
///     [ 8    integer or body pointer    unless the value is inline ]
///     key bytes
///     [ value bytes, spare room up to the allocation's size ]
///
/// An entry is owned by the Table slot that points to it. Aligned to 16 bytes: the table keeps marks in the low bits.
class Entry {
 public:
  /// A string value of `value` bytes held inline, copied. Encoded as integer, embstr or raw by Redis' rule.
  static Entry* make_string(std::string_view key, std::string_view value, std::optional<UnixTime> expire_at);
  static Entry* make_integer(std::string_view key, std::int64_t value, std::optional<UnixTime> expire_at);
  /// A string of `bytes` uninitialised bytes encoded raw, for the caller to fill.
  static Entry* make_raw(std::string_view key, std::size_t bytes, std::optional<UnixTime> expire_at);
  /// A value held outside the entry, owned by it from now on and freed by its type's operations.
  static Entry* make_body(std::string_view key, ObjectType type, Encoding encoding, void* body,
                          std::optional<UnixTime> expire_at);
  /// Says that a key the store still has is gone.
  static Entry* make_tombstone(std::string_view key);

  /// Frees the entry and its body.
  static void destroy(Entry* entry);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  std::string_view key() const { return {bytes() + key_at(), key_bytes_}; }
  ObjectType type() const { return static_cast<ObjectType>(access_ >> 24); }
  Encoding encoding() const { return encoding_; }
  void set_encoding(Encoding encoding) { encoding_ = encoding; }

  bool is_tombstone() const { return flags_ & kTombstone; }
  /// The store may hold an older value under this key.
  bool is_stored() const { return flags_ & kStored; }
  void set_stored(bool stored) { set_flag(kStored, stored); }

  bool has_expire() const { return flags_ & kHasExpire; }
  std::optional<UnixTime> expire_at() const {
    if (!has_expire()) return std::nullopt;
    return UnixTime(load<std::int64_t>(kHeaderBytes));
  }
  /// Only where has_expire() already; otherwise see with_expire().
  void set_expire(UnixTime at) { store(kHeaderBytes, at.ms()); }

  bool is_inline() const { return encoding_ == Encoding::embstr || encoding_ == Encoding::raw; }
  std::string_view inline_value() const { return {bytes() + value_at(), value_bytes_}; }
  char* inline_data() { return bytes() + value_at(); }
  std::int64_t integer() const { return load<std::int64_t>(body_at()); }
  void set_integer(std::int64_t value) { store(body_at(), value); }
  void* body() const { return load<void*>(body_at()); }
  void set_body(void* body) { store(body_at(), body); }

  /// The text of a string value, whatever its encoding; `scratch` (at least 21 bytes) holds an integer's digits.
  std::string_view string_value(char* scratch) const;

  std::uint32_t access() const { return access_ & kAccessMask; }
  void set_access(std::uint32_t access) { access_ = (access_ & ~kAccessMask) | (access & kAccessMask); }

  /// The value becomes `value`, in place when the allocation fits and is not much too large; returns the entry, which may
  /// have moved (then this one is freed). Keeps key, access, flags; `expire_at` replaces the expiry.
  static Entry* assign_string(Entry* entry, std::string_view value, std::optional<UnixTime> expire_at);
  static Entry* assign_integer(Entry* entry, std::int64_t value, std::optional<UnixTime> expire_at);
  /// Turns a string into raw with room for `bytes` and value_bytes() == `bytes`; keeps the old bytes, zeroes new ones.
  /// Grows by doubling up to 1 MiB, as repeated APPENDs need.
  static Entry* resize_raw(Entry* entry, std::size_t bytes);
  /// Gives, changes or takes the expiry; may move the entry.
  static Entry* with_expire(Entry* entry, std::optional<UnixTime> expire_at);
  /// The same value and expiry under another key. `entry` is freed, its body moves.
  static Entry* with_key(Entry* entry, std::string_view key);

  /// Size of the allocation, without the body.
  std::size_t allocated_bytes() const;

 private:
  static constexpr std::uint8_t kHasExpire = 1;
  static constexpr std::uint8_t kTombstone = 2;
  static constexpr std::uint8_t kStored = 4;
  static constexpr std::uint32_t kAccessMask = (1u << 24) - 1;
  static constexpr std::size_t kHeaderBytes = 16;

  Entry() = default;

  static Entry* allocate(std::string_view key, ObjectType type, Encoding encoding, std::size_t value_bytes,
                         std::size_t value_capacity, std::optional<UnixTime> expire_at);
  static void release(Entry* entry);  // the allocation, not the body

  void set_flag(std::uint8_t flag, bool on) {
    flags_ = static_cast<std::uint8_t>(on ? flags_ | flag : flags_ & ~flag);
  }

  std::size_t body_at() const { return kHeaderBytes + (has_expire() ? 8 : 0); }
  std::size_t key_at() const { return body_at() + (is_inline() || is_tombstone() ? 0 : 8); }
  std::size_t value_at() const { return key_at() + key_bytes_; }

  char* bytes() { return reinterpret_cast<char*>(this); }
  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  template <typename T>
  T load(std::size_t at) const {
    T value;
    std::memcpy(&value, bytes() + at, sizeof value);
    return value;
  }
  template <typename T>
  void store(std::size_t at, T value) {
    std::memcpy(bytes() + at, &value, sizeof value);
  }

  std::uint32_t key_bytes_ = 0;
  std::uint32_t value_bytes_ = 0;
  std::uint32_t access_ = 0;
  Encoding encoding_ = Encoding::raw;
  std::uint8_t flags_ = 0;
  std::uint16_t reserved_ = 0;
};

static_assert(sizeof(Entry) == 16);

/// The encoding Redis gives a string that is set whole.
Encoding encoding_of_string(std::string_view value, std::int64_t& integer);

}  // namespace stele
