#include "engine/types.h"

#include "engine/stream/stream_type.h"
#include "engine/string/string_type.h"

namespace stele {

void register_types() {
  register_stream_type();
  register_string_type();
}

}  // namespace stele
