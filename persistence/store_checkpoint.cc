#include "persistence/store_checkpoint.h"

#include <rocksdb/sst_file_writer.h>
#include <spdlog/spdlog.h>

#include "persistence/store_core.h"
#include "persistence/store_keys.h"
#include "persistence/store_pending_expires.h"

namespace stele {
namespace fs = std::filesystem;
namespace {

/// The sorted files of one column family. Removes them when it goes, unless an ingestion has taken them.
class FamilyFiles {
 public:
  FamilyFiles(Store::Core& core, Family which) : core_(core), which_(which) {}

  ~FamilyFiles() {
    writer_.reset();
    std::error_code ignored;  // the next open removes what is left
    for (const std::string& path : paths_) fs::remove(path, ignored);
  }
  FamilyFiles(const FamilyFiles&) = delete;
  FamilyFiles& operator=(const FamilyFiles&) = delete;

  Status put(std::string_view key, std::string_view value) {
    STELE_CHECK(make_room(key));
    return check(writer_->Put(slice(key), slice(value)));
  }

  Status erase(std::string_view key) {
    STELE_CHECK(make_room(key));
    return check(writer_->Delete(slice(key)));
  }

  /// Syncs the current file; the next key would go to another.
  Status seal() {
    if (writer_ == nullptr) return {};
    rocksdb::ExternalSstFileInfo info;
    const rocksdb::Status status = writer_->Finish(&info);
    writer_.reset();
    last_key_ = std::move(info.largest_key);
    return check(status);
  }

  bool empty() const { return paths_.empty(); }

  rocksdb::IngestExternalFileArg ingestion() const {
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = core_.family(which_);
    argument.external_files = paths_;
    argument.options = ingest_options();
    return argument;
  }

 private:
  Status make_room(std::string_view key) {
    if (writer_ != nullptr) {
      if (writer_->FileSize() < core_.options.sst_bytes_max) return {};
      STELE_CHECK(seal());
    }
    // A file checks the order of its own keys; across files it is checked here.
    if (!paths_.empty() && key <= last_key_) {
      return Status::invalid("store: checkpoint: keys of {} are not in ascending order", name());
    }
    paths_.push_back((core_.ingest_dir() / fmt::format("{}.{}.sst", core_.next_file++, name())).native());
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(core_.sst), core_.sst, core_.family(which_),
                                                       /*invalidate_page_cache=*/false);
    return check(writer_->Open(paths_.back()));
  }

  const char* name() const { return kFamilyNames[static_cast<std::size_t>(which_)]; }

  Status check(const rocksdb::Status& status) const {
    if (status.ok()) return {};
    return from_rocksdb(status, fmt::format("store: checkpoint: {}", paths_.back()));
  }

  Store::Core& core_;
  const Family which_;
  std::vector<std::string> paths_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;  // of the last path
  std::string last_key_;                            // in the files before it
};

}  // namespace

struct CheckpointWriter::Files {
  explicit Files(Store::Core& store)
      : core(store), objects(store, Family::objects), expires(store, Family::expires), meta(store, Family::meta) {
    ++core.borrowers;
  }
  ~Files() {
    core.writer_exists = false;
    --core.borrowers;
  }

  Store::Core& core;
  FamilyFiles objects;
  FamilyFiles expires;
  FamilyFiles meta;
  PendingExpires pending_expires;
  Status failed;  // the first error; nothing is ingested after one
  bool finished = false;

  Status keep(Status status) {
    if (!status.ok() && failed.ok()) failed = status;
    return status;
  }

  Status write_expires() {
    return pending_expires.drain([this](std::string_view key, bool erase) {
      return erase ? expires.erase(key) : expires.put(key, {});
    });
  }

  Status seal(const Label& label) {
    STELE_CHECK(write_expires());
    STELE_CHECK(meta.put(kLabelKey, encode(label)));
    STELE_CHECK(objects.seal());
    STELE_CHECK(expires.seal());
    return meta.seal();
  }

  Status ingest(const Label& label) {
    std::vector<rocksdb::IngestExternalFileArg> arguments;
    for (const FamilyFiles* family : {&objects, &expires, &meta}) {
      if (!family->empty()) arguments.push_back(family->ingestion());
    }
    auto published = std::make_shared<const Label>(label);
    const std::lock_guard lock(core.ingest_mutex);
    STELE_CHECK(from_rocksdb(core.db->IngestExternalFiles(arguments),
                             fmt::format("{}: cannot ingest the checkpoint", core.dir.native())));
    const std::lock_guard label_lock(core.label_mutex);
    core.label = std::move(published);
    return {};
  }
};

CheckpointWriter::CheckpointWriter(std::unique_ptr<Files> files) : files_(std::move(files)) {}
CheckpointWriter::CheckpointWriter(CheckpointWriter&&) noexcept = default;
CheckpointWriter& CheckpointWriter::operator=(CheckpointWriter&&) noexcept = default;
CheckpointWriter::~CheckpointWriter() = default;

Status CheckpointWriter::put(std::string_view key, std::string_view value) {
  if (!files_->failed.ok()) return files_->failed;
  return files_->keep(files_->objects.put(key, value));
}

Status CheckpointWriter::erase(std::string_view key) {
  if (!files_->failed.ok()) return files_->failed;
  return files_->keep(files_->objects.erase(key));
}

void CheckpointWriter::put_expire(UnixTime at, std::string_view object_key) {
  files_->pending_expires.add(at, object_key, /*erase=*/false);
}

void CheckpointWriter::erase_expire(UnixTime at, std::string_view object_key) {
  files_->pending_expires.add(at, object_key, /*erase=*/true);
}

Status CheckpointWriter::finish(const Label& label) {
  STELE_ASSERT(!files_->finished);
  files_->finished = true;
  if (!files_->failed.ok()) return files_->failed;
  STELE_CHECK(files_->keep(files_->seal(label)));
  Status ingested = files_->keep(files_->ingest(label));
  if (!ingested.ok()) {
    // A failed MANIFEST write may still reach the disk, and would name files that are gone. Resuming writes a new
    // MANIFEST of the state as it is. If that fails too, health() says so and the next checkpoint tries again.
    if (Status recovered = files_->core.recover(); !recovered.ok()) spdlog::error("store: {}", recovered.message());
  }
  return ingested;
}

Result<CheckpointWriter> Store::begin_checkpoint() {
  if (core_->writer_exists.exchange(true)) {
    return Status::unavailable("{}: a checkpoint is being written already", core_->dir.native());
  }
  auto files = std::make_unique<CheckpointWriter::Files>(*core_);  // gives the turn back when it goes
  STELE_CHECK(core_->recover());
  std::error_code error;
  fs::create_directory(core_->ingest_dir(), error);
  if (error) return Status::io("{}: mkdir: {}", core_->ingest_dir().native(), error.message());
  return CheckpointWriter(std::move(files));
}

}  // namespace stele
