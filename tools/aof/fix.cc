// stele-aof fix: cuts what no server would load off the end of a stream, and keeps it beside the files.
//
//     copies of what goes, durable ──► manifest without the files that go ──► those removed ──► the damaged file cut
//
// Interrupted anywhere, it ends, when it is run again, where an undisturbed one does.

#include <unistd.h>

#include <iostream>

#include "persistence/file.h"
#include "persistence/lock_file.h"
#include "persistence/store.h"
#include "tools/aof/commands.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

/// The first place that cannot be read.
struct Damage {
  std::size_t file = 0;  // index
  std::uint64_t position = 0;
  bool torn = false;
  std::string what;
};

struct Plan {
  std::optional<Damage> damage;
  std::uint64_t cut_bytes = 0;        // of that file
  std::vector<std::size_t> dropped;   // files behind it, and the damaged one if nothing of it is left
  std::optional<std::uint64_t> end;   // of the stream, in a journal of ours
  std::optional<std::uint64_t> store;  // what the store beside it holds
  fs::path store_dir;

  bool store_is_ahead() const { return store && end && *store > *end; }
};

Result<std::optional<Damage>> find_damage(const AofSource& source, std::optional<std::uint64_t>& end) {
  std::optional<FramePlace> joint;
  std::optional<UnixTime> time;
  for (std::size_t i = source.first_loaded; i < source.files.size(); ++i) {
    const AofFile& file = source.files[i];
    if (file.kind == AofFile::Kind::unknown) return std::optional(Damage{i, 0, false, "the segment's header is damaged"});
    if (file.kind == AofFile::Kind::blank) continue;
    const Result<std::uint64_t> commands_at = commands_begin(file, false);
    if (!commands_at.ok()) {
      return Status::corrupt("{}; a damaged RDB cannot be mended: see `stele-rdb check`", commands_at.status().message());
    }
    STELE_TRY(const auto reader, FileReader::open(file, *commands_at, source.is_last(i), time));
    if (joint && file.header && (file.header->first != joint->offset || file.header->chain != joint->chain)) {
      return std::optional(Damage{i, 0, false, fmt::format("the segment before ends at offset {}, this one begins at {}",
                                                          joint->offset, file.header->first)});
    }
    for (;;) {
      STELE_TRY(const FileReader::Step step, reader->is_segment() ? reader->next_frame() : reader->next());
      if (step == FileReader::Step::command) continue;
      if (reader->is_segment()) end = reader->place().offset.bytes();
      const bool open_transaction = reader->in_transaction() && !reader->is_segment();
      if (step != FileReader::Step::end) {
        const bool torn = step == FileReader::Step::torn;
        return std::optional(Damage{i, open_transaction ? reader->transaction_position() : reader->position(), torn, reader->problem()});
      }
      if (open_transaction) {
        return std::optional(Damage{i, reader->transaction_position(), source.is_last(i), "a transaction without its EXEC"});
      }
      break;
    }
    time = reader->time();
    joint = reader->is_segment() ? std::optional(reader->place()) : std::nullopt;
  }
  return std::optional<Damage>();
}

/// A name beside `file` that nothing has yet.
fs::path free_name(const fs::path& file, const std::string& suffix) {
  std::error_code error;
  fs::path path = file.native() + suffix;
  for (int i = 2; fs::exists(path, error); ++i) path = fmt::format("{}{}.{}", file.native(), suffix, i);
  return path;
}

Status copy_durably(const fs::path& from, std::uint64_t position, const fs::path& to) {
  STELE_TRY(const File source, File::open(from, File::Mode::read));
  STELE_TRY(File copy, File::open(to, File::Mode::create));
  std::string buffer(1 << 20, '\0');
  for (std::uint64_t at = 0;;) {
    STELE_TRY(const std::size_t got, source.read_at(position + at, buffer.data(), buffer.size()));
    if (got == 0) break;
    STELE_CHECK(copy.write_at(at, std::string_view(buffer).substr(0, got)));
    at += got;
  }
  STELE_CHECK(copy.sync());
  return sync_directory(to.has_parent_path() ? to.parent_path() : fs::path("."));
}

class Fixer {
 public:
  explicit Fixer(const AofFixOptions& options) : options_(options) {}

