#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpointer.h"
#include "engine/command_registry.h"
#include "engine/effects.h"
#include "engine/keyspace.h"
#include "engine/loader.h"
#include "engine/rdb/rdb_saver.h"
#include "engine/rebuild.h"
#include "engine/store_copy.h"
#include "engine/reclaimer.h"
#include "engine/watches.h"
#include "persistence/journal.h"
#include "persistence/store.h"

namespace stele {

class Backups;
class Scrubber;

struct StorageOptions {
  std::filesystem::path dir;  // must exist
  std::string append_dir_name = "appendonlydir";
  JournalOptions journal;
  StoreOptions store;
  int databases = 16;
  int loader_threads = 2;
  bool warm_up = true;
  std::uint64_t checkpoint_journal_bytes = std::uint64_t{32} << 20;
  std::chrono::seconds checkpoint_interval{300};
  std::uint64_t retain_bytes = 0;  // of the journal, behind the last checkpoint
  std::chrono::seconds retain_for{0};  // likewise
  std::size_t resident_bytes_max = 0;  // 0: all objects may stay in memory

  std::string rdb_file = "dump.rdb";  // in `dir`
  RdbWriteOptions rdb;
  RdbExportOptions::Access rdb_access = RdbExportOptions::Access::none;
  std::chrono::microseconds key_save_delay{0};
  std::chrono::microseconds key_load_delay{0};
  std::string server_version = "7.0.15";  // of the Redis that RDB files may say they come from

  std::uint64_t backup_bytes_per_second = 0;  // 0: no bound
  std::uint64_t scrub_bytes_per_second = 0;   // 0: not at all
  std::chrono::seconds scrub_interval{86'400};
  bool make_base = true;  // appendonly: a stock server can load the journal's directory, whatever was trimmed
  bool base_as_commands = false;  // instead of an RDB file
  bool annotate_time = false;     // of such a base: when it was taken, for stock tools
  std::uint64_t rewrite_growth_percent = 100;  // 0: never
  std::uint64_t rewrite_bytes_min = std::uint64_t{64} << 20;

  // Loading what another server has written.
  bool skip_unknown = false;
  bool may_be_truncated = true;
  /// What another server has put in the place of the journal is loaded, and the store set aside, instead of refusing to start.
  bool load_replaced_files = false;
  bool lfu = false;
  /// The journal is a primary's stream: nothing of our own goes into it.
  bool follows_primary = false;
  /// Starts with a store whose journal is gone: what came behind the checkpoint is lost.
  bool recover_from_checkpoint = false;
  /// Called a few dozen times a second while a start takes long.
  std::function<void()> on_loading;
};

/// What a start found and did, for the log and INFO.
struct RecoveryFigures {
  std::optional<RebuildFigures> rebuilt;  // if there was no store
  Offset checkpoint;           // where the store stood
  std::uint64_t replayed_bytes = 0;
  std::uint64_t replayed_commands = 0;
  std::chrono::milliseconds open_took{0};
  std::chrono::milliseconds replay_took{0};
};

struct CheckpointFigures {
  std::uint64_t finished = 0;
  std::uint64_t failed = 0;
  std::optional<Checkpointer::Outcome> last;
  UnixTime last_finished;  // LASTSAVE
};

enum class SnapshotKind { save, base, sync };  // BGSAVE, BGREWRITEAOF, for replicas

struct SnapshotFigures {
  bool wanted = false;
  std::uint64_t finished = 0;
  std::uint64_t failed = 0;
  std::uint64_t failed_in_a_row = 0;
  std::optional<RdbSaver::Outcome> last;
  UnixTime last_finished;  // LASTSAVE
  std::chrono::steady_clock::time_point last_try;
};

/// An RDB file to send to replicas, and the stream from there on. The journal must outlive it.
struct SyncSnapshot {
  File file;
  std::uint64_t bytes = 0;
  Offset offset;
  JournalPin pin;
};

/// The data directory and all that lives from it: store, journal, keyspace, and what moves data between them.
///
///     <dir>/LOCK            held while a server uses the directory
///     <dir>/rocksdb/        the store
///     <dir>/appendonlydir/  the journal
///
/// Threads: the executor, unless said otherwise.
class Storage {
 public:
  /// An empty keyspace; of the rest, nothing is there before open(). `on_progress` is called on any thread when turn() has
  /// something to look at.
  Storage(StorageOptions options, std::function<void()> on_progress);
  ~Storage();

  /// Opens or creates everything and replays the journal from the checkpoint on. `registry` must know every command that has
  /// effects. `options().on_loading` is called now and then: it may look at the keyspace, not change it.
  Status open(CommandRegistry& registry);
  bool is_open() const { return open_; }
  /// How far open() has come with what takes long, in bytes.
  struct Loading {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
  };
  const Loading& loading() const { return loading_; }

  Keyspace& keyspace() { return *keyspace_; }
  Effects& effects() { return *effects_; }
  Watches& watches() { return watches_; }
  Reclaimer& reclaimer() { return reclaimer_; }
  Journal& journal() { return *journal_; }
  const Journal& journal() const { return *journal_; }
  Store& store() { return *store_; }
  Checkpointer& checkpointer() { return *checkpointer_; }
  const RecoveryFigures& recovery() const { return recovery_; }
  const CheckpointFigures& checkpoints() const { return checkpoints_; }
  StorageOptions& options() { return options_; }

