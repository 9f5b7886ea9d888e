#include "engine/types.h"

#include "engine/hash/hash_type.h"
#include "engine/list/list_type.h"
#include "engine/set/set_type.h"
#include "engine/stream/stream_type.h"
#include "engine/string/string_type.h"
#include "engine/zset/zset_type.h"

namespace stele {

void register_types() {
  register_string_type();
  register_list_type();
  register_set_type();
  register_zset_type();
  register_hash_type();
  register_stream_type();
}

}  // namespace stele
