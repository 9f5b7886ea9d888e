#pragma once

namespace stele {

/// Makes sorted sets known to type_ops().
void register_zset_type();

}  // namespace stele
