#include "engine/backup/checksum.h"

#include <fmt/format.h>
#define XXH_STATIC_LINKING_ONLY  // the state as a member
#include <xxhash.h>

namespace stele {

struct alignas(64) Checksum::State {
  XXH3_state_t xxh;
};

Checksum::Checksum() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Checksum::~Checksum() = default;

void Checksum::add(std::string_view bytes) { XXH3_128bits_update(&state_->xxh, bytes.data(), bytes.size()); }

std::string Checksum::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string Checksum::of(std::string_view bytes) {
  Checksum sum;
  sum.add(bytes);
  return sum.hex();
}

}  // namespace stele
