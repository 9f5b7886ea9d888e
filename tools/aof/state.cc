#include "tools/aof/state.h"

#include <unistd.h>

#include <charconv>
#include <csignal>

#include "engine/keyspace.h"
#include "engine/rdb/rdb_export.h"
#include "engine/storage.h"
#include "persistence/rdb/rdb_reader.h"
#include "protocol/memory_usage.h"
#include "protocol/server_version.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

constexpr int kDatabases = 1024;  // empty ones cost nothing, and a server may have as many
constexpr std::uint64_t kProgressBytes = 1 << 20;

std::atomic<bool> interrupted{false};
std::atomic<std::atomic<bool>*> also_cancelled{nullptr};

void note_interruption(int) {
  interrupted = true;
  if (std::atomic<bool>* const other = also_cancelled) *other = true;
}

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Searches for the moment, a frame or a command at a time.
class Search {
 public:
  Search(const AofSource& source, const MomentOptions& options, bool quiet, const std::optional<StartingPoint>& start)
      : source_(source),
        options_(options),
        start_(start),
        reader_(source, {.with_history = true, .quiet = quiet, .label = "searching"}),
        own_(source.has_segments()) {}

  Result<Cut> run() {
    cut_.file = source_.files.size();
    cut_.in_segments = own_;
    bool found = false;
    while (!found) {
      STELE_TRY(const bool more, options_.before ? reader_.next() : reader_.next_frame());
      if (!more) break;
      STELE_CHECK(check_interrupted());
      if (options_.before) {
        found = look_at_command();
      } else {
        found = reader_.reader().is_segment() ? look_at_frame() : look_at_unit();
      }
    }
    cut_.torn = reader_.torn();
    if (options_.before) {
      if (matches_ == 0) return Status::invalid("{}: no command matches '{}'", source_.named.native(), options_.before->text());
      best_.matches = matches_;
      best_.torn = cut_.torn;
      cut_ = best_;
    } else if (!found) {
      STELE_CHECK(reaches_end());
    } else if (!took_anything_) {
      return options_.until.offset
                 ? Status::invalid("{}: begins at offset {}", source_.named.native(), first_offset_)
                 : Status::invalid("{}: begins at {}, later than that", source_.named.native(),
                                   first_time_ ? format_time_ms(first_time_->ms()) : "an unknown time");
    }
    name_history();
    STELE_CHECK(find_start());
    return cut_;
  }

 private:
  bool look_at_frame() {
    const FileReader& reader = reader_.reader();
    const FrameLine& frame = reader.frame();
    note_first(frame.offset.bytes(), frame.time);
    const Moment& until = options_.until;
    if ((until.offset && frame.end().bytes() > *until.offset) || (until.time && frame.time > *until.time)) {
      // A moment at the beginning of what there is: the base's.
      if (until.offset && *until.offset >= frame.offset.bytes()) took_anything_ = true;
      if (!took_anything_ || !taken_frame_) cut_.offset = frame.offset;
      return stop(reader_.file_index(), reader.frame_position(), frame.time);
    }
    cut_.offset = frame.end();
    cut_.time = frame.time;
    took_anything_ = taken_frame_ = true;
    return false;
  }

  bool look_at_unit() {
    const StreamCommand& command = reader_.command();
    note_first(command.offset, command.time);
    const std::uint64_t end = command.offset + command.raw.size();
    const Moment& until = options_.until;
    // In a directory with segments of ours behind it, offsets are theirs.
    if ((until.offset && !own_ && end > *until.offset) || (until.time && command.time && *command.time > *until.time)) {
      if (command.unit_position != command.position) cut_.stock_offset = command.offset - (command.position - command.unit_position);
      return stop(reader_.file_index(), command.unit_position, command.time);
    }
    cut_.stock_offset = end;
    cut_.time = command.time;
    took_anything_ = true;
    return false;
  }

