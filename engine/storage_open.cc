// What a start finds in the data directory, and makes of it:
//
//     rocksdb/ with a label that the journal continues from      the rule: nothing is loaded, the rest of the journal is replayed
//     appendonlydir/ with a base, ours or a stock server's       the store is built anew from it
//     appendonly.aof, a single file of Redis before 7            likewise
//     dump.rdb                                                   likewise
//     nothing                                                    an empty server
//
// A store is built in rocksdb.loading/ and moved to its place last, when the journal that continues from it is there: a start that
// is interrupted anywhere ends, when it is tried again, where an undisturbed one does.

#include <sys/random.h>

#include <spdlog/spdlog.h>

#include "engine/storage.h"
#include "persistence/journal_directory.h"

namespace stele {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLogEvery{2};
constexpr std::chrono::milliseconds kNoteEvery{20};

bool has_bytes(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && fs::file_size(file, error) > 0 && !error;
}

std::string names_of(const RebuildSource& source) {
  std::string names;
  for (const fs::path& file : source.files) names += (names.empty() ? "" : ", ") + file.native();
  return names;
}

Status remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Status::io("{}: remove: {}", path.native(), error.message()) : Status();
}

}  // namespace

ReplicationId Storage::random_replid() {
  unsigned char bytes[20];
  STELE_ASSERT(::getrandom(bytes, sizeof bytes, 0) == static_cast<ssize_t>(sizeof bytes));
  ReplicationId id;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(id), "{:02x}", byte);
  return id;
}

Status Storage::open_store() {
  STELE_CHECK(remove_tree(options_.dir / "rocksdb.loading"));
  STELE_TRY(store_, Store::open(options_.dir / "rocksdb", options_.store));
  return Status();
}

/// Somebody has put other files, or none, in the place of the journal that the store belongs to, and told us to go by them. Nothing is
/// removed: the store stays beside them, under another name.
Status Storage::set_replaced_store_aside() {
  if (store_->label() == nullptr) return Status();
  STELE_TRY(const JournalDirectory journal, inspect_journal(options_.dir / options_.append_dir_name, options_.journal.base_name));
  if (journal.first_own || (journal.exists && !journal.base && journal.foreign.empty())) return Status();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  const fs::path aside = options_.dir / fmt::format("rocksdb.replaced-{}", now.count());
  spdlog::warn("{}: the files beside the store are not those it belongs to: they are loaded, and the store is set aside as {} "
               "(load-replaced-files)", options_.dir.native(), aside.filename().native());
  store_.reset();
  STELE_CHECK(rename_durably(options_.dir / "rocksdb", aside));
  return open_store();
}

void Storage::note_loading(std::uint64_t done, std::uint64_t total) {
  loading_.done = done;
  loading_.total = total;
  const auto now = std::chrono::steady_clock::now();
  if (now - loading_noted_ < kNoteEvery) return;
  loading_noted_ = now;
  if (options_.on_loading) options_.on_loading();
  if (now - loading_logged_ < kLogEvery) return;
  loading_logged_ = now;
  spdlog::info("loading: {} of {} bytes, {} %", done, total, done * 100 / std::max<std::uint64_t>(1, total));
}

/// Nothing if all that there may be is in the journal's own segments.
Result<std::optional<RebuildSource>> Storage::find_source() const {
  STELE_TRY(const JournalDirectory journal,
            inspect_journal(options_.dir / options_.append_dir_name, options_.journal.base_name));
  RebuildSource source;
  if (journal.exists) {
    if (!journal.base && journal.foreign.empty()) return std::optional<RebuildSource>();
    source.kind = RebuildSource::Kind::base;
    if (journal.base) source.files.push_back(*journal.base);
    source.files.insert(source.files.end(), journal.foreign.begin(), journal.foreign.end());
    source.offset = journal.first_own;
    return std::optional(source);
  }
  const fs::path aof = options_.dir / options_.journal.base_name;
  const fs::path rdb = options_.dir / options_.rdb_file;
  const bool has_aof = has_bytes(aof);
  const bool has_rdb = has_bytes(rdb);
  if (!has_aof && !has_rdb) return std::optional<RebuildSource>();
  // Redis goes by appendonly; the other file, if there is only that, is better than nothing.
  const bool takes_aof = has_aof && (options_.make_base || !has_rdb);
  if (has_aof && has_rdb) {
    spdlog::warn("{} is not looked at: appendonly is {}, so {} has the data", (takes_aof ? rdb : aof).native(),
                 options_.make_base ? "yes" : "no", (takes_aof ? aof : rdb).native());
  }
  source.kind = takes_aof ? RebuildSource::Kind::old_aof : RebuildSource::Kind::dump;
  source.files.push_back(takes_aof ? aof : rdb);
  return std::optional(source);
}

