#pragma once

#include <cstddef>

#include "protocol/environment.h"

namespace stele {

/// Where memory goes besides keys and values; for INFO memory and MEMORY STATS.
struct MemoryOverhead {
  std::size_t startup = 0;
  std::size_t clients = 0;
  std::size_t journal_buffer = 0;
  std::size_t tables = 0;       // directories and segments of all databases
  std::size_t store = 0;        // RocksDB's caches and memtables
  std::size_t keys = 0;         // resident, of all databases
  std::size_t total = 0;        // of the above but keys

  /// What is left of `allocated` for keys and values.
  std::size_t dataset(std::size_t allocated) const { return allocated > total ? allocated - total : 0; }
  /// The same, in percent of what was allocated since the start.
  double dataset_percent(std::size_t allocated) const;
};

MemoryOverhead memory_overhead(Environment& environment);

/// a / b, or 0 without b.
double ratio(std::size_t a, std::size_t b);

}  // namespace stele
