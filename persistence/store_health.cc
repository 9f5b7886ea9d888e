#include "persistence/store_health.h"

#include <spdlog/spdlog.h>

#include "persistence/store_core.h"

namespace stele {

Status from_rocksdb(const rocksdb::Status& status, std::string_view where) {
  if (status.ok()) return {};
  const std::string said = status.ToString();
  if (status.IsNoSpace()) return Status::exhausted("{}: the disk is full ({}); free some space", where, said);
  if (status.IsCorruption()) return Status::corrupt("{}: {}", where, said);
  if (status.IsInvalidArgument() || status.IsNotSupported()) return Status::invalid("{}: {}", where, said);
  if (status.IsBusy() || status.IsTryAgain() || status.IsShutdownInProgress()) {
    return Status::unavailable("{}: {}", where, said);
  }
  return Status::io("{}: {}", where, said);
}

Status StoreHealth::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void StoreHealth::set(Status status) {
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

void StoreHealth::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) {
  Status status = from_rocksdb(
      *error, reason == rocksdb::BackgroundErrorReason::kCompaction ? "store: compaction" : "store: background work");
  spdlog::error("{}; checkpoints wait until it is overcome", status.message());
  set(std::move(status));
}

void StoreHealth::OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) {
  if (!info.new_bg_error.ok()) return;
  spdlog::info("store: recovered from: {}", info.old_bg_error.ToString());
  set({});
}

void StoreHealth::OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) {
  using Condition = rocksdb::WriteStallCondition;
  const bool was = info.condition.prev != Condition::kNormal;
  const bool is = info.condition.cur != Condition::kNormal;
  if (was == is) return;
  if (is) {
    ++stalled_families_;
    ++stalls_;
    spdlog::warn("store: compaction of {} has fallen behind its checkpoints; reads get slower until it catches up",
                 info.cf_name);
  } else {
    --stalled_families_;
    spdlog::info("store: compaction of {} has caught up", info.cf_name);
  }
}

void StoreHealth::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& info) {
  compaction_cpu_us_ += info.stats.cpu_micros;
  compaction_written_bytes_ += info.stats.total_output_bytes;
}

}  // namespace stele
