#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace rocksdb {
class Env;
}

namespace stele {

/// What the store may spend. The defaults are the measured ones; README.md, section "store", has the figures.
struct StoreOptions {
  enum class Compression { none, lz4_last_level, lz4 };
  enum class Compaction { universal, level };

  std::size_t block_cache_bytes = std::size_t{32} << 20;  ///< uncompressed blocks; filters and indexes come on top
  std::size_t block_bytes = std::size_t{4} << 10;         ///< what a cold get reads and checks at least
  std::uint64_t sst_bytes_max = std::uint64_t{64} << 20;  ///< a checkpoint goes on in another file after this
  Compression compression = Compression::lz4_last_level;
  Compaction compaction = Compaction::universal;
  bool fills_empty_store = false;  ///< files that do not overlap go to the last level at once, as compaction would leave them
  int runs_before_compaction = 8;  ///< files that overlap, each one more filter to ask, before they are merged
  int compaction_threads = 1;      ///< at low CPU priority; shared by all stores of the process

  std::uint64_t spare_bytes = std::uint64_t{16} << 20;    ///< on the disk; with less, no checkpoint is ingested
  std::chrono::milliseconds drop_retry{10'000};  ///< how long a drop that failed waits before it is tried again

  rocksdb::Env* env = nullptr;  ///< the machine's files if null; tests hand in a disk that fails
};

}  // namespace stele
