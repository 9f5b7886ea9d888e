// What stele-restore does:
//
//     source ──► the moment ──► store ──► an RDB of it ──► a journal that goes on from there ──► both in their place
//
// The data directory is as a server leaves it that did not end in order. So a primary that starts on it begins a history of its own,
// and a replica goes on in the one that the source has recorded.

#include "tools/restore/restore.h"

#include "persistence/journal.h"
#include "persistence/rdb/rdb_writer.h"
#include "tools/common/external_sorter.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

struct Plan {
  AofSource source;
  std::optional<StartingPoint> start;
  Cut cut;
};

Result<Plan> make_plan(const RestoreOptions& options) {
  Plan plan;
  STELE_TRY(plan.source, open_aof(options.source));
  const bool is_rdb = plan.source.manifest.empty() && plan.source.files.front().kind == AofFile::Kind::rdb;
  if (!options.segments.empty()) {
    if (!is_rdb) return Status::invalid("{}: --segments goes with an RDB file", options.source.native());
    STELE_TRY(plan.start, starting_point_of(plan.source.files.front().path));
    STELE_TRY(plan.source, open_segments(options.segments));
  } else if (is_rdb && !options.moment.until.given() && !options.moment.before) {
    // If it says where it was written, replicas can go on from there.
    Result<StartingPoint> start = starting_point_of(plan.source.files.front().path);
    if (start.ok()) plan.start = std::move(*start);
    plan.cut.file = plan.source.files.size();
    STELE_TRY(const std::uint64_t commands, commands_begin(plan.source.files.front(), options.quiet));
    if (plan.start && commands == plan.source.files.front().bytes) {
      plan.cut.in_segments = true;
      plan.cut.offset = plan.start->offset;
      plan.cut.replid = plan.start->replid;
      return plan;
    }
    plan.start.reset();
  }
  STELE_TRY(plan.cut, find_cut(plan.source, options.moment, options.quiet, plan.start));
  return plan;
}

Result<State> build(const RestoreOptions& options, const Plan& plan, const Staging& staging) {
  STELE_TRY(const State state, build_state(plan.source, plan.cut,
                                           {.store_dir = staging.path() / "rocksdb",
                                            .memory_bytes = options.memory_bytes,
                                            .skip_unknown = options.skip_unknown,
                                            .quiet = options.quiet,
                                            .digest = options.digest,
                                            .start = plan.start}));
  const fs::path rdb = staging.path() / "base.rdb";
  {
    STELE_TRY(File file, File::open(rdb, File::Mode::create));
    STELE_CHECK(write_rdb(staging.path() / "rocksdb", file, kRdbVersionDefault, true, options.quiet));
  }
  JournalOptions journal;
  journal.create_on_base = rdb;
  journal.replid = state.replid;
  journal.create_at = state.offset;
  journal.create_in_db = state.stream_db;
  STELE_CHECK(Journal::create(staging.path() / "appendonlydir", journal));
  std::error_code error;
  fs::remove(rdb, error);
  return state;
}

Status run(const RestoreOptions& options) {
  interruptions();
  STELE_TRY(const Plan plan, make_plan(options));
  Output out;
  if (options.dry_run) {
    report_moment(out.text(), options.source, plan.cut, options.json);
    return out.flush();
  }
  if (options.serve_port != 0) {
    STELE_TRY(const Staging staging, Staging::temporary(temporary_directory()));
    STELE_TRY(const State state, build(options, plan, staging));
    report_state(out.text(), fmt::format("127.0.0.1:{}", options.serve_port), plan.cut, state, options.json);
    STELE_CHECK(out.flush());
    return serve(staging.path(), options.serve_port);
  }
  STELE_TRY(Staging staging, Staging::create(options.to));
  STELE_TRY(const State state, build(options, plan, staging));
  STELE_CHECK(check_interrupted());
  // In this order: a server finds the whole data in either of them, and builds the other from the base.
  STELE_CHECK(staging.publish("appendonlydir"));
  STELE_CHECK(staging.publish("rocksdb"));
  STELE_CHECK(staging.finish());
  report_state(out.text(), options.to, plan.cut, state, options.json);
  return out.flush();
}

}  // namespace

int restore(const RestoreOptions& options) {
  const Status status = run(options);
  if (status.ok()) return kGood;
  complain(kRestoreTool, status.message());
  return kCouldNotRun;
}

}  // namespace stele::tools
