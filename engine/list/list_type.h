#pragma once

namespace stele {

/// Makes lists known to type_ops().
void register_list_type();

}  // namespace stele
