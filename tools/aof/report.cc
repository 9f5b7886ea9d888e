#include "tools/aof/state.h"
#include "tools/common/json_writer.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace {

void moment_json(JsonWriter& json, const Cut& cut) {
  json.field("offset", cut.in_segments ? cut.offset.bytes() : cut.stock_offset).name("time_ms");
  cut.time ? json.number(cut.time->ms()) : json.null();
  if (cut.matches > 0) json.field("before", cut.match).field("matches", cut.matches);
  if (!cut.torn.empty()) json.field("torn", printable(cut.torn));
}

std::string moment_text(const Cut& cut) {
  std::string out;
  if (cut.matches > 0) {
    out += fmt::format("before {}{}{}\n", printable(cut.match), cut.next_time ? " of " + format_time_ms(cut.next_time->ms()) : "",
                       cut.matches > 1 ? fmt::format(", one of {} that match (`stele-aof grep` lists them)", cut.matches) : "");
  }
  if (!cut.torn.empty()) out += fmt::format("left out: {}\n", printable(cut.torn));
  return out;
}

}  // namespace

void report_moment(std::string& out, const std::filesystem::path& source, const Cut& cut, bool json_wanted) {
  if (json_wanted) {
    JsonWriter json(out);
    json.begin_object().field("source", source.native());
    moment_json(json, cut);
    if (cut.in_segments) json.field("replid", cut.replid);
    json.end_object();
    out += '\n';
    return;
  }
  out += fmt::format("{}: the state at {}\n{}", printable(source.native()), cut.text(), moment_text(cut));
}

void report_state(std::string& out, const std::filesystem::path& to, const Cut& cut, const State& state, bool json_wanted) {
  const double seconds = std::max(0.001, static_cast<double>(state.replay_took.count()) / 1000);
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(state.figures.commands) / seconds);
  if (json_wanted) {
    JsonWriter json(out);
    json.begin_object().field("to", to.native()).field("keys", state.figures.keys).field("commands", state.figures.commands);
    json.field("failed_commands", state.figures.failed);
    moment_json(json, cut);
    json.field("replid", state.replid);
    if (!state.digest.empty()) json.field("digest", state.digest);
    json.field("took_ms", static_cast<std::int64_t>(state.took.count())).field("commands_a_second", rate).end_object();
    out += '\n';
    return;
  }
  out += fmt::format("{}: {} keys, the state at {}\n{}", printable(to.native()), format_count(state.figures.keys), cut.text(),
                     moment_text(cut));
  if (state.figures.commands > 0) {
    out += fmt::format("{} commands in {}: {} a second\n", format_count(state.figures.commands), format_duration(state.replay_took.count()),
                       format_count(rate));
  }
  if (state.figures.failed > 0) {
    out += fmt::format("{} commands failed, as they did when they were written\n", format_count(state.figures.failed));
  }
  if (!state.digest.empty()) out += fmt::format("digest {}\n", state.digest);
}


}  // namespace stele::tools
