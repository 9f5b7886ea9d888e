#include <algorithm>
#include <charconv>
#include <climits>
#include <cmath>
#include <filesystem>
#include <optional>

#include "protocol/acl/user.h"
#include "protocol/config_directive.h"

// From words to values, one function a type. The error texts are Redis', which clients' tests know.

namespace stele {
namespace {

constexpr const char* kIntegerError = "argument couldn't be parsed into an integer";
constexpr const char* kMemoryError = "argument must be a memory value";

/// Decimal without a plus sign, leading zeros or spaces.
std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.starts_with('0') && text != "0") return std::nullopt;
  return value;
}

/// Saturates instead of overflowing, so that the range check is what refuses; an empty number is 0.
std::optional<std::uint64_t> parse_memory(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = text.substr(digits);
  std::uint64_t scale = 0;
  if (unit.empty() || equals_ignoring_case(unit, "b")) scale = 1;
  if (equals_ignoring_case(unit, "k")) scale = 1000;
  if (equals_ignoring_case(unit, "kb")) scale = 1024;
  if (equals_ignoring_case(unit, "m")) scale = 1000 * 1000;
  if (equals_ignoring_case(unit, "mb")) scale = 1024 * 1024;
  if (equals_ignoring_case(unit, "g")) scale = 1000 * 1000 * 1000;
  if (equals_ignoring_case(unit, "gb")) scale = 1024 * 1024 * 1024;
  if (scale == 0) return std::nullopt;

  std::uint64_t value = 0;
  for (const char digit : text.substr(0, digits)) {
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<std::uint64_t>(digit - '0'), &value)) {
      return UINT64_MAX;
    }
  }
  if (__builtin_mul_overflow(value, scale, &value)) return UINT64_MAX;
  return value;
}

Result<ConfigValue> in_range(const Directive& directive, std::int64_t value) {
  if (value < directive.min || value > directive.max) {
    return Status::invalid("argument must be between {} and {} inclusive", directive.min, directive.max);
  }
  return ConfigValue(std::clamp(value, directive.floor, directive.ceiling));
}

Result<ConfigValue> memory_in_range(const Directive& directive, std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_memory(text);
  if (!bytes) return Status::invalid("{}", kMemoryError);
  if (*bytes > INT64_MAX) {
    return Status::invalid("argument must be between {} and {} inclusive", directive.min, directive.max);
  }
  return in_range(directive, static_cast<std::int64_t>(*bytes));
}

Result<ConfigValue> memory_or_percent(const Directive& directive, std::string_view text) {
  if (text.ends_with('%')) {
    const std::optional<std::int64_t> percent = parse_integer(text.substr(0, text.size() - 1));
    if (!percent || *percent < 0) return Status::invalid("argument must be a memory or percent value");
    if (*percent > 100) return Status::invalid("percentage argument must be less or equal to 100");
    return ConfigValue(MemoryOrPercent{.bytes = 0, .percent = *percent});
  }
  if (!parse_memory(text)) return Status::invalid("argument must be a memory or percent value");
  STELE_TRY(const ConfigValue bytes, memory_in_range(directive, text));
  return ConfigValue(MemoryOrPercent{.bytes = std::get<std::int64_t>(bytes), .percent = 0});
}

Result<ConfigValue> octal(const Directive& directive, std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Status::invalid("argument couldn't be parsed as an octal number");
  }
  if (value < 0 || value > directive.max) {
    return Status::invalid("argument must be between 0 and {:o} inclusive", directive.max);
  }
  return ConfigValue(value);
}

Result<std::int64_t> position_of(const Directive& directive, std::string_view word) {
  for (std::size_t i = 0; i < directive.names.size(); ++i) {
    if (equals_ignoring_case(directive.names[i], word)) return static_cast<std::int64_t>(i);
  }
  return Status::invalid("argument(s) must be one of the following: {}", fmt::join(directive.names, ", "));
}

