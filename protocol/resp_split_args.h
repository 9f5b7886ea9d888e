#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stele {

/// Splits a line into arguments as Redis does for inline commands and configuration files:
///
///     plain           up to the next space, tab, CR or LF; quotes in the middle open a quoted part
///     "..."           \n \r \t \b \a and \xHH are bytes; a backslash before anything else is dropped
///     '...'           \' is a quote; nothing else is special
///
/// A closing quote ends the argument and must be followed by white space or the end of the line. Nothing is returned
/// if it is not, or if a quote stays open. An empty line has no arguments. A NUL byte ends the line.
std::optional<std::vector<std::string>> split_args(std::string_view line);

}  // namespace stele
