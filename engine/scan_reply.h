#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/call.h"
#include "engine/glob.h"
#include "engine/packed/element_table.h"

namespace stele {

/// What SCAN and its kin for one collection have in common:
///
///     HSCAN|SSCAN|ZSCAN key cursor [MATCH pattern] [COUNT count]
///
/// A handler reads the cursor, looks the key up (reply_empty_scan() if it is absent), then reads the options: in Redis'
/// order of errors. A packed collection is shown whole in one go, whatever the count.
struct ScanOptions {
  std::size_t count = 10;
  std::optional<std::string_view> pattern;  // none: everything

  bool accepts(std::string_view text) const { return !pattern || glob_matches(*pattern, text); }
};

/// Reads `text` as strtoul does, sign and all, for that is what Redis takes for a cursor.
bool parse_scan_cursor(std::string_view text, std::uint64_t& cursor);

/// Argument `i` as cursor; replies with the error and returns false if it is none.
bool scan_cursor_arg(Call& call, std::size_t i, std::uint64_t& cursor);
/// The arguments from `first` on; replies with the error and returns false if they are no options.
bool scan_options(Call& call, std::size_t first, ScanOptions& options);

void reply_empty_scan(Call& call);

/// The two parts of the reply: the next cursor, and an array whose elements `write` writes, returning how many.
template <typename Write>
void reply_scan(Call& call, std::uint64_t next, Write&& write) {
  call.reply().array(2);
  call.reply().bulk_integer(static_cast<std::int64_t>(next));
  const auto mark = call.reply().begin_array();
  const std::size_t written = write();
  call.reply().end_array(mark, written);
}

/// As above, for a step through a table; `write(const Node&)` writes the element and returns as how many replies.
template <typename Node, typename Write>
void reply_table_scan(Call& call, const ElementTable<Node>& table, std::uint64_t cursor, const ScanOptions& options,
                      Write&& write) {
  std::vector<const Node*> found;
  found.reserve(std::min(options.count, table.size()));
  const std::uint64_t next = table.scan(cursor, options.count, [&](const Node& node) {
    if (options.accepts(node.text())) found.push_back(&node);
  });
  reply_scan(call, next, [&] {
    std::size_t written = 0;
    for (const Node* node : found) written += write(*node);
    return written;
  });
}

}  // namespace stele
