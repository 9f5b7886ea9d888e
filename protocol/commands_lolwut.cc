// LOLWUT: a standing stone with lines cut into it, another one each time.

#include <random>

#include "protocol/commands_server.h"
#include "protocol/environment.h"
#include "protocol/resp_integer.h"
#include "protocol/server_version.h"

namespace stele {

namespace {

constexpr std::int64_t kColumns = 34, kColumnsMin = 12, kColumnsMax = 200;
constexpr std::int64_t kRows = 14, kRowsMin = 4, kRowsMax = 100;

/// The stone's outline narrows towards the top; inside stand words of strokes, left to right as they were cut.
std::string stone(std::int64_t columns, std::int64_t rows, std::mt19937& random) {
  constexpr std::string_view kStrokes = "|/\\<>^vYXI+=-";
  const auto draw = [&random](std::int64_t below) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned>(below));
  };
  std::string art;
  const auto line = [&](std::int64_t margin, std::string_view text) {
    art.append(static_cast<std::size_t>(margin), ' ').append(text) += '\n';
  };
  std::int64_t margin = std::min<std::int64_t>(columns / 4, 4);
  line(margin + 1, std::string(static_cast<std::size_t>(columns - 2 * margin), '_'));
  for (std::int64_t row = 0; row < rows; ++row) {
    const bool widens = margin > 0 && row > 0 && draw(rows) < 4;
    if (widens) --margin;
    const std::int64_t width = columns - 2 * margin;
    std::string text(static_cast<std::size_t>(width), ' ');
    for (std::int64_t at = 2; at + 2 < width; at += 2) {
      const std::int64_t word = 2 + draw(6);
      for (std::int64_t end = std::min(at + word, width - 2); at < end; ++at) {
        text[static_cast<std::size_t>(at)] = kStrokes[static_cast<std::size_t>(draw(std::ssize(kStrokes)))];
      }
    }
    // The last line was never finished.
    if (row + 1 == rows)
      text.replace(static_cast<std::size_t>(width / 3), std::string::npos,
                   std::string(static_cast<std::size_t>(width - width / 3), ' '));
    line(margin, (widens ? '/' : '|') + text + (widens ? '\\' : '|'));
  }
  line(0, std::string(static_cast<std::size_t>(columns + 2), '='));
  return art;
}

}  // namespace

namespace server_command {

/// LOLWUT [VERSION version] [columns [rows]]: the version is Redis', each of which draws something else; here it
/// changes nothing.
void lolwut(Call& call) {
  std::size_t first = 1;
  std::int64_t version = 0;
  if (call.argc() > 2 && call.arg_is(1, "VERSION")) {
    if (!call.integer_arg(2, version)) return;
    first = 3;
  }
  std::int64_t columns = kColumns, rows = kRows;
  if (call.argc() > first && !call.integer_arg(first, columns)) return;
  if (call.argc() > first + 1 && !call.integer_arg(first + 1, rows)) return;
  std::mt19937 random(std::random_device{}());
  std::string art = stone(std::clamp(columns, kColumnsMin, kColumnsMax), std::clamp(rows, kRowsMin, kRowsMax), random);
  fmt::format_to(std::back_inserter(art), "\nWhat is written stays written. Redis ver. {}\n", kCompatibleVersion);
  call.reply().verbatim(art);
}

}  // namespace server_command

}  // namespace stele