  bool look_at_command() {
    const StreamCommand& command = reader_.command();
    const FileReader& reader = reader_.reader();
    if (options_.before->matches(command.args)) {
      const std::uint64_t back = command.position - command.unit_position;
      best_ = cut_;
      best_.file = reader_.file_index();
      if (reader.is_segment()) {
        best_.offset = Offset(command.offset - back);
        best_.position = reader.frame_position();
        best_.part_bytes = best_.offset - reader.frame().offset;
      } else {
        best_.stock_offset = command.offset - back;
        best_.position = command.unit_position;
      }
      best_.next_time = command.time;
      best_.match = command_text(command.args, 64);
      ++matches_;
      if (options_.first_match) return true;
    }
    if (reader.is_segment()) {
      cut_.offset = reader.frame().end();
    } else {
      cut_.stock_offset = command.offset + command.raw.size();
    }
    cut_.time = command.time;
    return false;
  }

  bool stop(std::size_t file, std::uint64_t position, std::optional<UnixTime> next_time) {
    cut_.file = file;
    cut_.position = position;
    cut_.next_time = next_time;
    return true;
  }

  void note_first(std::uint64_t offset, std::optional<UnixTime> time) {
    if (!seen_) first_offset_ = offset;
    seen_ = true;
    if (!first_time_) first_time_ = time;
  }

  /// Nothing had to be left out: is that what was asked for?
  Status reaches_end() {
    const Moment& until = options_.until;
    if (own_ && !taken_frame_) {
      for (const AofFile& file : source_.files) {
        if (file.header) cut_.offset = file.header->first;
      }
    }
    const std::uint64_t end = own_ ? cut_.offset.bytes() : cut_.stock_offset;
    if (until.offset && *until.offset > end) {
      return Status::invalid("{}: ends at offset {}{}", source_.named.native(), end, cut_.torn.empty() ? "" : "; " + cut_.torn);
    }
    if (until.time && !reader_.has_times()) {
      return Status::invalid("{}: there are no times in it (aof-timestamp-enabled was off): name an offset, as `stele-aof ls` "
                             "shows them", source_.named.native());
    }
    return Status();
  }

  void name_history() {
    for (std::size_t i = 0; i < source_.files.size() && i <= cut_.file; ++i) {
      const auto& header = source_.files[i].header;
      if (!header || header->first > cut_.offset) continue;
      if (!cut_.replid.empty() && header->replid != cut_.replid) {
        cut_.replid2 = cut_.replid;
        cut_.replid2_end = header->first;
      }
      cut_.replid = header->replid;
    }
    if (own_ && cut_.replid.empty()) cut_.in_segments = false;  // it ends in a stock server's files before them
  }

  /// With the base, or without anything.
  Status find_start() {
    const std::vector<AofFile>& files = source_.files;
    cut_.first_file = source_.first_loaded;
    if (start_) return find_joint();
    const bool in_history = cut_.file < source_.first_loaded;
    if (!in_history) {
      if (files.size() == source_.first_loaded) return Status();
      const AofFile& first = files[source_.first_loaded];
      if (!first.header || first.header->first == Offset(0)) return Status();
      return Status::invalid("{}: begins at offset {} and has no base: what was before is in the store alone. Name an RDB of that time "
                             "or a backup as the source, and this as the segments behind it (stele-restore --segments)",
                             source_.named.native(), first.header->first);
    }
    if (files.front().header && files.front().header->first == Offset(0)) {
      cut_.first_file = 0;
      cut_.from_empty = true;
      return Status();
    }
    std::uint64_t base = 0;
    for (std::size_t i = files.size(); i-- > source_.first_loaded;) {
      if (files[i].header) base = files[i].header->first.bytes();
    }
    return Status::invalid("{}: that is before the base, which holds the state at offset {}; what is kept of the time before does not "
                           "reach back to a beginning. A backup or an RDB of that time is needed (stele-restore --segments)",
                           source_.named.native(), base);
  }

