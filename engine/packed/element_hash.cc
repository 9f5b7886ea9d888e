#include "engine/packed/element_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>

#include "engine/key_hash.h"

namespace stele {

namespace {

struct Secret {
  Secret() {
    const KeyHasher::Seed seed = KeyHasher::random_seed();
    XXH3_generateSecret(bytes.data(), bytes.size(), seed.data(), seed.size());
  }
  alignas(64) std::array<unsigned char, 192> bytes;
};

const Secret kSecret;

}  // namespace

std::uint64_t element_hash(std::string_view text) {
  return XXH3_64bits_withSecret(text.data(), text.size(), kSecret.bytes.data(), kSecret.bytes.size());
}

}  // namespace stele
