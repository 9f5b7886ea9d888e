#pragma once

#include <cstdint>
#include <string_view>

namespace stele {

/// The checksum of RDB files and of DUMP payloads: CRC-64 with the Jones polynomial 0xad93d23594c935a9, bits reflected, no
/// inversion before or after. Of "123456789" it is 0xe9c6d914c4b8d9ca. `before`: of the bytes in front of these.
std::uint64_t crc64(std::string_view bytes, std::uint64_t before = 0);

}  // namespace stele
