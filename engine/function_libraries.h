#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"

namespace stele {

/// The function libraries that FUNCTION LOAD has left: their names and source. They are data like keys, so they are kept here,
/// in effects and in the checkpoint's label; what their code means is known to the protocol layer alone, which compiles it.
/// Threads: the executor alone.
class FunctionLibraries {
 public:
  const std::map<std::string, std::string, std::less<>>& all() const { return code_by_name_; }
  const std::string* find(std::string_view name) const;
  void set(std::string_view name, std::string_view code);
  bool erase(std::string_view name);  // false if there is none
  void clear() { code_by_name_.clear(); }
  void replace_all(std::map<std::string, std::string, std::less<>> code_by_name) { code_by_name_ = std::move(code_by_name); }

  /// Lines for the label, "library <name> <source in hex>" each; none if there is no library, so that a server that knows
  /// nothing of functions can read the label of one that has none.
  std::string label_lines() const;
  /// What stands behind the word "library" in such a line. `corrupt` if it does not add up.
  Status restore(std::string_view name, std::string_view hex_code);

 private:
  std::map<std::string, std::string, std::less<>> code_by_name_;
};

/// The first line of a library: "#!<engine> name=<name>".
struct LibraryHead {
  std::string engine;
  std::string name;
  std::size_t bytes = 0;  // of the line, without its end
};

/// Errors are `invalid` and say what Redis does, without the "ERR".
Result<LibraryHead> parse_library_head(std::string_view code);

/// Letters, digits and underscores, at least one: names of libraries and of functions.
bool is_function_name(std::string_view name);

}  // namespace stele
