#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include <rocksdb/listener.h>

#include "persistence/status.h"

namespace stele {

/// Hears from RocksDB's threads what no call returns: background errors, write stalls, work done.
class StoreHealth : public rocksdb::EventListener {
 public:
  /// The background error not yet overcome.
  Status status() const;
  void set(Status status);

  bool stalled() const { return stalled_families_.load() > 0; }
  std::uint64_t stalls() const { return stalls_.load(); }
  std::uint64_t compaction_cpu_us() const { return compaction_cpu_us_.load(); }
  std::uint64_t compaction_written_bytes() const { return compaction_written_bytes_.load(); }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override;
  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& info) override;

 private:
  mutable std::mutex mutex_;
  Status status_;  // guarded by mutex_

  std::atomic<int> stalled_families_ = 0;
  std::atomic<std::uint64_t> stalls_ = 0;
  std::atomic<std::uint64_t> compaction_cpu_us_ = 0;
  std::atomic<std::uint64_t> compaction_written_bytes_ = 0;
};

}  // namespace stele
