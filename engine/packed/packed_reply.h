#pragma once

#include "persistence/packed/listpack.h"
#include "protocol/resp_writer.h"

namespace stele {

/// The bulk string of what a packed collection holds.
inline void reply_packed(RespWriter& reply, const PackedValue& value) {
  value.is_integer() ? reply.bulk_integer(value.integer) : reply.bulk({value.data, value.bytes});
}

}  // namespace stele
