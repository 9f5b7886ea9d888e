#pragma once

#include <optional>

#include "engine/call.h"

/// The handlers of the bitmap commands; bitmap_commands.cc has the table.
namespace stele::bitmap_command {

// bitmap_commands.cc: bits one by one, and whole bitmaps
void setbit(Call& call);
void getbit(Call& call);
void bitcount(Call& call);
void bitpos(Call& call);
void bitop(Call& call);

// bitfield.cc: integers of any width
void bitfield(Call& call);
void bitfield_ro(Call& call);

/// Argument `i` as a bit's position. `field_bits`: "#n" is allowed and counts fields of that width. Replies and returns
/// nothing if it is none, or lies behind the longest string there may be.
std::optional<std::uint64_t> offset_arg(Call& call, std::size_t i, unsigned field_bits = 0);

}  // namespace stele::bitmap_command
