// stele-backup: has a server make backups, and looks after them. This file is its command line.

#include <cstdlib>
#include <functional>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tools/backup/commands.h"
#include "tools/common/output.h"

namespace {

using namespace stele::tools;

constexpr const char* kDescription =
    "Has a running stele server back up its data into a directory, lists what is there, and verifies it.\n"
    "stele-restore makes a data directory of a backup.";

constexpr const char* kFooter = R"(
The server writes the backup, beside what its clients do; this program asks for it and watches. DIR is a directory where the server
runs, and holds the backups of one server. The first one is full. An incremental one stores what came after the last one there.

Exit codes: 0 all is well; 1 damage was found (list, verify); 2 it could not run: wrong arguments, no such server, a backup that
failed. `stele-backup COMMAND --help` has more, with examples.
)";

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

void add_create(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<backup::CreateOptions>();
  options->server.password = environment("REDISCLI_AUTH");
  CLI::App& command = *app.add_subcommand("create", "Has the server make a backup, and waits for it");
  command.add_option("DIR", options->dir, "Where the backups are, or are to be: on the server's machine")->required();
  command.add_flag("-i,--incremental", options->incremental, "Store what came after the last one there");
  command.add_flag("--copy", options->copy, "Copy files of the store that could be linked: they share nothing with the server's then");
  command.add_option("-H,--host", options->server.host, "The server's host [127.0.0.1]");
  command.add_option("-p,--port", options->server.port, "Its port [6379]")->check(CLI::Range(1, 65535));
  command.add_option("-s,--socket", options->server.socket, "Its Unix socket, instead");
  command.add_option("--user", options->server.user, "Who to be there");
  command.add_option("-a,--password", options->server.password, "With which password; better in $REDISCLI_AUTH");
  command.add_flag_callback("--no-wait", [options] { options->wait = false; }, "Do not wait for it; INFO persistence tells of it");
  command.add_flag("--json", options->json, "One JSON object");
  command.add_flag("-q,--quiet", options->quiet, "No progress bar");
  command.footer("\nExamples:\n"
                 "  stele-backup create /backups/shop\n"
                 "  stele-backup create /backups/shop --incremental --port 6380\n"
                 "  REDISCLI_AUTH=... stele-backup create /backups/shop -i --user backup --json\n");
  command.callback([options, &run] { run = [options] { return create(*options); }; });
}

void add_list(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<backup::ListOptions>();
  CLI::App& command = *app.add_subcommand("list", "Which backups are there");
  command.add_option("DIR", options->dir, "The directory with the backups")->required();
  command.add_flag("--json", options->json, "One JSON object a line");
  command.add_flag("--files", options->files, "And the files that each is made of");
  command.footer("\nFiles are not read: `stele-backup verify` does.\n\nExamples:\n"
                 "  stele-backup list /backups/shop\n"
                 "  stele-backup list /backups/shop --json | jq -r 'select(.kind == \"full\") | .number'\n");
  command.callback([options, &run] { run = [options] { return list(*options); }; });
}

void add_verify(CLI::App& app, std::function<int()>& run) {
  auto options = std::make_shared<backup::VerifyOptions>();
  CLI::App& command = *app.add_subcommand("verify", "Whether they are what was written");
  command.add_option("DIR", options->dir, "The directory with the backups")->required();
  command.add_option("NUMBER", options->numbers, "Which ones [all]")->expected(0, 10000);
  command.add_flag("--json", options->json, "One JSON object a line");
  command.add_flag("-q,--quiet", options->quiet, "No progress bar");
  command.footer("\nReads every file and compares its checksum; names those that are bad.\n\nExamples:\n"
                 "  stele-backup verify /backups/shop\n"
                 "  stele-backup verify /backups/shop 12 13 --json\n");
  command.callback([options, &run] { run = [options] { return verify(*options); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kDescription, "stele-backup");
  app.set_version_flag("-v,--version", std::string("stele-backup ") + STELE_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  app.get_formatter()->column_width(34);
  std::function<int()> run;
  for (const auto add : {add_create, add_list, add_verify}) add(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kGood : kCouldNotRun;
  }
  return run();
}
