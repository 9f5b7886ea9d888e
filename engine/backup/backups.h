#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "engine/backup/backup_writer.h"
#include "engine/key_hash.h"

namespace stele {

struct BackupFigures {
  std::uint64_t finished = 0;
  std::uint64_t failed = 0;
  std::optional<BackupWriter::Outcome> last;
  UnixTime last_finished;
};

/// The server's backups: at most one, wanted or being written. Threads: the executor.
class Backups {
 public:
  explicit Backups(std::function<void()> on_progress) : writer_(std::move(on_progress)) {}

  /// It begins at the end of this turn. Only if none is in_progress().
  void request(BackupRequest request, std::string server_version);
  bool in_progress() const { return wanted_ || writer_.running(); }
  bool running() const { return writer_.running(); }
  bool wanted() const { return wanted_.has_value(); }
  bool holds_store() const { return writer_.holds_store(); }

  /// Begins what is wanted; `job` lacks only what request() was told.
  void start(const Store& store, Journal& journal, BackupWriter::Job job);
  /// What was wanted cannot begin.
  void failed_to_start(const Status& status);
  /// Takes note of the one that has ended.
  void poll();
  /// Has the running one end soon.
  void cancel();
  /// As cancel(), and waits.
  void stop();
  void set_rate(std::uint64_t bytes_per_second) { writer_.set_rate(bytes_per_second); }

  const BackupFigures& figures() const { return figures_; }
  const BackupProgress& progress() const { return writer_.progress(); }
  std::chrono::steady_clock::time_point started_at() const { return writer_.started_at(); }

 private:
  void ended(BackupWriter::Outcome outcome);

  BackupWriter writer_;
  std::optional<BackupRequest> wanted_;
  std::string server_version_;
  BackupFigures figures_;
};

/// Whose backups they are: the same for a server across restarts, for its replicas, and for what is restored from it. Derived from
/// the seed that all keys are stored under, and does not tell it.
std::string backup_server_id(const KeyHasher::Seed& seed);

}  // namespace stele
