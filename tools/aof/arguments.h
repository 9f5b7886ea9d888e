#pragma once

#include <functional>
#include <string>

#include "tools/aof/state.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace stele::tools {

/// What the command lines of stele-aof and stele-restore have in common.
std::string examples(const std::string& text);
CLI::Option* add_path(CLI::App& command, std::filesystem::path& path);
CLI::Option* add_moment(CLI::App& command, const std::string& name, Moment& moment, const std::string& description);
/// --until, --before, --first.
void add_moments(CLI::App& command, MomentOptions& options);
void add_memory(CLI::App& command, std::size_t& bytes);
void add_quiet(CLI::App& command, bool& quiet);

/// Parses, sets up what a program of this kind needs, and runs what the chosen sub-command has put into `run`. Returns the exit code.
int run_tool(CLI::App& app, int argc, char** argv, const std::function<int()>& run);

}  // namespace stele::tools
