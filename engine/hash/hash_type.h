#pragma once

namespace stele {

/// Makes hashes known to type_ops().
void register_hash_type();

}  // namespace stele