  Result<int> run() {
    STELE_TRY(source_, open_aof(options_.path));
    STELE_CHECK(lock());
    STELE_CHECK(plan());
    if (!plan_.damage && !plan_.store_is_ahead()) {
      say("nothing to fix\n");
      finish_json(true);
      return int{kGood};
    }
    describe();
    if (plan_.store_is_ahead() && !options_.drop_store) return refuse_for_store();
    if (options_.dry_run) {
      finish_json(false);
      return int{kFoundSomething};
    }
    if (!options_.yes && !confirmed()) {
      say("nothing was changed\n");
      finish_json(false);
      return int{kFoundSomething};
    }
    STELE_CHECK(carry_out());
    finish_json(true);
    return int{kGood};
  }

 private:
  fs::path data_dir() const { return source_.dir.empty() ? fs::path() : source_.dir / ".."; }

  /// A server must not have the files open. Stock servers take no lock.
  Status lock() {
    std::error_code error;
    for (const fs::path& file : {data_dir() / "LOCK", source_.dir / "LOCK"}) {
      if (source_.dir.empty() || !fs::exists(file, error)) continue;
      Result<LockFile> lock = LockFile::acquire(file);
      if (!lock.ok()) return Status::unavailable("{}; stop the server first", lock.status().message());
      locks_.push_back(std::move(*lock));
    }
    return Status();
  }

  Status plan() {
    std::optional<std::uint64_t> end;
    STELE_TRY(plan_.damage, find_damage(source_, end));
    plan_.end = end;
    if (plan_.damage) {
      const std::size_t index = plan_.damage->file;
      const AofFile& file = source_.files[index];
      const bool nothing_left = plan_.damage->position == 0;
      const auto is_segment = [](const AofFile& before) { return before.kind == AofFile::Kind::segment; };
      const bool first = std::none_of(source_.files.begin() + static_cast<std::ptrdiff_t>(source_.first_loaded),
                                      source_.files.begin() + static_cast<std::ptrdiff_t>(index), is_segment);
      if (file.kind == AofFile::Kind::unknown && first) {
        return Status::corrupt("{}: position 0: the first segment's header is damaged, and nothing before it says where the stream was: "
                               "this cannot be mended here. Go on from the store: move {} away and start the server with "
                               "--recover-from-checkpoint yes; or restore a backup with stele-restore",
                               file.path.native(), source_.dir.native());
      }
      // A segment without its header is none; a stock server takes an empty file.
      const bool goes = nothing_left && (file.header || file.kind == AofFile::Kind::unknown) && !source_.manifest.empty();
      if (goes) plan_.dropped.push_back(index);
      plan_.cut_bytes = goes ? 0 : file.bytes - plan_.damage->position;
      for (std::size_t i = index + 1; i < source_.files.size(); ++i) plan_.dropped.push_back(i);
    }
    std::error_code error;
    plan_.store_dir = data_dir() / "rocksdb";
    if (!source_.has_segments() || source_.dir.empty() || !fs::exists(plan_.store_dir / "CURRENT", error)) return Status();
    STELE_TRY(const std::unique_ptr<Store> store, Store::open(plan_.store_dir, {}));
    if (const auto label = store->label()) plan_.store = label->offset.bytes();
    return Status();
  }

  void describe() {
    if (plan_.damage) {
      const AofFile& file = source_.files[plan_.damage->file];
      say(fmt::format("{}: {}\n", printable(at_position(file, plan_.damage->position)), printable(plan_.damage->what)));
      if (plan_.cut_bytes > 0) {
        say(fmt::format("  {} goes from {} bytes to {}; the {} bytes cut are kept in {}\n", printable(file.name), file.bytes,
                        plan_.damage->position, plan_.cut_bytes, printable(cut_path(file).filename().native())));
      }
    }
    for (const std::size_t index : plan_.dropped) {
      const AofFile& file = source_.files[index];
      say(fmt::format("  {} ({} bytes) goes as well{}\n", printable(file.name), file.bytes,
                      file.bytes > 0 ? ", kept as " + printable(dropped_path(file).filename().native()) : std::string()));
    }
    if (plan_.damage && !plan_.damage->torn) {
      say("  What goes was accepted once. A copy of the directory, made before, is worth having.\n");
    }
    if (plan_.end) say(fmt::format("  The stream then ends at offset {}.\n", *plan_.end));
  }

