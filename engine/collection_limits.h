#pragma once

#include <cstdint>

namespace stele {

/// Up to where a collection is held as packed bytes: the directives of the same names, with Redis' defaults.
struct CollectionLimits {
  std::int64_t hash_max_listpack_entries = 512;
  std::int64_t hash_max_listpack_value = 64;
  std::int64_t list_max_listpack_size = -2;  // negative: a class of bytes, -1 is 4 KiB, -5 is 64 KiB
  std::int64_t list_compress_depth = 0;
  std::int64_t set_max_intset_entries = 512;
  std::int64_t set_max_listpack_entries = 128;
  std::int64_t set_max_listpack_value = 64;
  std::int64_t zset_max_listpack_entries = 128;
  std::int64_t zset_max_listpack_value = 64;
  std::int64_t stream_node_max_bytes = 4096;
  std::int64_t stream_node_max_entries = 100;
  std::int64_t hll_sparse_max_bytes = 3000;
};

}  // namespace stele
