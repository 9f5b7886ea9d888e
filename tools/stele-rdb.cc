// stele-rdb: looks into RDB files, and makes others of them. This file is its command line.

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "engine/types.h"
#include "persistence/rdb/rdb_writer.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"

namespace {

using namespace stele::tools;

constexpr const char* kDescription =
    "Looks into RDB files of Redis (any version), Valkey and stele, and makes others of them.\n"
    "A file is read once, front to back; memory does not grow with it.";

constexpr const char* kFooter = R"(
Selecting keys: --match, --db, --type, --min-bytes, --max-bytes, --with-ttl, --without-ttl, --expired, --no-expired, --min-ttl and
--max-ttl go with every sub-command but check. Bytes are those of key and value, nothing compressed; 10kb, 1.5mb, 2gb are understood.
Times to live are as of now, or --now: seconds since 1970.

Exit codes: 0 all is well; 1 something was found: damage (check), a difference (diff), no such key (cat), something that a format or
server version cannot express (to-resp, convert), a conflict (merge); 2 it could not run: wrong arguments, an unreadable or damaged
file, no space.

A progress bar shows on a terminal; --quiet turns it off. `stele-rdb COMMAND --help` has more, with examples.
)";

std::string examples(const std::string& text) { return "\nExamples:\n" + text; }

/// Options that several sub-commands have; each has its own values.
class Arguments {
 public:
  explicit Arguments(CLI::App& app) : app_(app) {}

  void reading(InputOptions& input) {
    input.selection.now_ms = now_ms();
    app_.add_flag("--skip-unknown", input.skip_unknown,
                  "Leave out, and count, values of modules, which are an error otherwise");
    app_.add_flag_callback(
        "--no-verify", [&flag = input.verify_checksum] { flag = false; }, "Do not compare the file's checksum");
    app_.add_flag("-q,--quiet", input.quiet, "No progress bar");
    app_.add_option_function<std::int64_t>(
            "--now", [&input](const std::int64_t& seconds) { input.selection.now_ms = seconds * 1000; },
            "The time that times to live are counted from, in seconds since 1970")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
        ->type_name("SECONDS");
  }

  void selecting(InputOptions& input, bool patterns = true) {
    Selection& selection = input.selection;
    const std::string group = "Selecting keys";
    if (patterns) {
      app_.add_option("-m,--match", selection.patterns,
                      "Keys that match this pattern, as KEYS has them; again: or this one")
          ->allow_extra_args(false)
          ->type_name("GLOB")
          ->group(group);
    }
    app_.add_option("-d,--db", selection.databases, "Keys of this database; again: and this one")
        ->allow_extra_args(false)
        ->type_name("N")
        ->group(group);
    app_.add_option("-t,--type", selection.types, "string, list, set, zset, hash or stream; again: or this one")
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"string", "list", "set", "zset", "hash", "stream"}, CLI::ignore_case))
        ->type_name("TYPE")
        ->group(group);
    bytes("--min-bytes", selection.bytes_min, "Keys that take at least so much, with their value")->group(group);
    bytes("--max-bytes", selection.bytes_max, "... at most so much")->group(group);
    app_.add_flag("--with-ttl", selection.only_expiring, "Keys that expire at some time")->group(group);
    app_.add_flag("--without-ttl", selection.only_persistent, "Keys that never expire")->group(group);
    app_.add_flag("--expired", selection.only_expired, "Keys whose time has passed")->group(group);
    app_.add_flag("--no-expired", selection.no_expired, "Not those")->group(group);
    duration("--min-ttl", selection.ttl_min_ms, "Keys that expire not before that: 90s, 15m, 2h, 7d")->group(group);
    duration("--max-ttl", selection.ttl_max_ms, "Keys that expire within that")->group(group);
  }

  CLI::Option* file(std::filesystem::path& path, const std::string& name = "FILE",
                    const std::string& description = "The RDB file") {
    return app_.add_option(name, path, description)->required();
  }

  CLI::Option* bytes(const std::string& name, std::optional<std::uint64_t>& value, const std::string& description) {
    return app_
        .add_option_function<std::string>(
            name,
            [&value, name](const std::string& text) {
              value = parse_bytes(text);
              if (!value) throw CLI::ValidationError(name, "'" + text + "' is no number of bytes: 100, 10kb, 1.5mb");
            },
            description)
        ->type_name("BYTES");
  }

  CLI::Option* memory(std::size_t& value) {
    return app_
        .add_option_function<std::string>(
            "--memory",
            [&value](const std::string& text) {
              const auto bytes = parse_bytes(text);
              if (!bytes || *bytes < 64 * 1024)
                throw CLI::ValidationError("--memory", "'" + text + "' is not 64kb or more");
              value = *bytes;
            },
            fmt::format("How much memory sorting may take before it goes to files in $TMPDIR [{}]",
                        format_bytes(value)))
        ->type_name("BYTES");
  }

  CLI::Option* duration(const std::string& name, std::optional<std::int64_t>& value, const std::string& description) {
    return app_
        .add_option_function<std::string>(
            name,
            [&value, name](const std::string& text) {
              value = parse_duration(text);
              if (!value) throw CLI::ValidationError(name, "'" + text + "' is no time: 90s, 15m, 2h, 7d, 1y");
            },
            description)
        ->type_name("TIME");
  }

  void writing(bool& compress, bool& checksum, bool& lossy, bool& force) {
    app_.add_flag("--lossy", lossy, "Write what the version has a form for, and name what it has none for");
    app_.add_flag_callback(
        "--no-compress", [&flag = compress] { flag = false; }, "Do not compress strings");
    app_.add_flag_callback(
        "--no-checksum", [&flag = checksum] { flag = false; }, "Write 0 for the checksum");
    app_.add_flag("-f,--force", force, "Replace the file if it exists");
  }

 private:
  static std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  CLI::App& app_;
};

