#pragma once

#include <string>
#include <string_view>

namespace stele {

/// Undoes the compression of strings in RDB files (LZF): a control byte below 32 is followed by that many literals and one more;
/// any other is a reference back:
///
///     length - 2 in the top 3 bits (7: plus the next byte) | distance - 1: low 5 bits, then a byte
///
/// Appends to `out`; false if `bytes` is malformed or does not make exactly `size` bytes. Memory grows with what is
/// produced, not with what `size` claims.
bool append_lzf_decompressed(std::string& out, std::string_view bytes, std::size_t size);

}  // namespace stele
