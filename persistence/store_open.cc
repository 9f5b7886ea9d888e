#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/version.h>
#include <spdlog/spdlog.h>

#include "persistence/store_core.h"
#include "persistence/store_keys.h"

namespace stele {
namespace fs = std::filesystem;
namespace {

constexpr const char* kCreating = "creating";

Status sync_path(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return Status::io("{}: open: {}", path.native(), std::strerror(errno));
  const bool synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!synced) return Status::io("{}: fsync: {}", path.native(), std::strerror(error));
  return {};
}

Status sync_directory(const fs::path& dir) { return sync_path(dir, O_RDONLY | O_DIRECTORY); }

/// Makes `dir` and every missing directory above it, durably.
Status make_directories(const fs::path& dir) {
  std::error_code error;
  if (fs::is_directory(dir, error)) return {};
  const fs::path parent = dir.has_parent_path() ? dir.parent_path() : fs::path(".");
  STELE_CHECK(make_directories(parent));
  fs::create_directory(dir, error);
  if (error) return Status::io("{}: mkdir: {}", dir.native(), error.message());
  return sync_directory(parent);
}

enum class Found { complete, nothing, unfinished_creation };

/// A creation that a crash cut short has left its marker; RocksDB may then start over, as nothing was ever in there.
Result<Found> inspect(const fs::path& dir) {
  std::error_code error;
  const fs::file_status status = fs::status(dir, error);
  if (status.type() == fs::file_type::not_found) return Found::nothing;
  if (status.type() != fs::file_type::directory) {
    return Status::corrupt("{}: is not a directory, so no store; move it away or set another data directory",
                           dir.native());
  }
  fs::directory_iterator entries(dir, error);
  if (error) return Status::io("{}: cannot list: {}", dir.native(), error.message());
  if (entries == fs::directory_iterator()) return Found::nothing;
  if (fs::exists(dir / kCreating, error)) return Found::unfinished_creation;
  if (fs::exists(dir / "CURRENT", error)) return Found::complete;
  return Status::corrupt(
      "{}: has files but no CURRENT, so it is no store or a damaged one; nothing was changed. Restore the directory "
      "from a backup, or move it away: the server then rebuilds the store from the journal if that still reaches back to its beginning, and says so if not",
      dir.native());
}

Status begin_creation(const fs::path& dir) {
  STELE_CHECK(make_directories(dir));
  const fs::path marker = dir / kCreating;
  const int fd = ::open(marker.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Status::io("{}: create: {}", marker.native(), std::strerror(errno));
  ::close(fd);
  return sync_directory(dir);
}

Status end_creation(const fs::path& dir) {
  std::error_code error;
  fs::remove(dir / kCreating, error);
  if (error) return Status::io("{}: remove: {}", (dir / kCreating).native(), error.message());
  return sync_directory(dir);
}

/// What RocksDB says about a directory that it cannot open, in terms of what to do about it.
Status cannot_open(const fs::path& dir, const rocksdb::Status& status) {
  const std::string said = status.ToString();
  if (status.IsIOError() && said.find("/LOCK") != std::string::npos) {
    return Status::unavailable("{}: is in use by another server (or this process has it open already): {}",
                               dir.native(), said);
  }
  if (status.IsNoSpace()) return Status::exhausted("{}: no space to open the store: {}", dir.native(), said);
  // A file that is not there is damage too, whatever the kernel calls it.
  if (status.IsCorruption() || status.IsPathNotFound() || said.find("No such file") != std::string::npos ||
      status.IsInvalidArgument() || status.IsNotFound()) {
    return Status::corrupt(
        "{}: cannot be opened as a store: {}. Its files were left as they are. Restore the directory from a backup, "
        "or move it away: the server then rebuilds the store from the journal if that still reaches back to its beginning, and says so if not",
        dir.native(), said);
  }
  return Status::io("{}: cannot open the store: {}", dir.native(), said);
}

/// Compactions are background work for the machine too, not only for us.
void lower_compaction_priority(rocksdb::Env* env, int threads) {
  env->SetBackgroundThreads(threads, rocksdb::Env::LOW);
  env->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow).PermitUncheckedError();
  env->LowerThreadPoolIOPriority(rocksdb::Env::LOW);
}

}  // namespace

