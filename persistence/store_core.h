#pragma once

// Inside the store only: what its .cc files share. The one header that includes RocksDB's.

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <rocksdb/db.h>

#include "persistence/store.h"
#include "persistence/store_health.h"

namespace stele {

enum class Family { objects, elements, expires, meta };
inline constexpr std::array<const char*, 4> kFamilyNames = {"objects", "elements", "expires", "meta"};

inline rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

struct Store::Core {
  std::filesystem::path dir;
  StoreOptions options;
  rocksdb::Env* env = nullptr;
  rocksdb::Options sst;  // of the files that checkpoints and drops write
  std::shared_ptr<StoreHealth> health = std::make_shared<StoreHealth>();

  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, kFamilyNames.size()> families{};
  rocksdb::ColumnFamilyHandle* default_family = nullptr;  // RocksDB insists on one; always empty

  mutable std::mutex ingest_mutex;  // held while data and label change, so that both can be read as one
  mutable std::mutex label_mutex;
  std::shared_ptr<const Label> label;  // guarded by label_mutex

  std::atomic<bool> writer_exists = false;
  std::atomic<std::uint64_t> next_file = 1;  // names in ingest/
  std::atomic<std::int64_t> borrowers = 0;   // iterators and writers; none may outlive the store

  std::mutex drops_mutex;
  std::condition_variable drops_changed;
  std::deque<std::pair<std::string, std::string>> drops;  // guarded by drops_mutex; the front one is being worked on
  bool closing = false;                                   // guarded by drops_mutex
  std::thread dropper;                                    // runs run_drops()

  ~Core();

  rocksdb::ColumnFamilyHandle* family(Family which) const { return families[static_cast<std::size_t>(which)]; }
  std::filesystem::path ingest_dir() const { return dir / "ingest"; }

  Status open_db();
  Status load_label();
  void remove_leftovers();
  void run_drops();
  Status drop(const std::string& first, const std::string& end);
  Status recover();  // from a background error, if there is one
};

/// The same error in our terms; `where` says what was tried and on what.
Status from_rocksdb(const rocksdb::Status& status, std::string_view where);

// store_options.cc
rocksdb::Options base_options(const StoreOptions& options, rocksdb::Env* env);
rocksdb::ColumnFamilyOptions family_options(const StoreOptions& options, Family which,
                                            const std::shared_ptr<rocksdb::Cache>& cache);
rocksdb::Options sst_options(const StoreOptions& options, rocksdb::Env* env);
rocksdb::IngestExternalFileOptions ingest_options();

}  // namespace stele
