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

  /// Takes the files of `later`, which is sealed as this is: its keys must be greater.
  Status append(FamilyFiles& later) {
    if (later.empty()) return {};
    if (!empty() && later.first_key_ <= last_key_) return not_ascending();
    if (empty()) first_key_ = std::move(later.first_key_);
    last_key_ = std::move(later.last_key_);
    paths_.insert(paths_.end(), later.paths_.begin(), later.paths_.end());
    later.paths_.clear();
    return {};
  }

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
    if (!paths_.empty() && key <= last_key_) return not_ascending();
    if (paths_.empty()) first_key_ = key;
    paths_.push_back((core_.ingest_dir() / fmt::format("{}.{}.sst", core_.next_file++, name())).native());
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(core_.sst), core_.sst, core_.family(which_),
                                                       /*invalidate_page_cache=*/false);
    return check(writer_->Open(paths_.back()));
  }

  Status not_ascending() const {
    return Status::invalid("store: checkpoint: keys of {} are not in ascending order", name());
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
  std::string first_key_;
  std::string last_key_;  // in the files before it
};

}  // namespace

struct CheckpointPart::Files {
  explicit Files(Store::Core& core) : objects(core, Family::objects) {}

  FamilyFiles objects;
  PendingExpires pending_expires;
};

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

  /// A MANIFEST that cannot be written stops RocksDB for good, a refusal here costs nothing.
  Status check_spare_space() const {
    std::error_code error;
    const fs::space_info space = fs::space(core.dir, error);
    if (error || space.available >= core.options.spare_bytes) return {};
    return Status::exhausted("{}: {} bytes free on its disk, the checkpoint needs {} to be ingested; free some space",
                             core.dir.native(), space.available, core.options.spare_bytes);
  }

  Status ingest(const Label& label) {
    STELE_CHECK(check_spare_space());
    std::vector<rocksdb::IngestExternalFileArg> arguments;
    for (const FamilyFiles* family : {&objects, &expires, &meta}) {
      if (!family->empty()) arguments.push_back(family->ingestion());
    }
    auto published = std::make_shared<const Label>(label);
    const std::lock_guard lock(core.ingest_mutex);
    if (core.health->stopped()) return core.health->status();
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

CheckpointPart CheckpointWriter::begin_part() {
  return CheckpointPart(std::make_unique<CheckpointPart::Files>(files_->core));
}

Status CheckpointWriter::join(CheckpointPart part) {
  if (!files_->failed.ok()) return files_->failed;
  STELE_CHECK(files_->keep(part.seal()));
  files_->pending_expires.append(part.files_->pending_expires);
  return files_->keep(files_->objects.append(part.files_->objects));
}

CheckpointPart::CheckpointPart(std::unique_ptr<Files> files) : files_(std::move(files)) {}
CheckpointPart::CheckpointPart(CheckpointPart&&) noexcept = default;
CheckpointPart& CheckpointPart::operator=(CheckpointPart&&) noexcept = default;
CheckpointPart::~CheckpointPart() = default;

Status CheckpointPart::put(std::string_view key, std::string_view value) { return files_->objects.put(key, value); }

void CheckpointPart::put_expire(UnixTime at, std::string_view object_key) {
  files_->pending_expires.add(at, object_key, /*erase=*/false);
}

Status CheckpointPart::seal() { return files_->objects.seal(); }

Status CheckpointWriter::finish(const Label& label) {
  STELE_ASSERT(!files_->finished);
  files_->finished = true;
  if (!files_->failed.ok()) return files_->failed;
  STELE_CHECK(files_->keep(files_->seal(label)));
  Status ingested = files_->keep(files_->ingest(label));
  if (!ingested.ok()) {
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