std::string Store::library_version() { return fmt::format("{}.{}", ROCKSDB_MAJOR, ROCKSDB_MINOR); }

Result<std::unique_ptr<Store>> Store::open(const fs::path& dir, StoreOptions options) {
  auto core = std::make_unique<Core>();
  core->dir = dir;
  core->options = options;
  core->env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  core->sst = sst_options(options, core->env);
  STELE_CHECK(core->open_db());
  core->remove_leftovers();
  STELE_CHECK(core->load_label());
  core->dropper = std::thread([raw = core.get()] { raw->run_drops(); });
  return std::unique_ptr<Store>(new Store(std::move(core)));
}

Status Store::Core::open_db() {
  STELE_TRY(const Found found, inspect(dir));
  if (found == Found::unfinished_creation) {
    spdlog::info("store: {}: a crash cut its creation short; starting over", dir.native());
  }
  if (found == Found::nothing) STELE_CHECK(begin_creation(dir));

  rocksdb::Options base = base_options(options, env);
  base.create_if_missing = found != Found::complete;
  base.create_missing_column_families = found != Found::complete;
  base.listeners.push_back(health);
  lower_compaction_priority(env, options.compaction_threads);

  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, family_options(options, Family::meta, cache));
  for (std::size_t i = 0; i < kFamilyNames.size(); ++i) {
    descriptors.emplace_back(kFamilyNames[i], family_options(options, static_cast<Family>(i), cache));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(base, dir.native(), descriptors, &handles, &opened);
  if (!status.ok()) return cannot_open(dir, status);
  db.reset(opened);
  default_family = handles.front();
  std::copy(handles.begin() + 1, handles.end(), families.begin());

  if (found != Found::complete) STELE_CHECK(end_creation(dir));
  return {};
}

/// Only now that the lock is ours: before, they might be another server's checkpoint in the making.
void Store::Core::remove_leftovers() {
  std::error_code error;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(ingest_dir(), error)) {
    std::error_code ignored;
    const std::uint64_t size = entry.file_size(ignored);
    if (!fs::remove(entry.path(), ignored)) continue;
    ++files;
    bytes += ignored ? 0 : size;
  }
  if (files > 0) {
    spdlog::info("store: {}: removed {} files ({} bytes) of a checkpoint that a crash cut short", dir.native(), files,
                 bytes);
  }
}

Status Store::Core::load_label() {
  std::string bytes;
  const rocksdb::Status status = db->Get({}, family(Family::meta), slice(kLabelKey), &bytes);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return from_rocksdb(status, fmt::format("{}: cannot read the checkpoint label", dir.native()));
  Result<Label> decoded = decode_label(bytes);
  if (!decoded.ok()) {
    if (decoded.status().code() == Code::invalid) {
      return Status::invalid("{}: {}", dir.native(), decoded.status().message());
    }
    return Status::corrupt("{}: {}; restore the directory from a backup, or move it away", dir.native(),
                           decoded.status().message());
  }
  label = std::make_shared<const Label>(std::move(*decoded));
  return {};
}

Store::Core::~Core() {
  {
    const std::lock_guard lock(drops_mutex);
    closing = true;
  }
  drops_changed.notify_all();
  if (dropper.joinable()) dropper.join();
  if (db == nullptr) return;
  rocksdb::CancelAllBackgroundWork(db.get(), true);
  for (rocksdb::ColumnFamilyHandle* handle : families) {
    db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  db->DestroyColumnFamilyHandle(default_family).PermitUncheckedError();
  if (const rocksdb::Status closed = db->Close(); !closed.ok()) {
    spdlog::warn("store: {}: close: {}", dir.native(), closed.ToString());
  }
}

}  // namespace stele
