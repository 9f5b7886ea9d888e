#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"
#include "protocol/config.h"

namespace stele {

/// A configuration, and where it came from.
struct LoadedConfig {
  Config config;
  std::string file;  // absolute; empty if none was named, and CONFIG REWRITE has nothing to rewrite

  std::set<std::string_view> without_effect;  // given, known, but meaningless here: the server logs their names
  std::set<std::string_view> from_includes;   // CONFIG REWRITE must repeat these even when they are at their default
};

/// Reads what `stele-server` was called with, without the program's name:
///
///     [file] [-] [--directive value ...] [-]
///
/// The file is read first, then standard input for `-` (first or last), then the directives in their order; later
/// ones win. As with Redis 7, `--directive` and its values may be one argument or several, the word right after a
/// bare `--directive` is its value even if it begins with `--`, and `--save` may stand alone for no save points.
///
/// Syntax is that of redis.conf: words, quoted like C strings or in single quotes; `#` begins a comment line;
/// `include` is replaced by the files that match it. `invalid` with a message of several lines, ready to print, that
/// names file, line and text of what is wrong, but no secret.
Result<LoadedConfig> load_config(const std::vector<std::string>& arguments,
                                 const std::function<std::string()>& read_stdin);

/// Reads one text as if it were a file of that name.
Result<LoadedConfig> load_config_text(std::string_view text, const std::string& file_name);

/// A word as split_args reads it back; in quotes only if it needs them, or if `always`.
std::string quote_word(std::string_view word, bool always = false);

}  // namespace stele
