#include "engine/types.h"

#include "engine/list/list_type.h"
#include "engine/string/string_type.h"
#include "engine/zset/zset_type.h"

namespace stele {

void register_types() {
  register_list_type();
  register_string_type();
  register_zset_type();
}

}  // namespace stele