void add_check(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App& command = *app.add_subcommand("check", "Whether files are whole, and what in them a server would refuse");
  Arguments arguments(command);
  command.add_option("FILE", options->files, "The RDB files")->required();
  command.add_flag("--json", options->json, "One JSON object a file");
  command.add_flag("--shallow", options->shallow,
                   "Only the format, not what is in each value: for elements that occur twice, wrong orders");
  command.add_option("--max-problems", options->problems_max, "How many problems are named [20]");
  arguments.memory(options->memory_bytes);
  arguments.reading(options->input);
  command.footer(
      examples("  stele-rdb check dump.rdb\n"
               "  stele-rdb check --json backups/*.rdb | jq 'select(.good | not)'\n"));
  command.callback([options, &run] { run = [options] { return check(*options); }; });
}

void add_info(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App& command =
      *app.add_subcommand("info", "Version, auxiliary fields, and how much there is of each type and database");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_flag("--json", options->json, "One JSON object");
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(
      examples("  stele-rdb info dump.rdb\n"
               "  stele-rdb info --match 'session:*' dump.rdb\n"
               "  stele-rdb info --json dump.rdb | jq .keys\n"));
  command.callback([options, &run] { run = [options] { return info(*options); }; });
}

void add_ls(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& command = *app.add_subcommand("ls", "The keys, with type, size and time to live");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_flag("--json", options->json, "One JSON object a line");
  command.add_flag("-1,--keys", options->keys_only, "The bytes of each key and a line end, nothing else");
  command.add_option("-n,--limit", options->limit, "No more than so many");
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(
      examples("  stele-rdb ls dump.rdb --match 'user:*' --type hash --min-bytes 10kb\n"
               "  stele-rdb ls dump.rdb --max-ttl 1h --keys\n"
               "  stele-rdb ls dump.rdb --json | jq -r 'select(.elements > 1000) | .key'\n"));
  command.callback([options, &run] {
    options->input.prints = true;
    run = [options] { return list(*options); };
  });
}

void add_cat(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<CatOptions>();
  CLI::App& command = *app.add_subcommand("cat", "What is under a key, or under all keys that match a pattern");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_option("KEY", options->input.selection.patterns, "Keys or patterns, as KEYS has them")->required();
  command.add_flag("--json", options->json, "One JSON object a key, with its value as to-json has it");
  command.add_flag("--raw", options->raw, "The bytes of a string and nothing else");
  command.add_option("-n,--elements", options->elements_max, "No more than so many elements of each");
  arguments.reading(options->input);
  arguments.selecting(options->input, false);
  command.footer(
      examples("  stele-rdb cat dump.rdb user:1001\n"
               "  stele-rdb cat dump.rdb 'cart:*' --elements 5\n"
               "  stele-rdb cat dump.rdb --raw --db 0 photo > photo.jpg\n"));
  command.callback([options, &run] {
    options->input.prints = true;
    run = [options] { return cat(*options); };
  });
}

