#pragma once

namespace stele {

/// Makes streams known to type_ops().
void register_stream_type();

}  // namespace stele
