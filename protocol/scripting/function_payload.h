#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"

namespace stele {

/// What FUNCTION DUMP replies with and RESTORE takes: RDB records of libraries between nothing and the footer of DUMP.
///
///     { 0xF5 | string: source }  ... | RDB version (2, little-endian) | CRC-64 of all before it (8, little-endian)
///
/// Version 10 is written, which Redis 7.0 takes; up to 11 (7.2) is taken. A string may be compressed there.
std::string encode_functions(const std::map<std::string, std::string, std::less<>>& code_by_name);

/// The sources. `invalid` with the text of Redis' error, without the "ERR".
Result<std::vector<std::string>> decode_functions(std::string_view payload);

}  // namespace stele
