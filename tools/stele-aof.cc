// stele-aof: looks into append-only files and journals, mends them, and goes back in time with them. This file is its command line.

#include <functional>
#include <map>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>


#include "persistence/rdb/rdb_writer.h"
#include "tools/aof/arguments.h"
#include "tools/aof/commands.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace {

using namespace stele::tools;

constexpr const char* kDescription =
    "Looks into the append-only files of stele and of Redis, mends them, and makes of them what the data were at a moment.\n"
    "PATH is a data directory, its appendonlydir, the manifest, or one file: a segment of stele's journal, or commands of Redis\n"
    "(any version).";

constexpr const char* kFooter = R"(
A place in a stream is an offset or a time. Offsets of stele's journal are those of replication (INFO: master_repl_offset). Files of
Redis have none: there an offset counts the bytes of the files in the manifest's order, the base included; `ls` shows both. Times are
those of stele's frames, to the millisecond, or of the #TS lines that Redis writes with aof-timestamp-enabled, to the second. In a
directory that both have written, offsets for --until are those of stele.

Exit codes: 0 all is well; 1 something was found: damage (check, fix when it may not), no such command (grep); 2 it could not run: wrong
arguments, unreadable or damaged files, a moment that is not in them, no space.

A progress bar shows on a terminal; --quiet turns it off. `stele-aof COMMAND --help` has more, with examples.
)";

void add_reading(CLI::App& command, AofListOptions& options) {
  add_path(command, options.path);
  command.add_flag("--json", options.json, "One JSON object a line, arguments in full");
  command.add_option("-w,--width", options.argument_bytes, "How many bytes of each argument are shown; 0: all [64]");
  add_quiet(command, options.quiet);
}

void add_selecting(CLI::App& command, CommandSelection& selection, bool range = true) {
  const std::string group = "Selecting commands";
  command.add_option("-k,--key,-m,--match", selection.keys, "With a key that matches this pattern, as KEYS has them; again: or this one. "
                     "FLUSHALL, FLUSHDB and SWAPDB touch every key")
      ->allow_extra_args(false)->type_name("GLOB")->group(group);
  command.add_option("-c,--command", selection.commands, "Of this name, which may be a pattern; again: or this one")
      ->allow_extra_args(false)->type_name("NAME")->group(group);
  command.add_option("-d,--db", selection.databases, "In this database; again: and this one")
      ->allow_extra_args(false)->type_name("N")->group(group);
  if (!range) return;
  add_moment(command, "--since", selection.since, "From here on")->group(group);
  add_moment(command, "--until", selection.until, "Up to here")->group(group);
}

void add_check(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofCheckOptions>();
  CLI::App& command = *app.add_subcommand("check", "Whether a stream is whole: frames, chain, gaps, commands");
  command.add_option("PATH", options->paths, "Directories, manifests or files")->required();
  command.add_flag("--json", options->json, "One JSON object a path");
  command.add_flag("--shallow", options->shallow, "Of stele's segments only that no byte is damaged, not the commands in them");
  command.add_option("--max-problems", options->problems_max, "How many problems are named [20]");
  add_quiet(command, options->quiet);
  command.footer(R"(
Of stele's segments: that each frame matches its checksum, which is chained to all before it, that offsets have no gaps, and that bytes
behind a damaged frame which was on disk once are not taken for a torn tail. Of files of Redis: every command's form, that it is known,
its number of arguments, MULTI and EXEC. Of both, the base. What is only torn, as a crash leaves it, is said to be.
)" + examples("  stele-aof check /var/lib/stele\n"
              "  stele-aof check --json appendonlydir | jq '.problems[]'\n"));
  command.callback([options, &run] { run = [options] { return aof_check(*options); }; });
}

void add_ls(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofListOptions>();
  CLI::App& command = *app.add_subcommand("ls", "The commands, with time, offset and database; or the frames");
  add_reading(command, *options);
  command.add_flag("--frames", options->frames, "stele's frames, not the commands in them");
  command.add_flag("-a,--all", options->selection.structure, "SELECT, MULTI and EXEC, too");
  command.add_option("-n,--limit", options->limit, "No more than so many");
  add_selecting(command, options->selection);
  command.footer("\nA bar before the command says that it is in a transaction.\n" +
                 examples("  stele-aof ls /var/lib/stele --since 2026-01-31T12:00:00Z --until 2026-01-31T12:05:00Z\n"
                          "  stele-aof ls appendonlydir --frames\n"
                          "  stele-aof ls appendonlydir --json | jq -r '.args[0]' | sort | uniq -c\n"));
  command.callback([options, &run] { run = [options] { return aof_list(*options); }; });
}

void add_grep(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofListOptions>();
  CLI::App& command = *app.add_subcommand("grep", "Who changed this key, and when: by key, command, database, time");
  add_reading(command, *options);
  command.add_flag("-v,--values", options->values, "The keys' values before and after; builds up the data on the side");
  command.add_flag("-a,--all", options->selection.structure, "SELECT, MULTI and EXEC, too");
  command.add_option("-n,--limit", options->limit, "No more than so many");
  add_selecting(command, options->selection);
  command.footer(examples("  stele-aof grep /var/lib/stele --key user:1001 --values\n"
                          "  stele-aof grep appendonlydir --command 'FLUSH*'\n"
                          "  stele-aof grep appendonlydir --command DEL --command UNLINK --key 'cart:*' --db 0 --since @1769860800\n"));
  command.callback([options, &run] { run = [options] { return aof_grep(*options); }; });
}

