#pragma once

#include <cstdint>
#include <string_view>

namespace stele {

/// 64 bits of XXH3 under a secret that is drawn once per process, so that no client can choose elements that collide.
/// Never stored: unlike a key's hash, an element's means nothing to the next process.
std::uint64_t element_hash(std::string_view text);

}  // namespace stele
