#include "tools/common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "tools/common/text.h"

namespace stele::tools {

namespace {

constexpr std::chrono::milliseconds kFirst{500};
constexpr std::chrono::milliseconds kBetween{100};
constexpr std::size_t kBarColumns = 20;

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress(std::string label, bool wanted)
    : label_(std::move(label)),
      enabled_(wanted && ::isatty(STDERR_FILENO) == 1),
      started_(std::chrono::steady_clock::now()),
      next_(started_ + kFirst) {}

Progress::~Progress() { finish(); }

std::string Progress::line(std::string_view label, std::uint64_t done, std::uint64_t total,
                           std::chrono::milliseconds since_start, std::size_t columns) {
  done = std::min(done, total);
  const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
  const double rate =
      since_start.count() > 0 ? static_cast<double>(done) * 1000 / static_cast<double>(since_start.count()) : 0;
  const auto filled = static_cast<std::size_t>(share * kBarColumns);
  std::string bar(filled, '=');
  if (filled < kBarColumns) bar += '>';
  bar.resize(kBarColumns, ' ');
  std::string text =
      fmt::format("{} {:3.0f}% [{}] {} of {}  {}/s", label, std::floor(share * 100), bar, format_bytes(done),
                  format_bytes(total), format_bytes(static_cast<std::uint64_t>(rate)));
  if (rate > 0 && done < total) {
    text +=
        "  " + format_duration(static_cast<std::int64_t>(static_cast<double>(total - done) / rate) * 1000) + " left";
  }
  if (text.size() > columns) text.resize(columns);
  return text;
}

void Progress::update(std::uint64_t done, std::uint64_t total) {
  if (!enabled_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kBetween;
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  std::fprintf(stderr, "\r\x1b[K%s", line(label_, done, total, since, terminal_columns() - 1).c_str());
  std::fflush(stderr);
  visible_ = true;
}

void Progress::finish() {
  if (!visible_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  visible_ = false;
}

}  // namespace stele::tools
