#include "engine/key_hash.h"

#define XXH_INLINE_ALL
#include <sys/random.h>
#include <xxhash.h>

#include "persistence/status.h"

namespace stele {

static_assert(XXH3_SECRET_SIZE_MIN <= 192);

KeyHasher::KeyHasher(const Seed& seed) : seed_(seed) {
  XXH3_generateSecret(secret_.data(), secret_.size(), seed_.data(), seed_.size());
}

KeyHasher::Seed KeyHasher::random_seed() {
  Seed seed;
  STELE_ASSERT(::getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size()));
  return seed;
}

Hash48 KeyHasher::operator()(std::string_view key) const {
  return XXH3_64bits_withSecret(key.data(), key.size(), secret_.data(), secret_.size()) >> (64 - kHashBits);
}

void append_stored_key(std::string& out, Partition partition, Hash48 hash, std::string_view key) {
  char prefix[kStoredKeyPrefixBytes];
  for (int i = 0; i < 4; ++i) prefix[i] = static_cast<char>(partition >> (24 - 8 * i));
  for (int i = 0; i < 6; ++i) prefix[4 + i] = static_cast<char>(hash >> (40 - 8 * i));
  out.append(prefix, sizeof prefix);
  out.append(key);
}

std::string stored_key(Partition partition, Hash48 hash, std::string_view key) {
  std::string out;
  out.reserve(kStoredKeyPrefixBytes + key.size());
  append_stored_key(out, partition, hash, key);
  return out;
}

Partition stored_key_partition(std::string_view bytes) {
  Partition partition = 0;
  for (int i = 0; i < 4; ++i) partition = partition << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return partition;
}

Hash48 stored_key_hash(std::string_view bytes) {
  Hash48 hash = 0;
  for (std::size_t i = 4; i < 10; ++i) hash = hash << 8 | static_cast<unsigned char>(bytes[i]);
  return hash;
}

}  // namespace stele