  /// With a state from elsewhere.
  Status find_joint() {
    cut_.first_file = 0;
    const bool same = std::any_of(source_.files.begin(), source_.files.end(),
                                  [&](const AofFile& file) { return file.header && file.header->replid == start_->replid; });
    if (!same) {
      return Status::invalid("{}: is of the history {}, which no segment of {} belongs to", start_->rdb.native(), start_->replid,
                             source_.named.native());
    }
    if (cut_.offset < start_->offset) {
      return Status::invalid("{}: holds the state at offset {}, which is later than {}", start_->rdb.native(), start_->offset, cut_.text());
    }
    return Status();
  }

  const AofSource& source_;
  const MomentOptions& options_;
  const std::optional<StartingPoint>& start_;
  StreamReader reader_;
  const bool own_;
  Cut cut_;
  Cut best_;
  std::uint64_t matches_ = 0;
  bool seen_ = false;
  bool took_anything_ = false;
  bool taken_frame_ = false;
  std::uint64_t first_offset_ = 0;
  std::optional<UnixTime> first_time_;
};

/// Reads of an RDB what stands in front of the keys.
class HeadVisitor final : public RdbVisitor {
 public:
  Status aux(std::string_view name, std::string_view value) override {
    if (name == "repl-id") replid = value;
    if (name == "repl-offset") offset = value;
    if (name == "repl-stream-db") db = value;
    return Status();
  }
  Status key(RdbKey&) override { return stop(); }
  Status size_hint(std::uint64_t, std::uint64_t, std::uint64_t) override { return stop(); }

  std::string replid;
  std::string offset;
  std::string db;
  bool stopped = false;

 private:
  Status stop() {
    stopped = true;
    return Status::unavailable("enough was read");
  }
};

}  // namespace

std::string Cut::text() const {
  std::string out = in_segments ? fmt::format("offset {}", offset) : fmt::format("byte {} of the files", stock_offset);
  if (time) out += fmt::format(", {}", format_time_ms(time->ms()));
  return out;
}

Result<Cut> find_cut(const AofSource& source, const MomentOptions& options, bool quiet, const std::optional<StartingPoint>& start) {
  return Search(source, options, quiet, start).run();
}

Result<StartingPoint> starting_point_of(const fs::path& rdb) {
  StartingPoint start{.rdb = rdb};
  STELE_TRY(const File file, File::open(rdb, File::Mode::read));
  STELE_TRY(const std::uint64_t bytes, file.size());
  RdbSource source(file, 0, bytes);
  HeadVisitor head;
  const Result<RdbSummary> read = read_rdb(source, {.skip_unknown = true}, head);
  if (!read.ok() && !head.stopped) return read.status();
  std::uint64_t offset = 0;
  const char* const end = head.offset.data() + head.offset.size();
  if (head.replid.size() != 40 || head.offset.empty() || std::from_chars(head.offset.data(), end, offset).ptr != end) {
    return Status::invalid("{}: does not say at which offset of which history it was written (no repl-id and repl-offset)", rdb.native());
  }
  start.replid = head.replid;
  start.offset = Offset(offset);
  std::from_chars(head.db.data(), head.db.data() + head.db.size(), start.stream_db);
  start.stream_db = std::max(0, start.stream_db);
  return start;
}