void add_tail(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofTailOptions>();
  options->list.last = 10;
  CLI::App& command = *app.add_subcommand("tail", "The last commands, and those that come");
  add_reading(command, options->list);
  command.add_flag("-f,--follow", options->follow, "Go on with what a server appends, across its files, until interrupted");
  command.add_option("-n,--lines", options->list.last, "How many of the last [10]");
  command.add_option("--limit", options->list.limit, "End after so many that came");
  command.add_flag("-a,--all", options->list.selection.structure, "SELECT, MULTI and EXEC, too");
  add_selecting(command, options->list.selection, false);
  command.footer(examples("  stele-aof tail -f /var/lib/stele --key 'session:*'\n"
                          "  stele-aof tail -n 100 appendonlydir\n"));
  command.callback([options, &run] { run = [options] { return aof_tail(*options); }; });
}

void add_stats(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofStatsOptions>();
  CLI::App& command = *app.add_subcommand("stats", "Commands and bytes by command, key prefix and second; the busiest keys");
  add_path(command, options->path);
  command.add_flag("--json", options->json, "One JSON object");
  command.add_option("-n,--count", options->count, "How many of each [10]");
  command.add_flag("--seconds", options->seconds, "All seconds in their order, not the busiest");
  command.add_option("--depth", options->depth, "Prefixes of so many parts; 0: as they come [1]");
  command.add_option("--delimiters", options->delimiters, "Characters that end a part of a prefix [:]");
  add_quiet(command, options->quiet);
  add_selecting(command, options->selection);
  command.footer(examples("  stele-aof stats /var/lib/stele\n"
                          "  stele-aof stats appendonlydir --since @1769860800 --json | jq '.top_keys'\n"));
  command.callback([options, &run] {
    options->selection.structure = true;
    run = [options] { return aof_stats(*options); };
  });
}

void add_fix(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofFixOptions>();
  CLI::App& command = *app.add_subcommand("fix", "Cuts what no server would load off the end, and keeps it beside the files");
  add_path(command, options->path);
  command.add_flag("-y,--yes", options->yes, "Do not ask");
  command.add_flag("--dry-run", options->dry_run, "Only say what would be done");
  command.add_flag("--drop-store", options->drop_store,
                   "If the store holds more than the journal is left with: move it away, so that the server goes by the journal");
  command.add_flag("--json", options->json, "One JSON object");
  command.footer(R"(
A torn tail, as a crash leaves it, is cut to the last whole frame, command or transaction. Where something was damaged that more stands
behind, everything from there on goes, later files too. What was cut is FILE.cut-POSITION, whole files are FILE.cut, beside the rest. The
server must be down. Commands that Redis has appended to a segment of stele are in the .cut file as they are.
)" + examples("  stele-aof fix --dry-run /var/lib/stele\n"
              "  stele-aof fix /var/lib/stele\n"));
  command.callback([options, &run] { run = [options] { return aof_fix(*options); }; });
}

void add_state(CLI::App& command, AofToRdbOptions& options) {
  add_moments(command, options.moment);
  command.add_option("-V,--version", options.version, "Of the RDB format: 9 (Redis 5.0 on), 10 (7.0), 11 (7.2) or 12 (7.4) [10]")
      ->check(CLI::Range(stele::kRdbVersionFirst, stele::kRdbVersionLast))->type_name("N");
  command.add_flag("--digest", options.digest, "Say what DEBUG DIGEST would say of the data");
  command.add_flag("--skip-unknown", options.skip_unknown, "Leave out values of modules in the base");
  add_memory(command, options.memory_bytes);
  command.add_flag("--json", options.json, "One JSON object");
  add_quiet(command, options.quiet);
}

constexpr const char* kMomentFooter = R"(
Neither transactions nor frames are cut in half: --until keeps those that are whole by then. Keys whose time to live had passed, but which
no DEL had removed, are in the file as they were. Without --until and --before: the end.
)";

void add_to_rdb(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofToRdbOptions>();
  CLI::App& command = *app.add_subcommand("to-rdb", "What the data were at a moment, as an RDB file");
  add_path(command, options->path);
  command.add_option("RDB", options->to, "The file to write; it is there in full or not at all")->required();
  add_state(command, *options);
  command.add_flag("-f,--force", options->force, "Replace the file if it exists");
  command.footer(kMomentFooter + examples("  stele-aof to-rdb /var/lib/stele yesterday.rdb --until 2026-01-31T23:59:59Z\n"
                                          "  stele-aof to-rdb /var/lib/stele saved.rdb --before FLUSHALL\n"
                                          "  stele-aof to-rdb appendonlydir saved.rdb --before 'DEL user:*'\n"));
  command.callback([options, &run] { run = [options] { return aof_to_rdb(*options); }; });
}

void add_export(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<AofToRdbOptions>();
  CLI::App& command = *app.add_subcommand("export", "A data directory that Redis 7 and later start on");
  add_path(command, options->path);
  command.add_option("DIRECTORY", options->to, "An empty directory, or one to make")->required();
  add_state(command, *options);
  command.footer(kMomentFooter + examples("  stele-aof export /var/lib/stele /var/lib/redis\n"
                                          "  redis-server --appendonly yes --dir /var/lib/redis\n"));
  command.callback([options, &run] { run = [options] { return aof_export(*options); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "stele-aof");
  app.set_version_flag("--version", std::string("stele-aof ") + STELE_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  std::function<int()> run;
  for (const auto add : {add_check, add_ls, add_grep, add_tail, add_stats, add_fix, add_to_rdb, add_export}) add(app, run);
  return run_tool(app, argc, argv, run);
}