  /// A slice of the background work that falls to the executor: the checkpoint walk, finished loads, tombstones. True if
  /// there is more to do at once. Before the turn's commit.
  bool turn();
  /// What is done a few times a second: starts checkpoints that are due, looks for cold keys that have expired.
  void cron();

  /// Starts a checkpoint at the end of this turn, or right after the running one. Call only between units.
  void request_checkpoint() { checkpoint_wanted_ = true; }
  bool checkpoint_running() const { return checkpointer_->running() || checkpoint_wanted_; }
  /// Waits for the disk: SAVE, DEBUG RELOAD, shutdown. The journal's batch must be empty.
  Status checkpoint_now(bool clean_shutdown);
  /// Bytes the process has allocated, measured a few times a second: resident-memory goes by it.
  void note_memory(std::size_t allocated_bytes) { allocated_bytes_ = allocated_bytes; }

  /// Has an RDB file written of the state at the end of this turn, or once the running one has ended.
  void request_snapshot(SnapshotKind kind) { figures_of(kind).wanted = true; }
  /// Being written, or its checkpoint is being taken.
  bool snapshot_running(SnapshotKind kind) const { return taking_ == kind; }
  const SnapshotFigures& snapshots(SnapshotKind kind) const { return snapshots_[static_cast<std::size_t>(kind)]; }
  const RdbSaver& saver() const { return saver_; }
  /// SAVE: waits for the disk. Not while a snapshot is being taken. The journal's batch must be empty.
  Status save_now();
  /// Gives up the one being written, and the backup.
  void cancel_snapshot();
  Backups& backups() { return *backups_; }
  /// Null before open().
  const Scrubber* scrubber() const { return scrubber_.get(); }
  /// Options that may change were changed.
  void take_options();
  std::uint64_t changes_since_save() const { return keyspace_->stats().changes - changes_saved_; }

  /// To be called when the turn's frame has been committed: begins what was requested.
  void after_commit();

  /// The history before this one, and the offset up to which it is the same; empty if there is none.
  const ReplicationId& previous_replid() const { return replid2_; }
  Offset previous_replid_end() const { return replid2_end_; }
  /// True if the stream went by that name up to `offset` at least, however many names ago: a primary may have crashed twice while a
  /// replica was away.
  bool was_history(std::string_view replid, Offset offset) const;
  /// A history that continues none: DEBUG CHANGE-REPL-ID. The journal's batch must be empty.
  void begin_unrelated_history();

  // --- replication
  /// As a replica, no effects, and what has expired is hidden until the primary says DEL; otherwise as a primary.
  void follow_primary(bool follows);
  /// What has been up to here goes on as `replid`: the primary's new name for it, or our own. The journal's batch must be empty.
  void continue_history(ReplicationId replid);
  static ReplicationId random_replid();

  /// What a full sync can begin with: a file made lately, so that the journal behind it is not long; null if there is none.
  std::shared_ptr<SyncSnapshot> recent_snapshot();
  /// What request_snapshot(SnapshotKind::sync) has made; null if there is nothing new.
  /// Nobody waits for that any more.
  void give_up_sync_snapshot();
  std::shared_ptr<SyncSnapshot> take_sync_snapshot() { return std::exchange(sync_made_, nullptr); }
  /// The store as the last checkpoint has left it, without copying anything: `unavailable` if there is none, or the data are just being
  /// replaced. Waits for the disk for a moment. Threads: any.
  Result<StoreCopy> copy_store();
  /// The function libraries alone, for tools.
  Result<std::shared_ptr<SyncSnapshot>> snapshot_of_functions();

  /// Takes what prepare_received_state() has made in the place of everything, or of the store alone; keys are cold afterwards.
  /// Waits for the disk for a moment. The journal's batch must be empty, ready_for_received() true, and nobody may hold a pin of the
  /// journal, if that is replaced. After an error the server cannot go on; its next start will.
  Status take_received();
  /// Called when the journal is about to be another one: whoever holds a pin of it, or reads it, lets go.
  void before_journal_leaves(std::function<void()> callback) { before_journal_leaves_ = std::move(callback); }
  /// Nothing is being read from the store or the journal for long; while `wanted`, nothing new of that kind begins.
  bool ready_for_received(bool wanted);

  /// Takes the state of an RDB file in the place of all data, which the journal then goes on from: DEBUG RELOAD. Waits for the disk. The
  /// journal's batch must be empty. If the file cannot be loaded, all is as it was.
  Status reload_from(const std::filesystem::path& rdb);

  /// Drops every resident object that the store has, after a checkpoint: DEBUG LOADAOF.
  Status drop_resident();

