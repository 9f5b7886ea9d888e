#pragma once

#include "tools/aof/commands.h"

namespace stele::tools {

/// As aof_list(), with the values of the keys before and after each command: the data are built up on the side. Returns how many
/// commands were shown.
Result<std::uint64_t> list_with_values(const AofListOptions& options, const AofSource& source);

}  // namespace stele::tools
