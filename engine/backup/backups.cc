#include "engine/backup/backups.h"

#include <spdlog/spdlog.h>

#include "engine/backup/checksum.h"

namespace stele {

std::string backup_server_id(const KeyHasher::Seed& seed) {
  Checksum sum;
  sum.add("stele-backup server");
  sum.add({reinterpret_cast<const char*>(seed.data()), seed.size()});
  return sum.hex();
}

void Backups::request(BackupRequest request, std::string server_version) {
  STELE_ASSERT(!in_progress());
  wanted_ = std::move(request);
  server_version_ = std::move(server_version);
}

void Backups::start(const Store& store, Journal& journal, BackupWriter::Job job) {
  job.request = *std::exchange(wanted_, std::nullopt);
  job.backup.server_version = server_version_;
  spdlog::info("backup to {} begins, of the state at offset {}", job.request.dir.native(), job.backup.end);
  writer_.start(store, journal, std::move(job));
}

void Backups::failed_to_start(const Status& status) {
  ended({.status = status, .dir = std::exchange(wanted_, std::nullopt)->dir});
}

void Backups::poll() {
  if (!writer_.running()) return;
  if (auto outcome = writer_.poll()) ended(std::move(*outcome));
}

void Backups::cancel() {
  wanted_.reset();
  if (writer_.running()) writer_.cancel();
}

void Backups::stop() {
  cancel();
  if (writer_.running()) ended(writer_.finish());
}

void Backups::ended(BackupWriter::Outcome outcome) {
  if (outcome.status.ok()) {
    ++figures_.finished;
    figures_.last_finished = outcome.backup.taken_at;
    if (!outcome.full_because.empty()) {
      spdlog::warn("backup {} is full, not incremental: {}", outcome.backup.number, outcome.full_because);
    }
    spdlog::info("backup {} in {} ({}): the state at offset {}, {} bytes, {} of them new, in {} ms", outcome.backup.number,
                 outcome.dir.native(), name_of(outcome.backup.kind), outcome.backup.end, outcome.backup.bytes(),
                 outcome.backup.bytes_added(), outcome.took.count());
  } else {
    ++figures_.failed;
    const bool full = outcome.status.code() == Code::exhausted;
    spdlog::error("backup to {} failed: {}. Those that are there are untouched{}", outcome.dir.native(), outcome.status.message(),
                  full ? "; free some space there, then BACKUP again" : "");
  }
  figures_.last = std::move(outcome);
}

}  // namespace stele
