#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/key_hash.h"
#include "persistence/file.h"
#include "persistence/store.h"

namespace stele {

/// Sorts rows of the column family `objects` that come in any order, in bounded memory, and stores them in files of
/// which no two overlap: nothing is left for compaction to do.
///
///     add ... add ──► buckets by partition and the first bits of the hash ──► store: each bucket sorted, several at a
///     time
///                        │ beyond `memory_bytes`: all buckets to the end of a temporary file
///
/// Bounded means: `memory_bytes`, and one bucket for each thread that stores: a 4,096th of a database.
/// Threads: one at a time.
class RowBuckets {
 public:
  /// Rows back to back, as they are taken over: first the user key, then the stored row.
  struct Rows {
    struct Row {
      Partition partition;
      std::uint32_t key_bytes;
      std::uint32_t row_bytes;
    };
    std::string bytes;
    std::vector<Row> rows;
  };

  /// The temporary file has no name in `scratch_dir`, so that it goes with the process.
  RowBuckets(std::filesystem::path scratch_dir, std::size_t memory_bytes)
      : scratch_dir_(std::move(scratch_dir)), memory_bytes_(memory_bytes) {}

  /// `hashes[i]` is of the key of row i.
  Status add(Rows added, const std::vector<Hash48>& hashes);

  /// To be filled; of those that have been spilled, whose memory is used again.
  Rows no_rows();

  /// Stores all rows, as checkpoints without a meaning in their label. `corrupt` if a key is there twice. `on_progress`
  /// gets the share that is done, on this thread; `stopped` may be asked on any.
  Status store(Store& store, int threads, const std::function<void(double)>& on_progress,
               const std::function<bool()>& stopped);

  std::uint64_t spilled_bytes() const { return spilled_; }

 private:
  static constexpr int kHashBitsOfBucket = 12;
  static constexpr std::size_t kBucketsOfPartition = std::size_t{1} << kHashBitsOfBucket;

  struct Item {
    Hash48 hash;
    const char* at;  // key, row
    std::uint32_t key_bytes;
    std::uint32_t row_bytes;
  };
  struct Slice {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  struct Bucket {
    std::vector<Item> items;    // in memory
    std::vector<Slice> slices;  // in the temporary file
    std::uint64_t bytes = 0;    // of both
  };
  using Buckets = std::array<Bucket, kBucketsOfPartition>;
  struct Range {  // buckets that become one file
    std::vector<std::pair<Partition, Bucket*>> buckets;
    std::uint64_t bytes = 0;
  };

  Status spill();
  std::vector<Range> ranges(std::uint64_t range_bytes);
  Status store_bucket(Partition partition, const Bucket& bucket, CheckpointPart& part) const;
  Status load(const Bucket& bucket, std::string& buffer, std::vector<Item>& items) const;

  const std::filesystem::path scratch_dir_;
  const std::size_t memory_bytes_;
  std::map<Partition, std::unique_ptr<Buckets>> partitions_;
  std::deque<Rows> kept_;  // what the items point into: they must not move
  std::vector<Rows> spare_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
  File scratch_;
  std::uint64_t spilled_ = 0;
};

}  // namespace stele
