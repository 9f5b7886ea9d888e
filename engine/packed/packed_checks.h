#pragma once

#include "persistence/packed/listpack.h"

namespace stele {

/// Whether two of the elements with even index (`skip` 1), or of all (`skip` 0), have the same text. O(n log n).
bool has_doubles(const Listpack& listpack, std::size_t skip);

}  // namespace stele