  int refuse_for_store() {
    say(fmt::format("The store {} holds the state at offset {}, beyond that. Either go on from the store, which loses only what came "
                    "after it: move {} away and start the server with --recover-from-checkpoint yes. Or go back to the journal: "
                    "`stele-aof fix --drop-store`{}.\nNothing was changed.\n",
                    plan_.store_dir.lexically_normal().native(), *plan_.store, source_.dir.native(),
                    source_.base() != nullptr || first_segment_is_whole() ? "" : ", but the journal has no base: it would be incomplete"));
    finish_json(false);
    return kFoundSomething;
  }

  bool first_segment_is_whole() const {
    const AofFile& first = source_.files[source_.first_loaded];
    return first.header && first.header->first == Offset(0);
  }

  bool confirmed() {
    std::cout << "Do this? [y/N] " << std::flush;
    std::string answer;
    return std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes");
  }

  fs::path cut_path(const AofFile& file) const { return free_name(file.path, fmt::format(".cut-{}", plan_.damage->position)); }
  fs::path dropped_path(const AofFile& file) const { return free_name(file.path, ".cut"); }

  Status carry_out() {
    std::vector<fs::path> kept;
    if (plan_.cut_bytes > 0) {
      const AofFile& file = source_.files[plan_.damage->file];
      kept.push_back(cut_path(file));
      STELE_CHECK(copy_durably(file.path, plan_.damage->position, kept.back()));
    }
    for (const std::size_t index : plan_.dropped) {
      const AofFile& file = source_.files[index];
      if (file.bytes == 0) continue;
      kept.push_back(dropped_path(file));
      STELE_CHECK(copy_durably(file.path, 0, kept.back()));
    }
    if (!plan_.dropped.empty()) STELE_CHECK(drop_files());
    if (plan_.cut_bytes > 0) {
      const AofFile& file = source_.files[plan_.damage->file];
      STELE_TRY(File open, File::open(file.path, File::Mode::write));
      STELE_CHECK(open.truncate(plan_.damage->position));
      STELE_CHECK(open.sync());
    }
    if (plan_.store_is_ahead()) {
      const fs::path to = free_name(plan_.store_dir, fmt::format(".cut-{}", *plan_.store));
      if (::rename(plan_.store_dir.c_str(), to.c_str()) != 0) return status_from_errno(errno, "rename", plan_.store_dir);
      STELE_CHECK(sync_directory(data_dir()));
      kept.push_back(to);
    }
    for (const fs::path& path : kept) say(fmt::format("kept: {}\n", printable(path.lexically_normal().native())));
    kept_ = std::move(kept);
    say("fixed\n");
    return Status();
  }

  Status drop_files() {
    STELE_TRY(const std::string text, read_whole_file(source_.manifest, 64 << 20));
    STELE_TRY(Manifest manifest, Manifest::parse(text));
    for (const std::size_t index : plan_.dropped) {
      manifest.retire(source_.files[index].name);
      manifest.forget(source_.files[index].name);
    }
    STELE_CHECK(replace_file_durably(source_.manifest, manifest.text()));
    for (const std::size_t index : plan_.dropped) {
      if (::unlink(source_.files[index].path.c_str()) != 0) return status_from_errno(errno, "remove", source_.files[index].path);
    }
    return sync_directory(source_.dir);
  }

  void say(const std::string& text) {
    if (!options_.json) std::cout << text << std::flush;
  }

  void finish_json(bool good) {
    if (!options_.json) return;
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("path", options_.path.native()).field("good", good);
    json.name("damage");
    if (plan_.damage) {
      const AofFile& file = source_.files[plan_.damage->file];
      json.begin_object().field("file", file.path.native()).field("position", plan_.damage->position);
      json.field("torn", plan_.damage->torn).field("what", printable(plan_.damage->what)).field("cut_bytes", plan_.cut_bytes).end_object();
    } else {
      json.null();
    }
    json.name("dropped").begin_array();
    for (const std::size_t index : plan_.dropped) json.string(source_.files[index].name);
    json.end_array().name("kept").begin_array();
    for (const fs::path& path : kept_) json.string(path.lexically_normal().native());
    json.end_array().field("store_is_ahead", plan_.store_is_ahead()).end_object();
    std::cout << out << std::endl;
  }

  const AofFixOptions& options_;
  AofSource source_;
  std::vector<LockFile> locks_;
  Plan plan_;
  std::vector<fs::path> kept_;
};

}  // namespace

int aof_fix(const AofFixOptions& options) {
  const Result<int> code = Fixer(options).run();
  if (code.ok()) return *code;
  complain(kAofTool, code.status().message());
  return kCouldNotRun;
}

}  // namespace stele::tools
