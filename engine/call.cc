#include "engine/call.h"

#include <limits>

#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"

namespace stele {

bool Call::arg_is(std::size_t i, std::string_view word) const { return equals_ignoring_case(args_[i], word); }

void Call::fail(std::string_view error) {
  failed_ = true;
  const std::size_t bytes = std::min(error.find(' '), std::min(error.size(), sizeof error_code_));
  std::memcpy(error_code_, error.data(), bytes);
  error_code_bytes_ = static_cast<std::uint8_t>(bytes);
  reply_.error(error);
}

void Call::wrong_arity() {
  fail(fmt::format("ERR wrong number of arguments for '{}' command", command_.full_name));
}

bool Call::integer_arg(std::size_t i, std::int64_t& value) {
  const auto parsed = parse_integer(args_[i]);
  if (!parsed) {
    not_an_integer();
    return false;
  }
  value = *parsed;
  return true;
}

bool Call::database_arg(std::size_t i, int& db) {
  std::int64_t value = 0;
  if (!integer_arg(i, value)) return false;
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    fail("ERR value is out of range, value must between -2147483648 and 2147483647");
    return false;
  }
  if (value < 0 || value >= keyspace_.databases()) {
    fail("ERR DB index is out of range");
    return false;
  }
  db = static_cast<int>(value);
  return true;
}

void Call::emit_verbatim() {
  if (command_.renamed) {
    std::vector<std::string_view> in_stream(args_.begin(), args_.end());
    in_stream[0] = command_.row->name;
    effects_.emit_list(session_.db, in_stream);
  } else if (!raw_.empty()) {
    effects_.emit_raw(session_.db, raw_);
  } else {
    effects_.emit_list(session_.db, args_);
  }
}

}  // namespace stele