Status feed_stream(const AofSource& source, const Cut& cut, const std::optional<StartingPoint>& start, bool quiet, RebuildSink& sink) {
  std::uint64_t total = 0;
  for (std::size_t i = cut.first_file; i < source.files.size() && i <= cut.file; ++i) {
    total += i == cut.file ? cut.position : source.files[i].bytes;
  }
  Progress progress("replaying " + printable(source.named.filename().native(), 40), !quiet);
  std::uint64_t done = 0;
  bool selected = false;
  if (start) sink.select(start->stream_db);
  for (std::size_t i = cut.first_file; i < source.files.size() && i <= cut.file; ++i) {
    const AofFile& file = source.files[i];
    const std::uint64_t end = i == cut.file ? cut.position : ~std::uint64_t{0};
    // The base is what the segments before it have led to.
    if (!file.header && (cut.from_empty || start)) continue;
    if (!file.header) {
      if (!source.may_have_commands(i) || file.kind == AofFile::Kind::blank) {
        done += file.bytes;
        continue;
      }
      STELE_TRY(const std::uint64_t commands_at, commands_begin(file, quiet));
      STELE_TRY(const File open, File::open(file.path, File::Mode::read));
      sink.select(0);
      const AofReadOptions read{.position = commands_at,
                                .end = end,
                                .may_be_truncated = source.is_last(i),
                                .on_progress = [&](std::uint64_t at, std::uint64_t) { progress.update(done + at, total); }};
      STELE_CHECK(read_aof(open, read, [&](std::span<const std::string_view> args) {
        STELE_CHECK(check_interrupted());
        return sink.command(args);
      }));
      done += file.bytes;
      continue;
    }
    STELE_TRY(const auto reader, FileReader::open(file, 0, source.is_last(i), std::nullopt));
    if (!selected) {
      selected = true;
      if (!start) sink.select(file.header->db);
      if (start && file.header->first > start->offset) {
        return Status::invalid("{}: begins at offset {}, but {} holds the state at offset {}: something is missing in between",
                               file.path.native(), file.header->first, start->rdb.native(), start->offset);
      }
    }
    std::uint64_t next_report = 0;
    for (;;) {
      STELE_TRY(const FileReader::Step step, reader->next_frame());
      if (step == FileReader::Step::bad) {
        return Status::corrupt("{}: {}", at_position(file, reader->position()), reader->problem());
      }
      if (step != FileReader::Step::command) break;
      const FrameLine& frame = reader->frame();
      std::string_view payload = reader->payload();
      const bool last = reader->frame_position() >= end;
      if (last) payload = payload.substr(0, cut.part_bytes);
      Offset offset = frame.offset;
      if (start && offset < start->offset) {
        const std::uint64_t skipped = start->offset - offset;
        payload.remove_prefix(std::min<std::uint64_t>(skipped, payload.size()));
        offset = start->offset;
      }
      if (!payload.empty()) STELE_CHECK(sink.frame(payload, frame.time, offset));
      if (last) return Status();
      if (reader->position() >= next_report) {
        STELE_CHECK(check_interrupted());
        next_report = reader->position() + kProgressBytes;
        progress.update(done + reader->position(), total);
      }
    }
    done += file.bytes;
  }
  return Status();
}

Result<State> build_state(const AofSource& source, const Cut& cut, const StateOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  State state;
  state.offset = cut.in_segments ? cut.offset : options.start ? options.start->offset : Offset(1);
  state.replid = cut.in_segments ? cut.replid : options.start ? options.start->replid : Storage::random_replid();
  RebuildSource from{.kind = RebuildSource::Kind::base, .offset = state.offset};
  const AofFile* const base = cut.first_file < source.files.size() ? &source.files[cut.first_file] : nullptr;
  if (options.start) {
    from.files.push_back(options.start->rdb);
  } else if (base != nullptr && base->kind == AofFile::Kind::rdb && !cut.from_empty) {
    from.files.push_back(base->path);
  }
  from.feed = [&](RebuildSink& sink) -> Status {
    const auto replay_began = std::chrono::steady_clock::now();
    STELE_CHECK(feed_stream(source, cut, options.start, options.quiet, sink));
    state.replay_took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - replay_began);
    if (options.digest) {
      STELE_TRY(const Digest digest, sink.keyspace().digest());
      state.digest = digest.hex();
    }
    return Status();
  };
  StreamCommands commands;
  Progress progress("reading " + (from.files.empty() ? std::string() : printable(from.files[0].filename().native(), 40)),
                    !options.quiet && !from.files.empty());
  const RebuildOptions rebuild{.databases = kDatabases,
                               .skip_unknown = options.skip_unknown,
                               .now = cut.time.value_or(UnixTime(unix_ms())),
                               .replid = state.replid,
                               .replid2 = cut.replid2,
                               .replid2_end = cut.replid2_end,
                               .memory_bytes = options.memory_bytes > 0 ? options.memory_bytes : system_memory_bytes() / 2,
                               .stop = &interrupted,
                               .on_progress = [&](std::uint64_t done, std::uint64_t total) {
                                 progress.update(done, total);
                                 if (done >= total) progress.finish();
                               }};
  STELE_TRY(state.figures, rebuild_store(options.store_dir, from, rebuild, commands.registry()));
  state.stream_db = std::max(0, state.figures.stream_db);
  state.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  return state;
}