  // --- cold keys
  /// Reads `stored_keys` in the background; then `done` runs on the executor, within turn().
  void load(std::vector<std::string> stored_keys, std::function<void()> done);
  bool warming_up() const { return warm_up_db_ >= 0; }
  /// False for a moment after a start: keys that replay overwrote unseen are still being counted.
  bool counts_are_exact() const { return unresolved_jobs_ == 0; }
  /// Calls `done` within turn(), once counts are exact.
  void when_counts_are_exact(std::function<void()> done) { counts_waiting_.push_back(std::move(done)); }

 private:
  void note_loading(std::uint64_t done, std::uint64_t total);
  Status open_store();
  Status set_replaced_store_aside();
  Result<std::optional<RebuildSource>> find_source() const;
  Status rebuild(const RebuildSource& source, CommandRegistry& registry);
  Status install_rebuilt();
  Status open_journal(CommandRegistry& registry);
  Status open_keyspace();
  Status replay(CommandRegistry& registry);
  void begin_history_if_unclean();
  Status drop_orphans();
  Label label_now(bool clean_shutdown) const;
  void checkpoint_ended(const Checkpointer::Outcome& outcome);
  SnapshotFigures& figures_of(SnapshotKind kind) { return snapshots_[static_cast<std::size_t>(kind)]; }
  std::optional<SnapshotKind> next_snapshot() const;
  bool store_is_up_to_date() const;
  std::filesystem::path save_path() const { return options_.dir / options_.rdb_file; }
  std::filesystem::path temporary_save_path() const { return options_.dir / ("temp-" + options_.rdb_file); }
  void remove_half_written();
  void remove_backup_remains();
  void begin_backup();
  void begin_snapshot(SnapshotKind kind);
  void start_saver(SnapshotKind kind);
  bool is_recent(Offset snapshot, std::uint64_t bytes) const;
  void start_background();
  RdbSaver::Job snapshot_job(SnapshotKind kind);
  void snapshot_ended(const RdbSaver::Outcome& outcome);
  void request_due_rewrite();
  bool take_loads();
  void evict_slice();
  Offset keep_from();
  void warm_up_next();
  void finished_warm_up_page(const Loader::Result& result);
  void finished_due(const Loader::Result& result);
  void resolve_replayed();

  struct Waiting {
    std::uint64_t ticket;
    std::function<void()> done;
  };

  StorageOptions options_;
  const std::function<void()> on_progress_;

  std::unique_ptr<LockFile> lock_;
  Reclaimer reclaimer_;
  Watches watches_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Effects> effects_;
  std::unique_ptr<Keyspace> keyspace_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Loader> loader_;

  bool open_ = false;
  Loading loading_;
  std::chrono::steady_clock::time_point loading_noted_;
  std::chrono::steady_clock::time_point loading_logged_ = std::chrono::steady_clock::now();
  ByteBuffer no_batch_;  // of effects_ until there is a journal
  std::optional<RebuildSource> rebuilt_from_;

  std::unique_ptr<Backups> backups_;
  std::unique_ptr<Scrubber> scrubber_;
  RdbSaver saver_;
  std::array<SnapshotFigures, 3> snapshots_;  // by SnapshotKind
  std::optional<SnapshotKind> taking_;
  std::uint64_t changes_taken_ = 0;  // of keyspace_->stats(), when the running snapshot's state was frozen
  std::uint64_t changes_saved_ = 0;  // likewise, of the last that was saved
  std::optional<Offset> base_of_stream_;  // the base's, if it says as what the stream goes on from it
  File sync_file_;                        // the saver's while it runs
  JournalPin sync_pin_;
  std::shared_ptr<SyncSnapshot> sync_made_;    // until it is taken
  std::weak_ptr<SyncSnapshot> sync_snapshot_;  // the last, while somebody uses it
  std::function<void()> before_journal_leaves_;
  bool makes_room_ = false;                    // for take_received()
  std::mutex copy_mutex_;                      // store_ is not replaced meanwhile
  std::uint64_t copies_ = 0;                   // guarded by copy_mutex_

  RecoveryFigures recovery_;
  CheckpointFigures checkpoints_;
  bool checkpoint_wanted_ = false;
  bool sweeping_ = false;
  bool evicting_ = false;
  std::uint64_t generation_ = 0;  // of the store: finished checkpoints
  Offset checkpoint_offset_;
  ReplicationId replid2_;  // the history before this one, valid up to replid2_end_
  Offset replid2_end_;
  std::optional<Offset> unrelated_until_;  // names up to here are not ours any more
  std::chrono::steady_clock::time_point checkpoint_at_;

  std::deque<std::pair<std::chrono::steady_clock::time_point, Offset>> checkpoint_history_;  // for retain_for
  std::size_t allocated_bytes_ = 0;

  std::uint64_t last_ticket_ = 0;
  std::vector<Waiting> waiting_;
  std::size_t unresolved_jobs_ = 0;
  std::vector<std::function<void()>> counts_waiting_;
  std::optional<std::uint64_t> due_generation_;  // stale expiry rows wait for the checkpoint after this one
  std::uint64_t due_ticket_ = 0;      // 0: no look at the store's expiry index under way
  std::uint64_t warm_up_ticket_ = 0;  // 0: no page under way
  int warm_up_db_ = -1;               // -1: not warming up
  std::string warm_up_next_;
};

}  // namespace stele
