#pragma once

#include <cstdint>
#include <string_view>

namespace stele {

/// The checksum of RDB files and DUMP payloads (../formats: RDB, section 11), continued from `crc`; 0 to begin with.
std::uint64_t crc64(std::uint64_t crc, std::string_view bytes);

}  // namespace stele
