#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace stele {

/// 48 bits of keyed hash: the order of keys in memory, in RocksDB and in SCAN cursors (exact in a JavaScript number).
using Hash48 = std::uint64_t;

inline constexpr int kHashBits = 48;
inline constexpr Hash48 kHashEnd = Hash48{1} << kHashBits;

/// XXH3-64 under a secret derived from `seed`, cut to its top 48 bits. The seed is drawn once per data directory and
/// kept in the checkpoint label, because the hash is part of every stored key; clients cannot choose colliding keys
/// without knowing it.
class KeyHasher {
 public:
  static constexpr std::size_t kSeedBytes = 16;
  using Seed = std::array<unsigned char, kSeedBytes>;

  explicit KeyHasher(const Seed& seed);

  /// Draws from the kernel's random source.
  static Seed random_seed();

  Hash48 operator()(std::string_view key) const;
  const Seed& seed() const { return seed_; }

 private:
  Seed seed_;
  alignas(64) std::array<unsigned char, 192> secret_;
};

/// A logical database's range of stored keys. FLUSHDB moves the database to a new one.
using Partition = std::uint32_t;

/// The key of a stored object, in the order of the table:
///
///     partition   4 bytes, big-endian
///     hash48      6 bytes, big-endian
///     user key    the rest
inline constexpr std::size_t kStoredKeyPrefixBytes = 10;

void append_stored_key(std::string& out, Partition partition, Hash48 hash, std::string_view key);
std::string stored_key(Partition partition, Hash48 hash, std::string_view key);

/// `bytes` must hold at least the prefix.
Partition stored_key_partition(std::string_view bytes);
Hash48 stored_key_hash(std::string_view bytes);
inline std::string_view stored_key_user_key(std::string_view bytes) { return bytes.substr(kStoredKeyPrefixBytes); }

}  // namespace stele
