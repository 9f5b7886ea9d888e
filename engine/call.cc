#include "engine/call.h"

#include <cmath>
#include <limits>

#include "engine/real.h"
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

void Call::block(std::span<const std::string_view> keys, Deadline deadline, bool wakes_when_gone) {
  block_as(args_, keys, deadline, wakes_when_gone);
}

void Call::block_as(std::span<const std::string_view> args, std::span<const std::string_view> keys, Deadline deadline,
                    bool wakes_when_gone) {
  STELE_ASSERT(may_block());
  blocked_ = true;
  if (session_.wait.waiting()) return;  // woken in vain: it keeps its place, its deadline and its arguments
  session_.blocked.emplace(&command_, args, std::string_view());
  session_.blocked_until = deadline;
  keyspace_.waiters().wait(session_.db, keys, wakes_when_gone, session_);
}

bool Call::timeout(long double ms, Deadline& deadline) {
  // The clock counts nanoseconds and ends at 292 years; Redis' limit is that of 63 bits of milliseconds.
  if (ms > static_cast<long double>(std::numeric_limits<std::int64_t>::max() - now().ms())) {
    fail("ERR timeout is out of range");
    return false;
  }
  if (ms < 0) {
    fail("ERR timeout is negative");
    return false;
  }
  constexpr long double kLongestMs = 100.0L * 365 * 24 * 3600 * 1000;
  deadline.reset();
  if (ms > 0) {
    deadline = std::chrono::steady_clock::now() +
               std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(std::min(ms, kLongestMs))));
  }
  return true;
}

bool Call::timeout_seconds_arg(std::size_t i, Deadline& deadline) {
  const auto seconds = parse_real(args_[i]);
  if (!seconds) {
    fail("ERR timeout is not a float or out of range");
    return false;
  }
  return timeout(*seconds * 1000, deadline);
}

bool Call::timeout_ms_arg(std::size_t i, Deadline& deadline) {
  const auto ms = parse_integer(args_[i]);
  if (!ms) {
    fail("ERR timeout is not an integer or out of range");
    return false;
  }
  return timeout(static_cast<long double>(*ms), deadline);
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
