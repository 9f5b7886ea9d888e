// stele-aof to-rdb and export: the state at a moment of a stream, for others.

#include "tools/aof/commands.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

Result<State> make_state(const AofToRdbOptions& options, const AofSource& source, const Cut& cut, const fs::path& store) {
  return build_state(source, cut,
                     {.store_dir = store,
                      .memory_bytes = options.memory_bytes,
                      .skip_unknown = options.skip_unknown,
                      .quiet = options.quiet,
                      .digest = options.digest});
}

Status report(const AofToRdbOptions& options, const Cut& cut, const State& state) {
  Output out;
  report_state(out.text(), options.to, cut, state, options.json);
  return out.flush();
}

Status to_rdb(const AofToRdbOptions& options) {
  interruptions();
  std::error_code error;
  if (!options.force && fs::exists(options.to, error)) {
    return Status::invalid("{} exists; --force replaces it", options.to.native());
  }
  STELE_TRY(const AofSource source, open_aof(options.path));
  STELE_TRY(const Cut cut, find_cut(source, options.moment, options.quiet));
  STELE_TRY(const Staging staging, Staging::temporary(options.to.parent_path()));
  STELE_TRY(const State state, make_state(options, source, cut, staging.path() / "store"));
  STELE_TRY(OutputFile output, OutputFile::create(options.to, options.force));
  STELE_CHECK(write_rdb(staging.path() / "store", output.file(), options.version, false, options.quiet));
  STELE_CHECK(output.commit());
  return report(options, cut, state);
}

Status export_directory(const AofToRdbOptions& options) {
  interruptions();
  STELE_TRY(const AofSource source, open_aof(options.path));
  STELE_TRY(const Cut cut, find_cut(source, options.moment, options.quiet));
  STELE_TRY(Staging staging, Staging::create(options.to));
  STELE_TRY(const State state, make_state(options, source, cut, staging.path() / "store"));
  const fs::path rdb = staging.path() / "base.rdb";
  {
    STELE_TRY(File file, File::open(rdb, File::Mode::create));
    STELE_CHECK(write_rdb(staging.path() / "store", file, options.version, true, options.quiet));
  }
  STELE_CHECK(write_append_only_directory(staging.path() / "appendonlydir", rdb));
  STELE_CHECK(staging.publish("appendonlydir"));
  STELE_CHECK(staging.finish());
  return report(options, cut, state);
}

int outcome(const Status& status) {
  if (status.ok()) return kGood;
  complain(kAofTool, status.message());
  return kCouldNotRun;
}

}  // namespace

int aof_to_rdb(const AofToRdbOptions& options) { return outcome(to_rdb(options)); }
int aof_export(const AofToRdbOptions& options) { return outcome(export_directory(options)); }

}  // namespace stele::tools
