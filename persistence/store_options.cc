#include "persistence/store_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <spdlog/spdlog.h>

#include "persistence/store_core.h"

namespace stele {
namespace {

// An absent key is asked of every run. There are several fresh ones, so each must be wrong less often (0.15 %) than the
// one that merges them (1 %), where most of the keys are and a bit costs most.
constexpr double kFreshFilterBits = 14;
constexpr double kMergedFilterBits = 10;

/// RocksDB's warnings and errors go to our log; its LOG files are not written.
class ForwardingLogger : public rocksdb::Logger {
 public:
  ForwardingLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override { forward(spdlog::level::warn, format, arguments); }
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    forward(level == rocksdb::InfoLogLevel::WARN_LEVEL ? spdlog::level::warn : spdlog::level::err, format, arguments);
  }

 private:
  static void forward(spdlog::level::level_enum level, const char* format, va_list arguments) {
    char line[1024];
    std::vsnprintf(line, sizeof line, format, arguments);
    // Said at every open: ingested files have no such id in the MANIFEST of this version.
    if (std::strstr(line, "without unique ID") != nullptr) return;
    // Said at every backup.
    if (std::strstr(line, "File Deletions") != nullptr) return;
    // Said at every checkpoint while it lasts; StoreHealth says it once.
    if (std::strstr(line, "Stalling writes") != nullptr) return;
    spdlog::log(level, "store: rocksdb: {}", line);
  }
};

rocksdb::BlockBasedTableOptions table_options(const StoreOptions& options,
                                              const std::shared_ptr<rocksdb::Cache>& cache,
                                              double filter_bits_per_key) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.no_block_cache = cache == nullptr;
  table.block_size = options.block_bytes;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits_per_key));
  table.whole_key_filtering = true;
  // Filters and indexes belong to the open file and not to the cache: may_contain() never finds one evicted.
  table.cache_index_and_filter_blocks = false;
  table.format_version = 5;
  table.checksum = rocksdb::kXXH3;
  return table;
}

}  // namespace

rocksdb::Options base_options(const StoreOptions& options, rocksdb::Env* env) {
  rocksdb::Options base;
  base.env = env;
  base.info_log = std::make_shared<ForwardingLogger>();
  base.paranoid_checks = true;
  base.max_open_files = -1;  // every filter stays in memory
  base.skip_stats_update_on_db_open = true;
  base.skip_checking_sst_file_sizes_on_db_open = true;
  base.max_background_jobs = options.compaction_threads + 1;  // the one is a flush thread that never flushes
  base.bytes_per_sync = std::uint64_t{1} << 20;  // a compaction must not leave one long fsync in the journal's way
  base.avoid_unnecessary_blocking_io = true;     // who releases an iterator does not delete files
  base.max_manifest_file_size = std::uint64_t{4} << 20;
  base.max_bgerror_resume_count = 0;  // the next checkpoint resumes, see StoreHealth
  base.stats_dump_period_sec = 0;
  base.stats_persist_period_sec = 0;
  base.manual_wal_flush = true;
  base.avoid_flush_during_shutdown = true;
  base.compaction_readahead_size = std::size_t{2} << 20;
  return base;
}

rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, Family which,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options, cache, kMergedFilterBits)));
  // Memtables stay empty.
  family.write_buffer_size = std::size_t{64} << 10;
  family.arena_block_size = std::size_t{4} << 10;
  family.max_write_buffer_number = 2;

  family.compression =
      options.compression == StoreOptions::Compression::lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  family.bottommost_compression = options.compression == StoreOptions::Compression::none ? rocksdb::kNoCompression
                                                                                         : rocksdb::kLZ4Compression;
  family.target_file_size_base = options.sst_bytes_max;
  family.level0_file_num_compaction_trigger = which == Family::meta ? 8 : options.runs_before_compaction;
  // There is no writer to slow down. The triggers only tell the listener that compaction has fallen behind.
  family.level0_slowdown_writes_trigger = 8 * options.runs_before_compaction;
  family.level0_stop_writes_trigger = 1 << 20;
  family.soft_pending_compaction_bytes_limit = 0;
  family.hard_pending_compaction_bytes_limit = 0;
  // Universal compaction ingests to level 0 only. What is in the last level is a run like others to it at the next open.
  if (options.compaction == StoreOptions::Compaction::universal && !options.fills_empty_store) {
    family.compaction_style = rocksdb::kCompactionStyleUniversal;
    // Merge everything once what is newer than the last run is as large as it: twice the live data at most.
    family.compaction_options_universal.max_size_amplification_percent = 90;
  } else {
    family.compaction_style = rocksdb::kCompactionStyleLevel;
    family.level_compaction_dynamic_level_bytes = true;
    family.max_bytes_for_level_base = std::uint64_t{256} << 20;
  }
  return family;
}

rocksdb::Options sst_options(const StoreOptions& options, rocksdb::Env* env) {
  rocksdb::Options sst;
  sst.env = env;
  sst.table_factory.reset(rocksdb::NewBlockBasedTableFactory(
      table_options(options, nullptr, options.fills_empty_store ? kMergedFilterBits : kFreshFilterBits)));
  sst.compression =
      options.compression == StoreOptions::Compression::lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  return sst;
}

rocksdb::IngestExternalFileOptions ingest_options() {
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  ingest.write_global_seqno = false;    // it goes to the MANIFEST: the file is not changed after its sync
  ingest.allow_blocking_flush = false;  // nothing is in a memtable
  return ingest;
}

}  // namespace stele