Result<ConfigValue> shutdown_flags(const Directive& directive, const Words& words) {
  if (words.empty()) return position_of(directive, "").status();
  std::int64_t flags = 0;
  for (const std::string& word : words) {
    STELE_TRY(const std::int64_t position, position_of(directive, word));
    if (position > 0) flags |= std::int64_t{1} << (position - 1);  // names[0] is "default": no flag
  }
  if ((flags & kShutdownSave) != 0 && (flags & kShutdownNoSave) != 0) {
    return Status::invalid("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  return ConfigValue(flags);
}

Result<ConfigValue> directory(std::string_view text) {
  std::error_code error;
  const bool exists = std::filesystem::is_directory(text, error);
  if (error) return Status::invalid("{}", error.message());
  if (!exists) return Status::invalid("{}", std::make_error_code(std::errc::not_a_directory).message());
  return ConfigValue(absolute_directory(text));
}

Result<ConfigValue> save_points(Words words) {
  if (words.size() == 1 && words[0].empty()) words.clear();
  if (words.size() % 2 != 0) return Status::invalid("Invalid save parameters");
  std::vector<SavePoint> points;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const std::optional<std::int64_t> seconds = parse_integer(words[i]);
    const std::optional<std::int64_t> changes = parse_integer(words[i + 1]);
    if (!seconds || !changes || *seconds < 1 || *changes < 0 || *changes > INT_MAX) {
      return Status::invalid("Invalid save parameters");
    }
    points.push_back({*seconds, *changes});
  }
  return ConfigValue(std::move(points));
}

Result<ConfigValue> output_buffer_limits(const Words& words, OutputBufferLimits limits) {
  if (words.size() % 4 != 0) {
    return Status::invalid("Wrong number of arguments in buffer limit configuration.");
  }
  for (std::size_t i = 0; i < words.size(); i += 4) {
    OutputBufferLimit* limit = nullptr;
    if (equals_ignoring_case(words[i], "normal")) limit = &limits.normal;
    if (equals_ignoring_case(words[i], "replica") || equals_ignoring_case(words[i], "slave")) limit = &limits.replica;
    if (equals_ignoring_case(words[i], "pubsub")) limit = &limits.pubsub;
    if (limit == nullptr) return Status::invalid("Invalid client class specified in buffer limit configuration.");

    const std::optional<std::uint64_t> hard = parse_memory(words[i + 1]);
    const std::optional<std::uint64_t> soft = parse_memory(words[i + 2]);
    const std::optional<std::int64_t> seconds = parse_integer(words[i + 3]);
    if (!hard || !soft || !seconds || *hard > INT64_MAX || *soft > INT64_MAX || *seconds < 0) {
      return Status::invalid("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    *limit = {static_cast<std::int64_t>(*hard), static_cast<std::int64_t>(*soft), *seconds};
  }
  return ConfigValue(limits);
}

Result<ConfigValue> percentiles(Words words) {
  if (words.size() == 1 && words[0].empty()) words.clear();
  std::vector<double> values;
  for (const std::string& word : words) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size() || !std::isfinite(value)) {
      return Status::invalid("Invalid latency-tracking-info-percentiles parameters");
    }
    if (value < 0 || value > 100) {
      return Status::invalid("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    values.push_back(std::round(value * 1e6) / 1e6);  // six digits are what is printed: what is read back is equal
  }
  return ConfigValue(std::move(values));
}

Result<ConfigValue> oom_values(const Words& words) {
  if (words.size() != 3) return Status::invalid("wrong number of arguments");
  for (const std::string& word : words) {
    const std::optional<std::int64_t> value = parse_integer(word);
    if (!value || *value < -2000 || *value > 2000) {
      return Status::invalid("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
  }
  return ConfigValue(words);
}

Result<ConfigValue> keyspace_events(std::string_view letters) {
  std::int64_t flags = 0;
  for (const char letter : letters) {
    const std::size_t bit = kConfigEventLetters.find(letter);
    if (letter == 'A') {
      flags |= kNotifyAll;
    } else if (bit != kConfigEventLetters.npos) {
      flags |= std::int64_t{1} << bit;
    } else {
      return Status::invalid("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }
  }
  return ConfigValue(flags);
}

Result<ConfigValue> primary_address(const Words& words) {
  if (words.size() != 2) return Status::invalid("wrong number of arguments");
  if (equals_ignoring_case(words[0], "no") && equals_ignoring_case(words[1], "one")) {
    return ConfigValue(PrimaryAddress{});
  }
  const std::optional<std::int64_t> port = parse_integer(words[1]);
  if (!port || *port < 0 || *port > 65535) return Status::invalid("Invalid master port");
  return ConfigValue(PrimaryAddress{words[0], *port});
}

Result<ConfigValue> one_more(const Directive& directive, const Words& words, std::vector<Words> lines) {
  const bool complete = directive.name == "rename-command" ? words.size() == 2 : !words.empty();
  if (!complete) return Status::invalid("Bad directive or wrong number of arguments");
  if (directive.name == "user") {
    for (const Words& line : lines) {
      if (line[0] != words[0]) continue;
      return Status::invalid(
          "Error in user declaration '{}': Duplicate user found. A user can only be defined once in "
          "config files",
          words[0]);
    }
    // Commands are looked up only when all are known: a mistake in the form of a rule is told with its line.
    AclUser user(words[0], false);
    std::string unclosed;
    const std::vector<std::string_view> rest(words.begin() + 1, words.end());
    const auto rules = join_selectors(rest, unclosed);
    if (!rules) {
      return Status::invalid("Error in user declaration '{}': Unmatched parenthesis in selector definition.", unclosed);
    }
    for (const std::string& rule : *rules) {
      if (const RuleError error = user.apply(rule, nullptr, false); error != RuleError::none) {
        return Status::invalid("Error in user declaration '{}': {}", shown_rule(rule), text_of(error));
      }
    }
  }
  lines.push_back(words);
  return ConfigValue(std::move(lines));
}

/// One word, for the types that take no more.
Result<ConfigValue> parse_word(const Directive& directive, const std::string& word) {
  switch (directive.type) {
    case ConfigType::yes_no:
      if (equals_ignoring_case(word, "yes")) return ConfigValue(true);
      if (equals_ignoring_case(word, "no")) return ConfigValue(false);
      return Status::invalid("argument must be 'yes' or 'no'");
    case ConfigType::integer: {
      const std::optional<std::int64_t> value = parse_integer(word);
      if (!value) return Status::invalid("{}", kIntegerError);
      return in_range(directive, *value);
    }
    case ConfigType::octal:
      return octal(directive, word);
    case ConfigType::memory:
      return memory_in_range(directive, word);
    case ConfigType::memory_or_percent:
      return memory_or_percent(directive, word);
    case ConfigType::choice: {
      STELE_TRY(const std::int64_t position, position_of(directive, word));
      return ConfigValue(position);
    }
    case ConfigType::directory:
      return directory(word);
    case ConfigType::keyspace_events:
      return keyspace_events(word);
    default:
      break;
  }
  STELE_ASSERT(directive.type == ConfigType::text);
  if (directive.check != nullptr) {
    if (const char* error = directive.check(word); error != nullptr) return Status::invalid("{}", error);
  }
  return ConfigValue(word);
}

}  // namespace

bool Directive::takes_many_words() const {
  switch (type) {
    case ConfigType::shutdown_flags:
    case ConfigType::words:
    case ConfigType::save_points:
    case ConfigType::output_buffer_limits:
    case ConfigType::percentiles:
    case ConfigType::oom_values:
    case ConfigType::primary_address:
    case ConfigType::repeated:
    case ConfigType::ignored:
      return true;
    default:
      return false;
  }
}

ConfigValue config_default(const Directive& directive) {
  static const Config kDefaults;
  if (directive.has_effect()) return directive.read(kDefaults);
  if (directive.type == ConfigType::ignored) return std::string();
  Result<ConfigValue> value =
      parse_config_value(directive, words_of_argument(directive, directive.inert_default), std::string());
  return *std::move(value);
}

ConfigValue config_value(const Directive& directive, const Config& config) {
  if (directive.has_effect()) return directive.read(config);
  const auto given = config.inert.find(directive.name);
  return given == config.inert.end() ? config_default(directive) : given->second;
}

void set_config_value(const Directive& directive, Config& config, ConfigValue value) {
  if (directive.has_effect()) {
    directive.write(config, std::move(value));
  } else if (directive.type != ConfigType::ignored) {
    config.inert.insert_or_assign(std::string(directive.name), std::move(value));
  }
}

std::string absolute_directory(std::string_view path) {
  std::error_code ignored;  // only the working directory can be missing, and then the path stays as it is
  std::string absolute = std::filesystem::absolute(path, ignored).lexically_normal().native();
  if (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
  return absolute.empty() ? std::string(path) : absolute;
}

Words words_of_argument(const Directive& directive, std::string_view argument) {
  if (!directive.takes_many_words()) return {std::string(argument)};
  Words words;
  if (argument.empty()) return words;
  // Single spaces part the words: two in a row have an empty word between them, as in Redis.
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(argument.find(' ', begin), argument.size());
    words.emplace_back(argument.substr(begin, end - begin));
    if (end == argument.size()) return words;
    begin = end + 1;
  }
}

Result<ConfigValue> parse_config_value(const Directive& directive, const Words& words, const ConfigValue& current) {
  switch (directive.type) {
    case ConfigType::shutdown_flags:
      return shutdown_flags(directive, words);
    case ConfigType::words: {
      if (words.size() > 16) return Status::invalid("Too many bind addresses specified.");
      const bool none = words.size() == 1 && words[0].empty();
      return ConfigValue(none ? Words() : words);
    }
    case ConfigType::save_points:
      return save_points(words);
    case ConfigType::output_buffer_limits:
      return output_buffer_limits(words, std::get<OutputBufferLimits>(current));
    case ConfigType::percentiles:
      return percentiles(words);
    case ConfigType::oom_values:
      return oom_values(words);
    case ConfigType::primary_address:
      return primary_address(words);
    case ConfigType::repeated:
      return one_more(directive, words, std::get<std::vector<Words>>(current));
    case ConfigType::ignored:
      return ConfigValue(std::string());
    default:
      break;
  }
  if (words.size() != 1) return Status::invalid("wrong number of arguments");
  return parse_word(directive, words[0]);
}

}  // namespace stele
