#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/command_registry.h"

namespace stele {

/// The keys of a command and what it does to them: key_positions(), but with what key specifications cannot say. SET and
/// BITFIELD read or do not, depending on their options; SORT's STORE and MIGRATE's keys stand where only parsing finds them.
/// False if the arguments do not fit; keys found until then are in `out`.
bool key_accesses(const RegisteredCommand& command, std::span<const std::string_view> args, std::vector<KeyPosition>& out);

}  // namespace stele