Status write_rdb(const fs::path& store_dir, File& file, int version, bool is_base, bool quiet) {
  STELE_TRY(const std::unique_ptr<Store> store, Store::open(store_dir, {}));
  Store::Snapshot snapshot = store->snapshot();
  RdbExportProgress progress;
  interruptions();
  also_cancelled = &progress.cancelled;
  Progress bar("writing " + printable(file.path().filename().native(), 40), !quiet);
  const RdbExportOptions options{.rdb = {.version = version},
                                 .server_version = std::string(kCompatibleVersion),
                                 .is_aof_base = is_base,
                                 .now = UnixTime(unix_ms())};
  const Status status = export_rdb(snapshot, options, file, progress);
  also_cancelled = nullptr;
  return interrupted ? check_interrupted() : status;
}

Status write_append_only_directory(const fs::path& dir, const fs::path& rdb) {
  STELE_CHECK(create_directories_durably(dir));
  const std::string base = "appendonly.aof.1.base.rdb";
  const std::string incr = "appendonly.aof.1.incr.aof";
  if (::rename(rdb.c_str(), (dir / base).c_str()) != 0) return status_from_errno(errno, "rename", rdb);
  STELE_TRY(File file, File::open(dir / incr, File::Mode::create));
  STELE_CHECK(file.sync());
  Manifest manifest;
  manifest.set_base(base, 1);
  manifest.add_incr(incr, 1);
  return replace_file_durably(dir / "appendonly.aof.manifest", manifest.text());
}

const std::atomic<bool>& interruptions() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, note_interruption);
  return interrupted;
}

Status check_interrupted() { return interrupted ? Status::unavailable("interrupted; nothing was left behind") : Status(); }

Result<Staging> Staging::create(const fs::path& target) {
  std::error_code error;
  const bool exists = fs::exists(target, error);
  if (exists && !fs::is_directory(target, error)) return Status::invalid("{}: is no directory", target.native());
  if (exists && !fs::is_empty(target, error)) {
    return Status::invalid("{}: is not empty; name a directory that is, or is not there yet", target.native());
  }
  Staging staging(target, target / ".unfinished");
  staging.made_target_ = !exists;
  STELE_CHECK(create_directories_durably(staging.path_));
  return staging;
}

Result<Staging> Staging::temporary(const fs::path& parent) {
  std::string name = ((parent.empty() ? fs::path(".") : parent) / ".stele-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) return status_from_errno(errno, "create a directory in", parent);
  return Staging({}, name);
}

Staging::Staging(Staging&& other) noexcept
    : target_(std::move(other.target_)),
      path_(std::exchange(other.path_, {})),
      made_target_(std::exchange(other.made_target_, false)),
      finished_(other.finished_),
      published_(std::move(other.published_)) {}

Staging::~Staging() {
  if (path_.empty()) return;
  std::error_code error;
  fs::remove_all(path_, error);
  if (finished_ || target_.empty()) return;
  for (const std::string& name : published_) fs::remove_all(target_ / name, error);
  if (made_target_) fs::remove(target_, error);
}

Status Staging::publish(const std::string& name) {
  if (::rename((path_ / name).c_str(), (target_ / name).c_str()) != 0) return status_from_errno(errno, "rename", path_ / name);
  published_.push_back(name);
  return sync_directory(target_);
}

Status Staging::finish() {
  std::error_code error;
  fs::remove_all(path_, error);
  finished_ = true;
  return sync_directory(target_);
}

}  // namespace stele::tools