void add_to_json(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<ToJsonOptions>();
  CLI::App& command = *app.add_subcommand("to-json", "Everything, as JSON: one object a line");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_flag("--array", options->array, "One JSON array of the objects instead");
  command.add_flag_callback(
      "--no-values", [&flag = options->values] { flag = false; }, "Type, encoding and sizes in place of the values");
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(R"(
Every object has a member "record":
  header    version, dialect (redis or valkey)
  aux       name, value
  function  name, code
  key       db, key, type, rdb_type (the number in the file), expire_at_ms (null: never), idle_seconds, frequency, value
  skipped   db, key, module, why: what --skip-unknown left out, and empty collections
  end       keys, has_checksum: it is there if all was read

A value is
  string  its text                              list, set  [element ...]
  hash    [[field, value] ...], with a third number where the field expires: unix ms
  zset    [[member, score] ...], infinite scores as "inf" and "-inf"
  stream  {"entries": [[id, [field, value ...]] ...], "length", "last_id", "first_id", "max_deleted_id", "entries_added",
          "groups": [{"name", "last_delivered_id", "entries_read", "pel": [[id, consumer, delivered at ms, times] ...],
          "consumers": [{"name", "seen_time", "active_time", "pending"} ...]} ...]}

Text is a JSON string if its bytes are valid UTF-8, and {"hex": "c3ff"} if not: so the output is UTF-8 always, and
whoever reads it gets every byte back. Numbers are written in full: 64 bits for times and counts.
)" + examples("  stele-rdb to-json dump.rdb | jq -r 'select(.type == \"hash\") | .key'\n"
              "  stele-rdb to-json dump.rdb --db 0 --match 'user:*' --array > users.json\n"));
  command.callback([options, &run] {
    options->input.prints = true;
    run = [options] { return to_json(*options); };
  });
}

void add_to_resp(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<ToRespOptions>();
  static const std::map<std::string, int> kVersions = {{"5.0", 500}, {"6.0", 600}, {"6.2", 602}, {"7.0", 700},
                                                       {"7.2", 702}, {"7.4", 704}, {"8.0", 800}};
  CLI::App& command = *app.add_subcommand("to-resp", "Everything, as commands for redis-cli --pipe");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_option("--redis", options->redis_version, "The version that is to run the commands [7.0]")
      ->transform(CLI::Transformer(kVersions))
      ->type_name("5.0|6.0|6.2|7.0|7.2|7.4|8.0");
  command.add_flag("--replace", options->replace, "DEL what is under each key first; FUNCTION LOAD REPLACE");
  command.add_flag(
      "--restore", options->restore,
      "RESTORE commands: exact, with idle times and frequencies, when consumers were last seen, and encodings");
  command.add_flag_callback(
      "--no-functions", [&flag = options->functions] { flag = false; }, "Leave out function libraries");
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(
      R"(
The commands are those of Redis' own rewriting of the append-only file: SET, RPUSH, SADD, ZADD and HSET of up to 64 elements, XADD,
XGROUP, XCLAIM, XSETID, PEXPIREAT, FUNCTION LOAD, SELECT. Keys that have expired are made and expire at once; --no-expired leaves
them out. Lists and streams that are there already would be appended to: see --replace.
)" + examples(
          "  stele-rdb to-resp dump.rdb | redis-cli --pipe\n"
          "  stele-rdb to-resp dump.rdb --db 3 --match 'session:*' --restore --replace | redis-cli -h other --pipe\n"));
  command.callback([options, &run] {
    options->input.prints = true;
    run = [options] { return to_resp(*options); };
  });
}

void add_convert(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App& command =
      *app.add_subcommand("convert", "The same keys, or some of them, in another version of the format");
  Arguments arguments(command);
  arguments.file(options->from, "FROM");
  arguments.file(options->to, "TO", "The file to write; it is there in full or not at all");
  command.add_option("-V,--version", options->version, "9 (Redis 5.0 on), 10 (7.0), 11 (7.2) or 12 (7.4) [10]")
      ->check(CLI::Range(stele::kRdbVersionFirst, stele::kRdbVersionLast))
      ->type_name("N");
  command.add_flag_callback(
      "--no-functions", [&flag = options->functions] { flag = false; }, "Leave out function libraries");
  arguments.writing(options->compress, options->checksum, options->lossy, options->force);
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(R"(
What a version cannot express: 9 has no functions, and of streams not the largest deleted id nor how many entries were added and read;
9 to 11 have no expiry of fields in hashes. Such keys are named, nothing is written and the exit code is 1, unless --lossy is given.
)" + examples("  stele-rdb convert new.rdb old.rdb --version 9 --lossy\n"
              "  stele-rdb convert dump.rdb sessions.rdb --match 'session:*' --no-expired\n"));
  command.callback([options, &run] { run = [options] { return convert(*options); }; });
}

void add_diff(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App& command = *app.add_subcommand("diff", "Which keys two files do not have in common");
  Arguments arguments(command);
  arguments.file(options->a, "A", "The first file");
  arguments.file(options->b, "B", "The second file");
  command.add_flag("--json", options->json,
                   "One JSON object a line: {\"change\": \"added\", \"removed\", \"changed\" or \"summary\"}");
  command.add_flag("--ignore-expiry", options->ignore_expiry, "Times to live may differ");
  command.add_option("-n,--limit", options->limit, "Show no more than so many differences; all are counted");
  arguments.memory(options->memory_bytes);
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(R"(
Lines begin with - (only in A), + (only in B) or ~ (in both, not the same), and are sorted by database and key. Versions of the
format and encodings do not matter, nor when keys and consumers of streams were last seen.
)" + examples("  stele-rdb diff yesterday.rdb today.rdb --match 'user:*'\n"
              "  stele-rdb diff primary.rdb replica.rdb --json | jq -r 'select(.change == \"removed\") | .key'\n"));
  command.callback([options, &run] { run = [options] { return diff(*options); }; });
}

