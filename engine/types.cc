#include "engine/types.h"

#include "engine/string/string_type.h"

namespace stele {

void register_types() { register_string_type(); }

}  // namespace stele
