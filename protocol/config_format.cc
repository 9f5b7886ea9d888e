#include <string>
#include <vector>

#include "protocol/config_directive.h"
#include "protocol/config_parse.h"

// From values to text: what CONFIG GET prints, and the lines of a file that say the same.

namespace stele {
namespace {

std::string memory_with_unit(std::int64_t bytes) {
  if (bytes != 0 && bytes % (1 << 30) == 0) return fmt::format("{}gb", bytes >> 30);
  if (bytes != 0 && bytes % (1 << 20) == 0) return fmt::format("{}mb", bytes >> 20);
  if (bytes != 0 && bytes % (1 << 10) == 0) return fmt::format("{}kb", bytes >> 10);
  return fmt::format("{}", bytes);
}

std::string format_events(std::int64_t flags) {
  std::string letters;
  const bool all = (flags & kNotifyAll) == kNotifyAll;
  if (all) letters += 'A';
  // In Redis' order; A stands for g to d, and n is shown beside it, or a rewritten file would lose it.
  constexpr std::string_view kOrder = "g$lshzxetdnKEm";
  for (const char letter : kOrder) {
    const std::int64_t bit = std::int64_t{1} << kConfigEventLetters.find(letter);
    if ((flags & bit) != 0 && !(all && (kNotifyAll & bit) != 0)) letters += letter;
  }
  return letters;
}

std::string format_percentiles(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    std::string digits = fmt::format("{:.6f}", value);
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.pop_back();
    text += (text.empty() ? "" : " ") + digits;
  }
  return text;
}

std::string format_flags(const Directive& directive, std::int64_t flags) {
  if (flags == 0) return std::string(directive.names[0]);
  std::string text;
  for (std::size_t i = 1; i < directive.names.size(); ++i) {
    if ((flags >> (i - 1) & 1) == 0) continue;
    if (!text.empty()) text += ' ';
    text += directive.names[i];
  }
  return text;
}

std::string join_quoted(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + quote_word(word);
  return text;
}

}  // namespace

std::string format_config_value(const Directive& directive, const ConfigValue& value) {
  switch (directive.type) {
    case ConfigType::yes_no:
      return std::get<bool>(value) ? "yes" : "no";
    case ConfigType::integer:
    case ConfigType::memory:
      return fmt::format("{}", std::get<std::int64_t>(value));
    case ConfigType::octal:
      return fmt::format("{:o}", std::get<std::int64_t>(value));
    case ConfigType::memory_or_percent: {
      const MemoryOrPercent size = std::get<MemoryOrPercent>(value);
      return size.percent != 0 ? fmt::format("{}%", size.percent) : fmt::format("{}", size.bytes);
    }
    case ConfigType::choice:
      return std::string(directive.names[static_cast<std::size_t>(std::get<std::int64_t>(value))]);
    case ConfigType::shutdown_flags:
      return format_flags(directive, std::get<std::int64_t>(value));
    case ConfigType::keyspace_events:
      return format_events(std::get<std::int64_t>(value));
    case ConfigType::text:
    case ConfigType::ignored:
      return std::get<std::string>(value);
    case ConfigType::directory:
      return absolute_directory(std::get<std::string>(value));
    case ConfigType::words:
    case ConfigType::oom_values:
      return fmt::format("{}", fmt::join(std::get<Words>(value), " "));
    case ConfigType::percentiles:
      return format_percentiles(std::get<std::vector<double>>(value));
    case ConfigType::save_points: {
      std::string text;
      for (const SavePoint& point : std::get<std::vector<SavePoint>>(value)) {
        text += fmt::format("{}{} {}", text.empty() ? "" : " ", point.seconds, point.changes);
      }
      return text;
    }
    case ConfigType::output_buffer_limits: {
      const OutputBufferLimits& limits = std::get<OutputBufferLimits>(value);
      const auto one = [](std::string_view name, const OutputBufferLimit& limit) {
        return fmt::format("{} {} {} {}", name, limit.hard_bytes, limit.soft_bytes, limit.soft_seconds);
      };
      return one("normal", limits.normal) + " " + one("slave", limits.replica) + " " + one("pubsub", limits.pubsub);
    }
    case ConfigType::primary_address: {
      const PrimaryAddress& address = std::get<PrimaryAddress>(value);
      return address.host.empty() ? "" : fmt::format("{} {}", address.host, address.port);
    }
    case ConfigType::repeated:
      break;
  }
  return {};  // never asked for: those directives are for files only
}

std::vector<std::string> config_lines(const Directive& directive, const ConfigValue& value) {
  const std::string name(directive.name);
  switch (directive.type) {
    case ConfigType::memory:
      return {name + " " + memory_with_unit(std::get<std::int64_t>(value))};
    case ConfigType::memory_or_percent: {
      const MemoryOrPercent size = std::get<MemoryOrPercent>(value);
      return {size.percent != 0 ? fmt::format("{} {}%", name, size.percent)
                                : name + " " + memory_with_unit(size.bytes)};
    }
    case ConfigType::text:
    case ConfigType::directory:
      return {name + " " + quote_word(std::get<std::string>(value), true)};
    case ConfigType::keyspace_events:
      return {name + " " + quote_word(format_config_value(directive, value), true)};
    case ConfigType::save_points: {
      std::vector<std::string> lines;
      for (const SavePoint& point : std::get<std::vector<SavePoint>>(value)) {
        lines.push_back(fmt::format("{} {} {}", name, point.seconds, point.changes));
      }
      if (lines.empty()) lines.push_back(name + " \"\"");
      return lines;
    }
    case ConfigType::output_buffer_limits: {
      const OutputBufferLimits& limits = std::get<OutputBufferLimits>(value);
      const auto one = [&](std::string_view client, const OutputBufferLimit& limit) {
        return fmt::format("{} {} {} {} {}", name, client, memory_with_unit(limit.hard_bytes),
                           memory_with_unit(limit.soft_bytes), limit.soft_seconds);
      };
      return {one("normal", limits.normal), one("replica", limits.replica), one("pubsub", limits.pubsub)};
    }
    case ConfigType::words: {
      const Words& words = std::get<Words>(value);
      return {name + " " + (words.empty() ? "\"\"" : join_quoted(words))};
    }
    case ConfigType::primary_address: {
      const PrimaryAddress& address = std::get<PrimaryAddress>(value);
      if (address.host.empty()) return {name + " no one"};
      return {fmt::format("{} {} {}", name, quote_word(address.host), address.port)};
    }
    case ConfigType::percentiles: {
      const std::string text = format_config_value(directive, value);
      return {name + " " + (text.empty() ? "\"\"" : text)};
    }
    case ConfigType::repeated: {
      std::vector<std::string> lines;
      for (const Words& words : std::get<std::vector<Words>>(value)) lines.push_back(name + " " + join_quoted(words));
      return lines;
    }
    case ConfigType::ignored:
      return {};
    default:
      return {name + " " + format_config_value(directive, value)};
  }
}

}  // namespace stele
