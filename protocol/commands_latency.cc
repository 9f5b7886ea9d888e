// LATENCY: events that took long, and how long commands take.

#include "protocol/command_tips.h"
#include "protocol/commands_debug.h"
#include "protocol/environment.h"
#include "protocol/help.h"

namespace stele {

namespace {

/// LATENCY LATEST: of each event its last sample and its longest.
void latest(Call& call) {
  const auto& all = call.environment().latency.series();
  RespWriter& reply = call.reply();
  reply.array(all.size());
  for (const auto& [event, series] : all) {
    reply.array(4);
    reply.bulk(event);
    reply.integer(series.samples.back().unix_seconds);
    reply.integer(series.samples.back().milliseconds);
    reply.integer(series.longest);
  }
}

/// LATENCY HISTORY event
void history(Call& call) {
  const auto& all = call.environment().latency.series();
  const auto found = all.find(call.arg(2));
  if (found == all.end()) return call.reply().array(0);
  call.reply().array(found->second.samples.size());
  for (const LatencyMonitor::Sample& sample : found->second.samples) {
    call.reply().array(2);
    call.reply().integer(sample.unix_seconds);
    call.reply().integer(sample.milliseconds);
  }
}

/// LATENCY RESET [event ...]
void reset(Call& call) {
  LatencyMonitor& latency = call.environment().latency;
  std::size_t count = 0;
  if (call.argc() == 2) count = latency.reset({});
  for (const std::string_view event : call.args().subspan(2)) count += event.empty() ? 0 : latency.reset(event);
  call.reply().integer(static_cast<std::int64_t>(count));
}

/// "3s", "5m", "2h", "1d": the letter below a column says how long ago it was.
std::string age_text(std::int64_t seconds) {
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 24 * 3600) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / (24 * 3600));
}

/// Four rows of columns, each as high as its sample between the lowest and the highest; below, their ages downwards.
std::string graph_of(std::string_view event, const LatencyMonitor::Series& series, std::int64_t now) {
  constexpr std::int64_t kRows = 4;
  constexpr std::string_view kSteps = "_o#";
  const auto& samples = series.samples;
  const auto by_length = [](const auto& a, const auto& b) { return a.milliseconds < b.milliseconds; };
  const std::int64_t low = std::min_element(samples.begin(), samples.end(), by_length)->milliseconds;
  const std::int64_t high = std::max_element(samples.begin(), samples.end(), by_length)->milliseconds;
  std::string out = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n{}\n", event, high, low,
                                series.longest, std::string(80, '-'));
  constexpr std::int64_t kSteps64 = static_cast<std::int64_t>(kSteps.size());
  for (std::int64_t row = kRows - 1; row >= 0; --row) {
    for (const LatencyMonitor::Sample& sample : samples) {
      const std::int64_t height = high == low ? 0 : (sample.milliseconds - low) * (kRows * kSteps64 - 1) / (high - low);
      const std::int64_t step = height - row * kSteps64;
      out += step < 0 ? ' ' : step < kSteps64 ? kSteps[static_cast<std::size_t>(step)] : '|';
    }
    out += '\n';
  }
  out += '\n';
  std::vector<std::string> ages;
  std::size_t deepest = 0;
  for (const LatencyMonitor::Sample& sample : samples) {
    ages.push_back(age_text(std::max<std::int64_t>(0, now - sample.unix_seconds)));
    deepest = std::max(deepest, ages.back().size());
  }
  for (std::size_t line = 0; line < deepest; ++line) {
    for (const std::string& age : ages) out += line < age.size() ? age[line] : ' ';
    out += '\n';
  }
  return out;
}

/// LATENCY GRAPH event
void graph(Call& call) {
  const auto& all = call.environment().latency.series();
  const auto found = all.find(call.arg(2));
  if (found == all.end()) return call.fail(fmt::format("ERR No samples available for event '{}'", call.arg(2)));
  call.reply().verbatim(graph_of(found->first, found->second, call.now().ms() / 1000));
}

/// LATENCY DOCTOR
void doctor(Call& call) {
  const std::int64_t threshold = call.environment().config.now().latency_monitor_threshold;
  const auto& all = call.environment().latency.series();
  std::string report;
  if (threshold == 0) {
    report = "Latency is not monitored. CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n";
  } else if (all.empty()) {
    report = fmt::format("Nothing has taken {} ms or longer since the monitor was reset.\n", threshold);
  }
  for (const auto& [event, series] : all) {
    std::uint64_t sum = 0;
    for (const LatencyMonitor::Sample& sample : series.samples) sum += sample.milliseconds;
    fmt::format_to(std::back_inserter(report), "{}: {} samples, {} ms on average, {} ms at worst, the last {} ago.\n", event,
                   series.samples.size(), sum / series.samples.size(), series.longest,
                   age_text(std::max<std::int64_t>(0, call.now().ms() / 1000 - series.samples.back().unix_seconds)));
  }
  if (all.contains("command") || all.contains("fast-command")) {
    report += "Commands themselves took long: SLOWLOG GET names them.\n";
  }
  call.reply().verbatim(report);
}

