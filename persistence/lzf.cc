#include "persistence/lzf.h"

#include <cstdint>

namespace stele {

bool append_lzf_decompressed(std::string& out, std::string_view bytes, std::size_t size) {
  const std::size_t start = out.size();
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto control = static_cast<unsigned char>(bytes[at++]);
    const std::size_t made = out.size() - start;
    if (control < 32) {
      const std::size_t literals = std::size_t{control} + 1;
      if (literals > bytes.size() - at || literals > size - made) return false;
      out.append(bytes, at, literals);
      at += literals;
      continue;
    }
    std::size_t length = control >> 5;
    if (length == 7) {
      if (at == bytes.size()) return false;
      length += static_cast<unsigned char>(bytes[at++]);
    }
    if (at == bytes.size()) return false;
    const std::size_t distance = (std::size_t{control & 31u} << 8 | static_cast<unsigned char>(bytes[at++])) + 1;
    length += 2;
    if (distance > made || length > size - made) return false;
    // Source and target may overlap: byte by byte.
    for (std::size_t i = 0; i < length; ++i) out.push_back(out[out.size() - distance]);
  }
  return out.size() - start == size;
}

}  // namespace stele
