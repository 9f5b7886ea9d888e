#include "engine/rebuild.h"

#include <unistd.h>

#include <fstream>

#include <spdlog/spdlog.h>

#include "engine/checkpointer.h"
#include "engine/rdb/aof_reader.h"
#include "engine/rdb/rdb_import.h"
#include "engine/replayer.h"

namespace stele {

namespace {

constexpr std::uint64_t kCommandsPerCheckpoint = 1'000'000;  // bounds what is in memory at once

std::uint64_t resident_bytes() {
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<bool> begins_with_rdb(const File& file) {
  char head[6];
  STELE_TRY(const std::size_t bytes, file.read_at(0, head, sizeof head));
  const std::string_view text(head, bytes);
  return text.starts_with("REDIS") || text.starts_with("VALKEY");
}

class Rebuild {
 public:
  Rebuild(Store& store, const RebuildSource& source, const RebuildOptions& options, CommandRegistry& registry)
      : store_(store), source_(source), options_(options), registry_(registry) {}

  Result<RebuildFigures> run() {
    for (const std::filesystem::path& path : source_.files) {
      std::error_code error;
      total_ += std::filesystem::file_size(path, error);
      if (error) return Status::io("{}: {}", path.native(), error.message());
    }
    state_.seed = KeyHasher::random_seed();
    label_.replid2 = options_.replid2;
    label_.replid2_end = options_.replid2_end;
    if (!source_.files.empty()) STELE_CHECK(load_first());
    label_.offset = source_.offset.value_or(std::max(Offset(1), imported_offset_));
    label_.stream_db = -1;
    label_.replid = options_.replid;
    label_.taken_at = options_.now;
    if (has_commands()) {
      STELE_CHECK(run_commands());
    } else {
      label_.engine_state = state_.text();
      STELE_CHECK(set_label(store_, label_));
    }
    return figures_;
  }

 private:
  void report(std::uint64_t done) const {
    if (options_.on_progress) options_.on_progress(before_ + done, total_);
  }

  Status load_first() {
    STELE_TRY(first_, File::open(source_.files.front(), File::Mode::read));
    STELE_TRY(const std::uint64_t bytes, first_.size());
    STELE_TRY(const bool rdb, begins_with_rdb(first_));
    if (!rdb) {
      if (source_.kind != RebuildSource::Kind::dump) return Status();
      return Status::corrupt("{}: this is no RDB file; move it away to start empty", first_.path().native());
    }
    RdbSource source(first_, 0, bytes);
    STELE_TRY(RdbImport import, import_rdb(source, store_,
                                           {.databases = options_.databases,
                                            .skip_unknown = options_.skip_unknown,
                                            .verify_checksum = options_.verify_checksum,
                                            .keep_expired = source_.kind != RebuildSource::Kind::dump,
                                            .lfu = options_.lfu,
                                            .now = options_.now,
                                            .stop = options_.stop,
                                            .key_delay = options_.key_delay,
                                            .on_progress = [this](std::uint64_t done, std::uint64_t) { report(done); }}));
    state_ = std::move(import.state);
    commands_at_ = import.summary.end;
    if (source_.kind == RebuildSource::Kind::dump && commands_at_ < bytes) {
      spdlog::warn("{}: {} bytes behind the end of the RDB are not looked at", first_.path().native(), bytes - commands_at_);
      commands_at_ = bytes;
    }
    figures_.keys = import.summary.keys - import.expired;
    figures_.expired = import.expired;
    figures_.unknown = import.summary.unknown_skipped;
    // Replicas of whoever wrote the file may go on from there.
    if (source_.kind == RebuildSource::Kind::dump && import.replid && import.offset) {
      imported_offset_ = *import.offset;
      label_.replid2 = *import.replid;
      label_.replid2_end = *import.offset;
    }
    if (import.summary.expiring_fields > 0) {
      spdlog::warn("{}: {} fields of hashes had an expiry of their own, which is not known here: they stay", first_.path().native(),
                   import.summary.expiring_fields);
    }
    return Status();
  }

  bool has_commands() const {
    if (source_.feed) return true;
    const Result<std::uint64_t> bytes = first_.size();
    return source_.files.size() > 1 || (bytes.ok() && commands_at_ < *bytes);
  }

  /// In memory, with a checkpoint now and then.
  class Run final : public RebuildSink {
   public:
    Run(Rebuild& rebuild, Keyspace& keyspace, Effects& effects)
        : rebuild_(rebuild),
          keyspace_(keyspace),
          checkpointer_(keyspace, rebuild.store_, [] { return Status(); }, [] {}),
          replayer_(rebuild.registry_, keyspace, effects, 0) {
      replayer_.set_tolerant(true);
    }

    void select(int db) override { replayer_.select(db); }
    Status frame(std::string_view payload, UnixTime time, Offset offset) override {
      STELE_CHECK(make_room());
      return replayer_.apply(payload, time, offset);
    }
    Status command(std::span<const std::string_view> args) override {
      STELE_CHECK(make_room());
      return replayer_.run_foreign(args);
    }
    Keyspace& keyspace() override { return keyspace_; }

    Status finish() { return rebuild_.checkpoint(keyspace_, checkpointer_); }
    const Replayer& replayer() const { return replayer_; }

   private:
    Status make_room() {
      if (replayer_.commands() - stored_ < kCommandsPerCheckpoint) return Status();
      stored_ = replayer_.commands();
      const std::uint64_t enough = rebuild_.options_.memory_bytes;
      if (enough > 0 && resident_bytes() < enough) return Status();
      STELE_CHECK(rebuild_.checkpoint(keyspace_, checkpointer_));
      keyspace_.drop_resident();
      return Status();
    }

    Rebuild& rebuild_;
    Keyspace& keyspace_;
    Checkpointer checkpointer_;
    Replayer replayer_;
    std::uint64_t stored_ = 0;
  };

  Status run_commands() {
    ByteBuffer no_batch;
    Effects effects(no_batch);
    effects.mute(true);
    Watches watches;
    Reclaimer reclaimer;
    Keyspace keyspace(options_.databases, state_.seed, effects, watches, reclaimer);
    if (!state_.databases.empty()) STELE_CHECK(keyspace.restore(state_));
    keyspace.attach_store(&store_);
    keyspace.set_now(options_.now);
    keyspace.set_expiry(Expiry::off);
    keyspace.set_defers_lookups(true);
    Run run(*this, keyspace, effects);
    if (source_.feed) {
      STELE_CHECK(source_.feed(run));
      label_.stream_db = run.replayer().db();
    } else {
      STELE_CHECK(read_files(run));
    }
    figures_.commands = run.replayer().commands();
    figures_.failed = run.replayer().failed();
    figures_.stream_db = run.replayer().db();
    if (figures_.failed > 0) {
      spdlog::warn("{} commands failed while the data was loaded, as they did when they were written", figures_.failed);
    }
    STELE_CHECK(run.finish());
    figures_.keys = 0;
    for (int i = 0; i < keyspace.databases(); ++i) figures_.keys += keyspace.db(i).size();
    return Status();
  }

  Status read_files(Run& run) {
    for (std::size_t i = 0; i < source_.files.size(); ++i) {
      File file;
      if (i > 0) {
        STELE_TRY(file, File::open(source_.files[i], File::Mode::read));
      }
      const File& from = i == 0 ? first_ : file;
      run.select(0);  // as stock servers begin every file
      const AofReadOptions read{.position = i == 0 ? commands_at_ : 0,
                                .may_be_truncated = options_.may_be_truncated && i + 1 == source_.files.size(),
                                .on_progress = [this](std::uint64_t done, std::uint64_t) { report(done); }};
      STELE_CHECK(read_aof(from, read, [&](std::span<const std::string_view> args) { return run.command(args); }));
      STELE_TRY(const std::uint64_t bytes, from.size());
      before_ += bytes;
    }
    return Status();
  }

  Status checkpoint(Keyspace& keyspace, Checkpointer& checkpointer) {
    for (const std::string& stored : keyspace.take_unresolved()) {
      STELE_TRY(const auto row, store_.get(stored));
      keyspace.resolve(stored, row);
    }
    checkpointer.start(label_);
    const Status status = checkpointer.finish().status;
    while (!keyspace.sweep_tombstones(1000)) {
    }
    return status;
  }

  Store& store_;
  const RebuildSource& source_;
  const RebuildOptions& options_;
  CommandRegistry& registry_;
  File first_;
  std::uint64_t commands_at_ = 0;  // in first_
  EngineState state_;
  Offset imported_offset_;
  Label label_;
  RebuildFigures figures_;
  std::uint64_t before_ = 0;  // bytes of the files that are done
  std::uint64_t total_ = 0;
};

}  // namespace

Result<RebuildFigures> rebuild_store(const std::filesystem::path& dir, const RebuildSource& source, const RebuildOptions& options,
                                     CommandRegistry& registry) {
  StoreOptions filling = options.store;
  filling.fills_empty_store = true;
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(dir, filling));
  STELE_ASSERT(store->label() == nullptr);
  return Rebuild(*store, source, options, registry).run();
}

}  // namespace stele
