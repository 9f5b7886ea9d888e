#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "persistence/status.h"

namespace stele {

/// Puts `text` into the place of the file `path`, all of it or nothing: written beside it, synced, renamed, the directory
/// synced. The mode and, for root, the owner stay; a new file has mode 0644. `io` with the kernel's reason.
Status replace_file(const std::string& path, std::string_view text);

/// The bytes of a file, or what `failure` makes of the kernel's reason.
Result<std::string> read_whole_file(const std::string& path, const std::function<Status(std::string_view why)>& failure);

}  // namespace stele
