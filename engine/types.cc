#include "engine/types.h"

#include "engine/list/list_type.h"
#include "engine/string/string_type.h"

namespace stele {

void register_types() {
  register_list_type();
  register_string_type();
}

}  // namespace stele
