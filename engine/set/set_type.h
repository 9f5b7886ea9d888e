#pragma once

namespace stele {

/// Makes sets known to type_ops().
void register_set_type();

}  // namespace stele
