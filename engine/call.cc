#include "engine/call.h"

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

void Call::emit_verbatim() {
  if (!raw_.empty()) {
    effects_.emit_raw(session_.db, raw_);
  } else {
    effects_.emit_list(session_.db, args_);
  }
}

}  // namespace stele
