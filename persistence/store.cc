#include "persistence/store.h"

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/checkpoint.h>

#include "persistence/store_core.h"

namespace stele {

Store::Store(std::unique_ptr<Core> core) : core_(std::move(core)) {}

Store::~Store() { STELE_ASSERT(core_->borrowers.load() == 0); }

std::shared_ptr<const Label> Store::label() const {
  const std::lock_guard lock(core_->label_mutex);
  return core_->label;
}

Result<std::optional<std::string>> Store::get(std::string_view key) const {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = core_->db->Get({}, core_->family(Family::objects), slice(key), &value);
  if (status.ok()) return std::optional<std::string>(value.ToString());
  if (status.IsNotFound()) return std::optional<std::string>();
  return from_rocksdb(status, fmt::format("{}: get", core_->dir.native()));
}

Result<std::vector<std::optional<std::string>>> Store::multi_get(std::span<const std::string_view> keys) const {
  std::vector<rocksdb::Slice> slices;
  slices.reserve(keys.size());
  for (const std::string_view key : keys) slices.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  core_->db->MultiGet({}, core_->family(Family::objects), keys.size(), slices.data(), values.data(), statuses.data());

  std::vector<std::optional<std::string>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      found[i] = values[i].ToString();
    } else if (!statuses[i].IsNotFound()) {
      return from_rocksdb(statuses[i], fmt::format("{}: get", core_->dir.native()));
    }
  }
  return found;
}

bool Store::may_contain(std::string_view key) const {
  // Restricts itself to what is in memory, and answers true where that does not decide.
  std::string unused;
  return core_->db->KeyMayExist({}, core_->family(Family::objects), slice(key), &unused);
}

Result<std::shared_ptr<const Label>> Store::link_files(const std::filesystem::path& dir) const {
  const auto what = [&] { return fmt::format("{}: link to {}", core_->dir.native(), dir.native()); };
  rocksdb::Checkpoint* made = nullptr;
  STELE_CHECK(from_rocksdb(rocksdb::Checkpoint::Create(core_->db.get(), &made), what()));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  const std::lock_guard lock(core_->ingest_mutex);  // label and files are of the same state
  STELE_CHECK(from_rocksdb(checkpoint->CreateCheckpoint(dir.native(), std::numeric_limits<std::uint64_t>::max()), what()));
  return label();
}

std::vector<std::filesystem::path> Store::sorted_files() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  core_->db->GetLiveFilesMetaData(&files);
  std::vector<std::filesystem::path> paths;
  for (const rocksdb::LiveFileMetaData& file : files) paths.push_back(core_->dir / std::filesystem::path(file.name).filename());
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status Store::verify_sorted_file(const std::filesystem::path& path) const {
  rocksdb::SstFileReader reader(core_->sst);
  STELE_CHECK(from_rocksdb(reader.Open(path.native()), path.native()));
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return from_rocksdb(reader.VerifyChecksum(options), path.native());
}

std::filesystem::path Store::scratch_dir() const { return core_->ingest_dir(); }

Status Store::health() const { return core_->health->status(); }

Status Store::Core::recover() {
  const Status error = health->status();
  if (error.ok()) return {};
  // Writes a new MANIFEST of the state as it is: a failed write to the old one may yet reach the disk, and would name
  // files that are gone.
  const std::lock_guard lock(ingest_mutex);
  const rocksdb::Status resumed = db->Resume();
  if (health->stopped()) {
    return Status::unavailable(
        "{}: no checkpoint can be taken until the server is restarted (nothing is lost: the journal has it): {}",
        dir.native(), error.message());
  }
  if (!resumed.ok()) return from_rocksdb(resumed, fmt::format("{}: an earlier error persists", dir.native()));
  health->clear();
  return {};
}

StoreStats Store::stats() const {
  rocksdb::DB* const db = core_->db.get();
  using Properties = rocksdb::DB::Properties;
  const auto sum = [&](const std::string& property) {
    std::uint64_t total = 0;
    db->GetAggregatedIntProperty(property, &total);
    return total;
  };
  const auto of_objects = [&](const std::string& property) {
    std::uint64_t value = 0;
    db->GetIntProperty(core_->family(Family::objects), property, &value);
    return value;
  };

  StoreStats stats;
  stats.sst_bytes = sum(Properties::kLiveSstFilesSize);
  for (rocksdb::ColumnFamilyHandle* family : core_->families) {
    rocksdb::ColumnFamilyMetaData meta;
    db->GetColumnFamilyMetaData(family, &meta);
    stats.sst_files += meta.file_count;
    if (family != core_->family(Family::objects)) continue;
    for (const rocksdb::LevelMetaData& level : meta.levels) {
      stats.objects_files_by_level.push_back(static_cast<int>(level.files.size()));
    }
  }
  stats.estimated_live_bytes = sum(Properties::kEstimateLiveDataSize);
  stats.estimated_objects = of_objects(Properties::kEstimateNumKeys);
  stats.pending_compaction_bytes = sum(Properties::kEstimatePendingCompactionBytes);
  db->GetIntProperty(Properties::kNumRunningCompactions, &stats.compactions_running);
  stats.compaction_cpu_us = core_->health->compaction_cpu_us();
  stats.compaction_written_bytes = core_->health->compaction_written_bytes();
  stats.block_cache_bytes = of_objects(Properties::kBlockCacheUsage);  // one cache, shared by the families
  stats.filter_and_index_bytes = sum(Properties::kEstimateTableReadersMem);
  stats.memtable_bytes = sum(Properties::kCurSizeAllMemTables);
  stats.write_stalled = core_->health->stalled();
  stats.write_stalls = core_->health->stalls();
  const std::lock_guard lock(core_->drops_mutex);
  stats.drops_pending = core_->drops.size();
  return stats;
}

}  // namespace stele
