#include "engine/rdb/rdb_saver.h"

#include <cerrno>
#include <cstdio>

#include "persistence/background_work.h"

namespace stele {

RdbSaver::~RdbSaver() {
  cancel();
  if (thread_.joinable()) thread_.join();
}

void RdbSaver::start(Store::Snapshot snapshot, Job job) {
  STELE_ASSERT(!running());
  progress_.keys = progress_.keys_total = progress_.bytes = 0;
  progress_.cancelled = false;
  started_at_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this, snapshot = std::move(snapshot), job = std::move(job)]() mutable {
    if (!job.is_waited_for) lower_thread_priority();
    Outcome outcome = write(std::move(snapshot), job);
    {
      const std::lock_guard lock(mutex_);
      outcome_ = std::move(outcome);
    }
    on_progress_();
  });
}

RdbSaver::Outcome RdbSaver::write(Store::Snapshot snapshot, const Job& job) {
  Outcome outcome{.label = *snapshot.label};
  const auto save = [&]() -> Status {
    STELE_TRY(File file, File::open(job.temporary, File::Mode::replace));
    STELE_CHECK(export_rdb(snapshot, job.options, file, progress_));
    return job.install(outcome.label);
  };
  outcome.status = save();
  std::error_code ignored;
  if (!outcome.status.ok()) std::filesystem::remove(job.temporary, ignored);
  outcome.keys = progress_.keys;
  outcome.bytes = progress_.bytes;
  outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_at_);
  return outcome;
}

std::optional<RdbSaver::Outcome> RdbSaver::poll() {
  std::optional<Outcome> outcome;
  {
    const std::lock_guard lock(mutex_);
    outcome = std::exchange(outcome_, std::nullopt);
  }
  if (outcome) thread_.join();
  return outcome;
}

RdbSaver::Outcome RdbSaver::finish() {
  STELE_ASSERT(running());
  thread_.join();
  const std::lock_guard lock(mutex_);
  return *std::exchange(outcome_, std::nullopt);
}

Status rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return status_from_errno(errno, "rename", from);
  return sync_directory(to.has_parent_path() ? to.parent_path() : std::filesystem::path("."));
}

}  // namespace stele