void reply_with_histogram(RespWriter& reply, const RegisteredCommand& command) {
  reply.bulk(command.full_name);
  reply.map(2);
  reply.bulk("calls");
  reply.integer(static_cast<std::int64_t>(command.stats.latency->total()));
  reply.bulk("histogram_usec");
  const auto map = reply.begin_map(16);
  std::size_t pairs = 0;
  command.stats.latency->visit_doubling([&](std::uint64_t last_ns, std::uint64_t count) {
    reply.integer(static_cast<std::int64_t>(last_ns / 1000));
    reply.integer(static_cast<std::int64_t>(count));
    ++pairs;
  });
  reply.end_map(map, pairs);
}

void collect(const RegisteredCommand& command, std::vector<const RegisteredCommand*>& measured) {
  if (command.stats.latency != nullptr && command.stats.latency->total() > 0) measured.push_back(&command);
  for (const RegisteredCommand* sub : command.subcommands) collect(*sub, measured);
}

/// LATENCY HISTOGRAM [command ...]: of these, or all that ran; a container stands for its subcommands.
void histogram(Call& call) {
  const CommandRegistry& registry = call.environment().commands;
  std::vector<const RegisteredCommand*> measured;
  if (call.argc() == 2) {
    for (const RegisteredCommand* command : registry.commands()) collect(*command, measured);
  }
  for (const std::string_view name : call.args().subspan(2)) {
    if (const RegisteredCommand* command = registry.find_full(name)) collect(*command, measured);
  }
  call.reply().map(measured.size());
  for (const RegisteredCommand* command : measured) reply_with_histogram(call.reply(), *command);
}

/// LATENCY HELP
void help(Call& call) {
  reply_with_help(call, "LATENCY",
                  {"DOCTOR", "    Say in words what took long.", "GRAPH <event>", "    Draw the samples of an event.",
                   "HISTOGRAM [<command> ...]", "    How long these commands, or all, take: counts up to doubling microseconds.",
                   "HISTORY <event>", "    The samples of an event.", "LATEST", "    The last sample of each event.",
                   "RESET [<event> ...]", "    Forget the samples of these events, or of all."});
}

using namespace command_flag;

constexpr Flags kOperator = kAdmin | kNoscript | kLoading | kStale;
constexpr std::string_view kGroup = "server";

const Command kLatencyCommands[] = {
    {.name = "doctor", .arity = 2, .flags = kOperator, .run = doctor, .group = kGroup, .since = "2.8.13",
     .summary = "Reports on latency in words.", .complexity = "O(1)", .tips = tips::kVariesByNode},
    {.name = "graph", .arity = 3, .flags = kOperator, .run = graph, .group = kGroup, .since = "2.8.13",
     .summary = "Draws the samples of an event.", .complexity = "O(1)", .tips = tips::kVariesByNode, .syntax = "event"},
    {.name = "help", .arity = 2, .flags = kLoading | kStale, .run = help, .group = kGroup, .since = "2.8.13",
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "histogram", .arity = -2, .flags = kOperator, .run = histogram, .group = kGroup, .since = "7.0.0",
     .summary = "Returns how long commands take.", .complexity = "O(N) in the commands asked for",
     .tips = tips::kVariesByNode, .syntax = "[command]..."},
    {.name = "history", .arity = 3, .flags = kOperator, .run = history, .group = kGroup, .since = "2.8.13",
     .summary = "Returns the samples of an event.", .complexity = "O(1)", .tips = tips::kVariesByNode, .syntax = "event"},
    {.name = "latest", .arity = 2, .flags = kOperator, .run = latest, .group = kGroup, .since = "2.8.13",
     .summary = "Returns the last sample of each event.", .complexity = "O(1)", .tips = tips::kVariesByNode},
    {.name = "reset", .arity = -2, .flags = kOperator, .run = reset, .group = kGroup, .since = "2.8.13",
     .summary = "Removes samples.", .complexity = "O(1)", .tips = tips::kDoneOnNodes, .syntax = "[event]..."},
};

}  // namespace

std::span<const Command> latency_subcommands() { return kLatencyCommands; }

}  // namespace stele
