#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace stele::test {

/// One reply as it came over the wire, RESP2 or RESP3. Nothing is translated, so that two servers' replies can be
/// compared to the byte: `type` is the first byte ('+', '-', ':', '$', '*', '_', ',', '#', '(', '=', '%', '~', '>').
struct Reply {
  char type = '_';
  bool null = false;            // "$-1", "*-1" or "_"
  std::string text;             // of everything that is not an aggregate, without its framing
  std::vector<Reply> elements;  // of aggregates; a map is key, value, key, value

  bool is_error() const { return type == '-' || type == '!'; }
  bool is_aggregate() const { return type == '*' || type == '%' || type == '~' || type == '>'; }

  /// The text as a number. Throws unless all of it is one.
  std::int64_t integer() const;

  bool operator==(const Reply&) const = default;

  /// True for a status, string or number of that text; never for an error or null.
  bool operator==(std::string_view expected) const {
    return !null && !is_error() && !is_aggregate() && text == expected;
  }
};

/// For people: strings quoted and escaped, errors as "(error) ...", aggregates in brackets, long strings shortened.
std::string describe(const Reply& reply);

/// One string the way describe() shows it; `bytes_max` of it.
std::string quote(std::string_view text, std::size_t bytes_max = 200);

std::ostream& operator<<(std::ostream& out, const Reply& reply);

}  // namespace stele::test
