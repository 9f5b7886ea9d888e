// stele-restore: makes a data directory of a backup, an RDB or append-only files, as of any moment they hold. Its command line.

#include <functional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tools/aof/arguments.h"
#include "tools/restore/restore.h"

namespace {

using namespace stele::tools;

constexpr const char* kDescription =
    "Makes a data directory that stele-server starts from: of an RDB file, of append-only files (stele's or Redis'), or of an RDB file and\n"
    "the journal behind it; as they end, or as the data were at any moment that is in them. The source is only read.";

constexpr const char* kFooter = R"(
SOURCE is an RDB file, a data directory, its appendonlydir, a manifest or one append-only file. A data directory of a running server will
do. With --segments, SOURCE is an RDB file that says at which offset it was written (those of BGSAVE and of replicas do), and the segments
are those of the same history from there on: an appendonlydir or segment files.

What is made is whole or not there at all, and DATADIR must be empty or absent. A primary that starts on it begins a history of its own.
A replica that starts on it (--replicaof) goes on where the source was: if its primary still keeps the stream from that offset on, it
comes online with a partial sync.

--serve PORT makes nothing that stays: it starts a read-only server of that moment on 127.0.0.1, beside the live one, and takes it away
when it is interrupted. Keys whose time to live has passed by now are not shown there.

A moment is an offset (INFO: master_repl_offset) or a time: 2026-01-31T12:00:00Z, @1769860800.5. `stele-aof ls` and `grep` find it.
Neither transactions nor frames are cut in half.

Examples:
  stele-restore dump.rdb /var/lib/stele
  stele-restore /backup/stele /var/lib/stele --until 2026-01-31T11:59:00Z
  stele-restore /var/lib/stele /var/lib/stele.saved --before FLUSHALL
  stele-restore dump.rdb /var/lib/replica --segments /var/lib/stele/appendonlydir
  stele-restore /var/lib/stele --until @1769860800 --serve 7000

Exit codes: 0 done; 2 it could not run: wrong arguments, unreadable or damaged files, a moment that is not in them, no space. Nothing is
left behind then.
)";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "stele-restore");
  RestoreOptions options;
  app.set_version_flag("--version", std::string("stele-restore ") + STELE_VERSION);
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  app.add_option("SOURCE", options.source, "What to restore from")->required();
  app.add_option("DATADIR", options.to, "The data directory to make: empty, or not there yet");
  app.add_option("--segments", options.segments, "The journal behind the RDB: a directory or segment files, in any order")
      ->type_name("PATH");
  add_moments(app, options.moment);
  app.add_flag("--dry-run", options.dry_run, "Only find the moment, and say what it is");
  app.add_option("--serve", options.serve_port, "Show the data on this port, read-only, until interrupted; nothing stays")
      ->check(CLI::Range(1, 65535))->type_name("PORT");
  app.add_flag("--digest", options.digest, "Say what DEBUG DIGEST would say of the data");
  app.add_flag("--skip-unknown", options.skip_unknown, "Leave out values of modules in an RDB");
  add_memory(app, options.memory_bytes);
  app.add_flag("--json", options.json, "One JSON object");
  add_quiet(app, options.quiet);
  app.callback([&] {
    if (options.to.empty() && options.serve_port == 0 && !options.dry_run) throw CLI::RequiredError("DATADIR");
    if (!options.to.empty() && options.serve_port != 0) throw CLI::ValidationError("--serve", "nothing stays: leave DATADIR out");
  });
  return run_tool(app, argc, argv, [&] { return restore(options); });
}
