#include "engine/scan_reply.h"

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace stele {

bool parse_scan_cursor(std::string_view text, std::uint64_t& cursor) {
  const std::string terminated(text);
  if (!terminated.empty() && std::isspace(static_cast<unsigned char>(terminated[0]))) return false;
  char* end = nullptr;
  errno = 0;
  cursor = std::strtoull(terminated.c_str(), &end, 10);
  return errno == 0 && *end == '\0';
}

bool scan_cursor_arg(Call& call, std::size_t i, std::uint64_t& cursor) {
  if (parse_scan_cursor(call.arg(i), cursor)) return true;
  call.fail("ERR invalid cursor");
  return false;
}

bool scan_options(Call& call, std::size_t first, ScanOptions& options) {
  for (std::size_t i = first; i < call.argc(); i += 2) {
    if (i + 1 == call.argc()) {
      call.syntax_error();
      return false;
    }
    if (call.arg_is(i, "count")) {
      std::int64_t count = 0;
      if (!call.integer_arg(i + 1, count)) return false;
      if (count < 1) {
        call.syntax_error();
        return false;
      }
      options.count = static_cast<std::size_t>(count);
    } else if (call.arg_is(i, "match")) {
      options.pattern = call.arg(i + 1);
      if (*options.pattern == "*") options.pattern.reset();
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

void reply_empty_scan(Call& call) {
  call.reply().array(2);
  call.reply().bulk("0");
  call.reply().array(0);
}

}  // namespace stele
