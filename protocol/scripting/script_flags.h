#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"

namespace stele {

/// What a script says of itself in its first line ("#!lua flags=..."), or a function when it is registered.
struct ScriptFlags {
  bool declared = false;  // none of this was said: what it may do is found out command by command
  bool no_writes = false;
  bool allow_oom = false;
  bool allow_stale = false;
  bool no_cluster = false;
  bool allow_cross_slot_keys = false;

  /// False if there is no such flag.
  bool set(std::string_view name);
  /// Those that are set, as they are written.
  std::vector<std::string_view> names() const;
};

/// The first line of a script, if it begins with "#!".
struct ScriptHead {
  ScriptFlags flags;
  std::size_t bytes = 0;  // of the line, without its end: what is behind it is Lua
};

/// `invalid` with the text of Redis' error, without the "ERR".
Result<ScriptHead> parse_script_head(std::string_view body);

}  // namespace stele