Status Storage::rebuild(const RebuildSource& source, CommandRegistry& registry) {
  const auto start = std::chrono::steady_clock::now();
  const fs::path dir = options_.dir / "rocksdb.loading";
  store_.reset();
  STELE_CHECK(remove_tree(dir));
  const bool lost = source.offset.has_value();
  spdlog::info("{}: loading {}", lost ? "no store that the journal continues from" : "no store here", names_of(source));
  RebuildOptions options{.store = options_.store,
                         .databases = options_.databases,
                         .skip_unknown = options_.skip_unknown,
                         .verify_checksum = options_.rdb.checksum,
                         .may_be_truncated = options_.may_be_truncated,
                         .lfu = options_.lfu,
                         .now = UnixTime(std::chrono::duration_cast<std::chrono::milliseconds>(
                                             std::chrono::system_clock::now().time_since_epoch()).count()),
                         .key_delay = options_.key_load_delay,
                         .replid = random_replid(),
                         .on_progress = [this](std::uint64_t done, std::uint64_t total) { note_loading(done, total); }};
  Result<RebuildFigures> figures = rebuild_store(dir, source, options, registry);
  if (!figures.ok()) {
    if (const Status removed = remove_tree(dir); !removed.ok()) spdlog::warn("{}", removed.message());
    if (source.kind == RebuildSource::Kind::dump) {
      spdlog::error("{}. Terminating server after rdb file reading failure.", figures.status().message());
    }
    return figures.status();
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  spdlog::info("DB loaded from {}: {} keys, {} commands, in {} ms; {} keys had expired, {} values of unknown kinds were left out",
               names_of(source), figures->keys, figures->commands, took.count(), figures->expired, figures->unknown);
  recovery_.rebuilt = *figures;
  rebuilt_from_ = source;
  STELE_TRY(store_, Store::open(dir, options_.store));
  return Status();
}

Status Storage::install_rebuilt() {
  store_.reset();
  // What is there is empty, or ends before the journal begins.
  STELE_CHECK(remove_tree(options_.dir / "rocksdb"));
  STELE_CHECK(rename_durably(options_.dir / "rocksdb.loading", options_.dir / "rocksdb"));
  STELE_TRY(store_, Store::open(options_.dir / "rocksdb", options_.store));
  return Status();
}

Status Storage::open_journal(CommandRegistry& registry) {
  const auto label = store_->label();
  const fs::path dir = options_.dir / options_.append_dir_name;
  std::error_code error;
  const bool exists = fs::exists(dir, error) && !fs::is_empty(dir, error);
  if (label && !exists && !rebuilt_from_ && !options_.recover_from_checkpoint) {
    return Status::corrupt("{} is missing or empty, but {} holds a checkpoint at offset {}: what was accepted after it is not "
                           "there. Put the journal back, or start with --recover-from-checkpoint yes to go on without it",
                           dir.native(), (options_.dir / "rocksdb").native(), label->offset);
  }
  JournalOptions options = options_.journal;
  options.on_progress = on_progress_;
  options.replid = rebuilt_from_ ? label->replid : random_replid();
  if (label) {
    options.verify_from = label->offset;
    options.create_at = label->offset;
    checkpoint_offset_ = label->offset;
    replid2_ = label->replid2;
    replid2_end_ = label->replid2_end;
  }
  if (rebuilt_from_) {
    options.take_over = true;
    if (rebuilt_from_->kind != RebuildSource::Kind::base) options.create_on_base = rebuilt_from_->files.front();
  }
  if (label && !exists && !rebuilt_from_) {
    spdlog::warn("started from the checkpoint at offset {} of unix ms {} alone: {} is not there, and with it whatever was accepted "
                 "after that", label->offset, label->taken_at.ms(), dir.native());
  }
  Result<std::unique_ptr<Journal>> journal = Journal::open(dir, options);
  if (!journal.ok()) {
    if (rebuilt_from_ || !label || journal.status().code() != Code::corrupt) return journal.status();
    // A store older than the base, put back from a backup: the base does without it.
    STELE_TRY(const JournalDirectory found, inspect_journal(dir, options_.journal.base_name));
    if (!found.base || !found.first_own || *found.first_own <= label->offset) return journal.status();
    spdlog::warn("{}", journal.status().message());
    STELE_TRY(const auto source, find_source());
    STELE_CHECK(rebuild(*source, registry));
    return open_journal(registry);
  }
  journal_ = std::move(*journal);
  if (!label && journal_->start() > Offset(0)) {
    return Status::corrupt("{} begins at offset {}, but {} holds no checkpoint that reaches so far: the data before is not there. "
                           "Put the store back, or move both away to start empty",
                           dir.native(), journal_->start(), (options_.dir / "rocksdb").native());
  }
  return Status();
}

Status Storage::open_keyspace() {
  const auto label = store_->label();
  effects_->attach(journal_->batch());
  keyspace_->attach_store(store_.get());
  if (label) {
    STELE_TRY(const EngineState state, EngineState::parse(label->engine_state));
    STELE_CHECK(keyspace_->restore(state));
    effects_->set_stream_db(label->stream_db);
  }
  recovery_.checkpoint = checkpoint_offset_;
  return Status();
}

void Storage::begin_history_if_unclean() {
  const RecoveryReport& report = journal_->report();
  if (report.created || report.closed) return;
  // What the last server acknowledged in memory only may be gone; a replica that has it must notice.
  continue_history(random_replid());
}

void Storage::begin_unrelated_history() {
  STELE_ASSERT(journal_->batch().empty());
  replid2_.clear();
  replid2_end_ = Offset();
  unrelated_until_ = journal_->end();
  journal_->begin_history(random_replid(), effects_->stream_db());
}

}  // namespace stele
