#pragma once

#include <cstddef>
#include <string_view>

namespace stele {

/// Compresses `text` into the LZF format (../formats: RDB, section 3), at most `room` bytes at `out`. 0 if it does not fit, which
/// is how a caller says what saving it asks for. Any LZF reader expands it.
///
/// What is short, as most values are, is looked through with a table that the first-level cache holds; liblzf's, of 512 KB, costs a
/// value of 100 bytes several times as much. Longer ones are liblzf's.
std::size_t lzf_pack(std::string_view text, char* out, std::size_t room);

}  // namespace stele
