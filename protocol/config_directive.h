#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"
#include "protocol/config.h"

namespace stele {

/// How the words behind a directive's name are read.
enum class ConfigType {
  yes_no,
  integer,
  octal,
  memory,             // 100, 1k (1000), 1kb (1024), 1m, 1mb, 1g, 1gb, in any case
  memory_or_percent,  // or 5%
  choice,             // one of `names`
  shutdown_flags,     // some of `names`
  text,
  directory,
  words,
  save_points,
  output_buffer_limits,
  percentiles,
  oom_values,
  keyspace_events,
  primary_address,
  repeated,  // each line adds one: user, rename-command, loadmodule
  ignored,   // gone since Redis 7.0, still let through
};

inline constexpr unsigned kConfigImmutable = 1;  // only before the start
inline constexpr unsigned kConfigHidden = 2;     // CONFIG GET shows it by its exact name only
inline constexpr unsigned kConfigSecret = 4;     // its value is never in a message
inline constexpr unsigned kConfigProtected = 8;  // CONFIG SET obeys enable-protected-configs
inline constexpr unsigned kConfigFileOnly = 16;  // unknown to CONFIG GET and SET
/// Not one of Redis': CONFIG SET to the value that it has is no error though it is immutable, since tools that write back all
/// that they have read do not know it.
inline constexpr unsigned kConfigOwn = 32;
/// A switch for something that is not here: a file may turn it on, which the log tells, but CONFIG SET must not say OK.
inline constexpr unsigned kConfigAbsent = 64;

/// One row of the table.
struct Directive {
  std::string_view name;
  std::string_view alias = {};  // the name that Redis used before
  ConfigType type = ConfigType::text;
  unsigned flags = 0;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::int64_t floor = INT64_MIN;  // what is accepted below or above is brought to these, as Redis does it
  std::int64_t ceiling = INT64_MAX;
  std::span<const std::string_view> names = {};
  const char* (*check)(std::string_view) = nullptr;  // an error text, or null

  // Either a member of Config ...
  ConfigValue (*read)(const Config&) = nullptr;
  void (*write)(Config&, ConfigValue) = nullptr;
  // ... or a default, for what is accepted without effect.
  std::string_view inert_default = {};

  bool has_effect() const { return read != nullptr; }
  bool takes_many_words() const;
};

/// All of them, sorted by name.
std::span<const Directive> directives();

/// By name or alias, in any case; null if there is none.
const Directive* find_directive(std::string_view name);

/// The known name closest to a mistyped one, or an empty view.
std::string_view nearest_directive_name(std::string_view name);

/// The value in force: the member, or what `inert` holds, or the default.
ConfigValue config_value(const Directive& directive, const Config& config);
ConfigValue config_default(const Directive& directive);
void set_config_value(const Directive& directive, Config& config, ConfigValue value);

/// Reads the words given for `directive`. `current` is what output_buffer_limits changes in part. `invalid` with
/// Redis' error text otherwise.
Result<ConfigValue> parse_config_value(const Directive& directive, const Words& words, const ConfigValue& current);

/// As CONFIG GET prints it.
std::string format_config_value(const Directive& directive, const ConfigValue& value);

/// As the lines that say the same in a configuration file; none for an empty list of repeated ones.
std::vector<std::string> config_lines(const Directive& directive, const ConfigValue& value);

/// The words of one CONFIG SET argument.
Words words_of_argument(const Directive& directive, std::string_view argument);

/// Without a slash at its end, unless it is the root.
std::string absolute_directory(std::string_view path);

/// Bit i of the notify flags is letter i.
inline constexpr std::string_view kConfigEventLetters = "KEg$lshzxetdmn";

bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace stele
