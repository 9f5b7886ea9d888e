#include "tools/aof/arguments.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "engine/types.h"
#include "tools/common/output.h"
#include "tools/common/text.h"

namespace stele::tools {

std::string examples(const std::string& text) { return "\nExamples:\n" + text; }

CLI::Option* add_path(CLI::App& command, std::filesystem::path& path) {
  return command.add_option("PATH", path, "A data directory, its appendonlydir, the manifest, or one file")->required();
}

CLI::Option* add_moment(CLI::App& command, const std::string& name, Moment& moment, const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&moment, name](const std::string& text) {
            const auto parsed = Moment::parse(text);
            if (!parsed) throw CLI::ValidationError(name, "'" + text + "' is neither " + kMomentHelp);
            moment = *parsed;
          },
          description + ": " + kMomentHelp)
      ->type_name("TIME|OFFSET");
}

void add_moments(CLI::App& command, MomentOptions& options) {
  CLI::Option* const until = add_moment(command, "--until", options.until, "The state as it was then");
  command
      .add_option_function<std::string>(
          "--before",
          [&options](const std::string& text) {
            options.before = CommandPattern::parse(text);
            if (!options.before) throw CLI::ValidationError("--before", "there must be a command");
          },
          "The state before the last command that matches: FLUSHALL, 'DEL user:*'; words behind the name are patterns of arguments")
      ->type_name("PATTERN")
      ->excludes(until);
  command.add_flag("--first", options.first_match, "Of the commands that match --before, the first, not the last");
}

void add_memory(CLI::App& command, std::size_t& bytes) {
  command
      .add_option_function<std::string>(
          "--memory",
          [&bytes](const std::string& text) {
            const auto parsed = parse_bytes(text);
            if (!parsed || *parsed < (1 << 20)) throw CLI::ValidationError("--memory", "'" + text + "' is not 1mb or more");
            bytes = *parsed;
          },
          "From how much on data go to disk while commands are replayed [half of the machine's]")
      ->type_name("BYTES");
}

void add_quiet(CLI::App& command, bool& quiet) { command.add_flag("-q,--quiet", quiet, "No progress bar"); }

int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& run) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kGood : kCouldNotRun;
  }
  auto logger = spdlog::stderr_logger_st(app.get_name());
  logger->set_pattern("%n: note: %v");
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  register_types();
  return run();
}

}  // namespace stele::tools