void add_merge(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<MergeOptions>();
  static const std::map<std::string, MergeOptions::OnConflict> kWays = {{"fail", MergeOptions::OnConflict::fail},
                                                                        {"first", MergeOptions::OnConflict::first},
                                                                        {"last", MergeOptions::OnConflict::last}};
  CLI::App& command = *app.add_subcommand("merge", "The keys of several files in one");
  Arguments arguments(command);
  command.add_option("FILE", options->from, "The RDB files")->required()->expected(1, 10000);
  command.add_option("-o,--output", options->to, "The file to write; it is there in full or not at all")->required();
  command
      .add_option("--on-conflict", options->on_conflict,
                  "Of keys that are in several files and not the same: fail, or take the first or last file's [fail]")
      ->transform(CLI::CheckedTransformer(kWays, CLI::ignore_case).description(""))
      ->type_name("fail|first|last");
  command.add_option("-V,--version", options->version, "9 to 12 [the highest of the files]")
      ->check(CLI::Range(stele::kRdbVersionFirst, stele::kRdbVersionLast))
      ->type_name("N");
  arguments.memory(options->memory_bytes);
  arguments.writing(options->compress, options->checksum, options->lossy, options->force);
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(
      examples("  stele-rdb merge shard-*.rdb -o all.rdb\n"
               "  stele-rdb merge old.rdb new.rdb -o both.rdb --on-conflict last\n"));
  command.callback([options, &run] { run = [options] { return merge(*options); }; });
}

void add_top(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<TopOptions>();
  static const std::map<std::string, TopOptions::By> kKinds = {{"key", TopOptions::By::key},
                                                               {"type", TopOptions::By::type},
                                                               {"prefix", TopOptions::By::prefix},
                                                               {"ttl", TopOptions::By::ttl}};
  CLI::App& command = *app.add_subcommand("top", "The largest keys; or what types, prefixes or times to live take");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_option("-b,--by", options->by, "key, type, prefix or ttl [key]")
      ->transform(CLI::CheckedTransformer(kKinds, CLI::ignore_case).description(""))
      ->type_name("key|type|prefix|ttl");
  command.add_option("-n,--count", options->count, "How many [20]");
  command.add_option("--delimiters", options->delimiters, "Characters that end a part of a prefix [:]")
      ->check([](const std::string& text) { return text.empty() ? std::string("there must be one") : std::string(); });
  command.add_option("--depth", options->depth, "Prefixes of so many parts [as they come]");
  command.add_flag("--json", options->json, "One JSON object a line");
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(
      "\nParts of keys that are ids (digits, long hexadecimal numbers), or of which there are more than 200 in one "
      "place, count as *.\n" +
      examples("  stele-rdb top dump.rdb -n 100\n"
               "  stele-rdb top dump.rdb --by prefix --depth 1\n"
               "  stele-rdb top dump.rdb --by ttl --type string\n"));
  command.callback([options, &run] { run = [options] { return top(*options); }; });
}

void add_report(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App& command = *app.add_subcommand("report", "One HTML page with pictures, which needs nothing from the net");
  Arguments arguments(command);
  arguments.file(options->file);
  command.add_option("-o,--output", options->to, "The page to write")->required();
  command.add_option("--largest", options->largest, "How many of the largest keys it lists [1000]")
      ->check(CLI::Range(0, 10000));
  command.add_option("--delimiters", options->delimiters, "Characters that end a part of a prefix [:]")
      ->check([](const std::string& text) { return text.empty() ? std::string("there must be one") : std::string(); });
  command.add_flag("-f,--force", options->force, "Replace the file if it exists");
  arguments.reading(options->input);
  arguments.selecting(options->input);
  command.footer(
      examples("  stele-rdb report dump.rdb -o report.html\n"
               "  stele-rdb report dump.rdb -o report.html --delimiters ':/|' --force\n"));
  command.callback([options, &run] { run = [options] { return report(*options); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "stele-rdb");
  app.set_version_flag("-v,--version", std::string("stele-rdb ") + STELE_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  std::function<int()> run;
  for (const auto add : {add_check, add_info, add_ls, add_cat, add_to_json, add_to_resp, add_convert, add_diff,
                         add_merge, add_top, add_report}) {
    add(app, run);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kGood : kCouldNotRun;
  }
  stele::register_types();
  return run();
}
