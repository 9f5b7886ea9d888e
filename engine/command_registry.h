#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/command.h"
#include "engine/latency_histogram.h"
#include "protocol/resp_text.h"

namespace stele {

/// How often a command ran; INFO commandstats.
struct CommandStats {
  std::uint64_t calls = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t rejected = 0;  // refused before it ran
  std::uint64_t failed = 0;    // answered with an error
  std::unique_ptr<LatencyHistogram> latency;  // null until the first run that latency-tracking sees

  /// For INFO latencystats and LATENCY HISTOGRAM.
  void record_latency(std::uint64_t run_nanoseconds) {
    if (latency == nullptr) latency = std::make_unique<LatencyHistogram>();
    latency->record(run_nanoseconds);
  }
};

/// A row in use: with everything that follows from it, and its figures.
struct RegisteredCommand {
  const Command* row = nullptr;
  std::uint32_t id = 0;   // counts from 0 in the order of registration, subcommands included
  std::string full_name;  // "client|list"
  Flags flags = 0;
  Flags categories = 0;
  int first_key = 0, last_key = 0, key_step = 0;  // as COMMAND has told it since 2.8
  bool renamed = false;  // clients know it by another name than the stream, or not at all
  const RegisteredCommand* parent = nullptr;
  std::vector<RegisteredCommand*> subcommands;
  CommandStats stats;

  bool is(Flags flag) const { return flags & flag; }
};

/// All commands the server knows. Filled at start, then only its figures change. Threads: the executor alone.
class CommandRegistry {
 public:
  /// Rows must outlive the registry.
  void add(std::span<const Command> rows);
  /// rename-command: an empty `to` takes the command away. False if there is no `from`, or `to` exists already.
  bool rename(std::string_view from, std::string_view to);

  /// In any case of letters; containers as such.
  RegisteredCommand* find(std::string_view name) const;
  /// By the name it has in the stream, which rename-command does not change: a journal must not depend on the settings.
  RegisteredCommand* find_in_stream(std::string_view name);
  const RegisteredCommand* find_in_stream(std::string_view name) const {
    return const_cast<CommandRegistry*>(this)->find_in_stream(name);
  }
  /// The subcommand `name` of a container; null if none.
  static RegisteredCommand* find_subcommand(const RegisteredCommand& container, std::string_view name);
  /// "client|list" or "get".
  RegisteredCommand* find_full(std::string_view full_name) const;

  /// In the order of registration, containers without their subcommands.
  const std::vector<RegisteredCommand*>& commands() const { return commands_; }
  /// With subcommands, and with what rename-command took away; [i] has the id i.
  const std::deque<RegisteredCommand>& all() const { return storage_; }
  void reset_stats();

 private:
  RegisteredCommand* register_row(const Command& row, const RegisteredCommand* parent);

  std::deque<RegisteredCommand> storage_;
  std::vector<RegisteredCommand*> commands_;
  std::unordered_map<std::string, RegisteredCommand*, TextHash, std::equal_to<>> by_name_;  // lower case
};

/// Positions of the keys in a command's arguments, with the key specification each came from.
struct KeyPosition {
  int index;
  Flags flags;
};
/// Appends them to `out`; false if the arguments do not fit the specification (a key count that is no number).
bool key_positions(const RegisteredCommand& command, std::span<const std::string_view> args, std::vector<KeyPosition>& out);

}  // namespace stele
