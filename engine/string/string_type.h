#pragma once

namespace stele {

/// Makes strings known to type_ops().
void register_string_type();

}  // namespace stele
