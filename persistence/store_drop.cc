#include <rocksdb/convenience.h>
#include <rocksdb/sst_file_writer.h>
#include <spdlog/spdlog.h>

#include "persistence/store_core.h"

namespace stele {
namespace fs = std::filesystem;

void Store::drop_range(std::string_view first, std::string_view end) {
  STELE_ASSERT(first < end);
  {
    const std::lock_guard lock(core_->drops_mutex);
    core_->drops.emplace_back(first, end);
  }
  core_->drops_changed.notify_one();
}

void Store::Core::run_drops() {
  std::unique_lock lock(drops_mutex);
  while (true) {
    drops_changed.wait(lock, [this] { return closing || !drops.empty(); });
    if (closing) return;
    const auto [first, end] = drops.front();
    lock.unlock();
    const Status dropped = drop(first, end);
    lock.lock();
    if (dropped.ok()) {
      drops.pop_front();
      continue;
    }
    // It keeps its turn: the data is dead, only its space comes back later.
    spdlog::error("store: {}: cannot drop a range, trying again in {} s: {}", dir.native(), options.drop_retry.count() / 1000,
                  dropped.message());
    drops_changed.wait_for(lock, options.drop_retry, [this] { return closing; });
  }
}

/// Files that lie within the range go at once. What is left of it, in files that reach beyond, is covered by a range
/// tombstone, which comes as a file like everything else and takes effect on disk as compactions pass by.
Status Store::Core::drop(const std::string& first, const std::string& end) {
  const rocksdb::Slice first_slice(first);
  const rocksdb::Slice end_slice(end);
  const std::string where = fmt::format("{}: drop", dir.native());
  STELE_CHECK(from_rocksdb(
      rocksdb::DeleteFilesInRange(db.get(), family(Family::objects), &first_slice, &end_slice, /*include_end=*/false),
      where));

  std::error_code error;
  fs::create_directory(ingest_dir(), error);
  if (error) return Status::io("{}: mkdir: {}", ingest_dir().native(), error.message());
  const std::string path = (ingest_dir() / fmt::format("{}.drop.sst", next_file++)).native();
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(sst), sst, family(Family::objects), false);
  rocksdb::Status status = writer.Open(path);
  if (status.ok()) status = writer.DeleteRange(first_slice, end_slice);
  if (status.ok()) status = writer.Finish();
  if (status.ok()) {
    const std::lock_guard lock(ingest_mutex);
    status = db->IngestExternalFile(family(Family::objects), {path}, ingest_options());
  }
  fs::remove(path, error);
  return from_rocksdb(status, where);
}

}  // namespace stele
