#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/stream/stream.h"
#include "persistence/status.h"

namespace stele {

/// The RDB types of streams (formats/RDB.md, section 9), each the one before and something more: first and deleted ids
/// and counts of what was added and read (Redis 7.0), and the consumers' active time (Redis 7.2).
inline constexpr std::uint8_t kRdbStreamListpacks = 15;
inline constexpr std::uint8_t kRdbStreamListpacks2 = 19;
inline constexpr std::uint8_t kRdbStreamListpacks3 = 21;

/// Appends the value of kRdbStreamListpacks3.
void append_stream_rdb(const Stream& stream, std::string& out);

/// Reads the value of any of the three types. `corrupt` unless every byte of it is well-formed and all of it fits
/// together: nodes, ids, counts, and each pending entry with exactly one consumer. Takes any bytes.
Result<std::unique_ptr<Stream>> stream_from_rdb(std::uint8_t rdb_type, std::string_view bytes);

}  // namespace stele
