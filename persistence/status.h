#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace stele {

/// What the caller can do about an error. Where it happened is in the message: file, position, offset.
enum class Code {
  ok,
  invalid,      // the client's or operator's mistake: reply with an error and carry on
  unavailable,  // not now (loading, link down, trimmed): another way or another time may work
  exhausted,    // no space: refuse writes, go on reading
  corrupt,      // bytes fail their check: stop using the source, never skip
  io,           // the kernel said no; errno is in the message
};

/// The outcome of something that can fail. Cheap when ok: no allocation.
class [[nodiscard]] Status {
 public:
  Status() = default;

  static Status ok_status() { return {}; }

  template <typename... Args>
  static Status invalid(fmt::format_string<Args...> format, Args&&... args) {
    return {Code::invalid, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <typename... Args>
  static Status unavailable(fmt::format_string<Args...> format, Args&&... args) {
    return {Code::unavailable, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <typename... Args>
  static Status exhausted(fmt::format_string<Args...> format, Args&&... args) {
    return {Code::exhausted, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <typename... Args>
  static Status corrupt(fmt::format_string<Args...> format, Args&&... args) {
    return {Code::corrupt, fmt::format(format, std::forward<Args>(args)...)};
  }
  template <typename... Args>
  static Status io(fmt::format_string<Args...> format, Args&&... args) {
    return {Code::io, fmt::format(format, std::forward<Args>(args)...)};
  }

  bool ok() const { return code_ == Code::ok; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code_ = Code::ok;
  std::string message_;
};

namespace internal {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace internal

/// Stays on in release builds, for what only a bug can break: a server unsure of its state must not write on.
#define STELE_ASSERT(expression) \
  (__builtin_expect(static_cast<bool>(expression), 1) \
       ? static_cast<void>(0) \
       : ::stele::internal::assertion_failed(#expression, __FILE__, __LINE__))

/// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT
    STELE_ASSERT(!std::get<1>(state_).ok());
  }

  bool ok() const { return state_.index() == 0; }
  Status status() const { return ok() ? Status() : std::get<1>(state_); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() {
    STELE_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    STELE_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }

 private:
  std::variant<T, Status> state_;
};

#define STELE_CONCAT_(a, b) a##b
#define STELE_CONCAT(a, b) STELE_CONCAT_(a, b)

/// Returns the status of `expression` from the enclosing function unless it is ok.
#define STELE_CHECK(expression) \
  do { \
    if (::stele::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

/// STELE_TRY(Type name, expression): declares `name` from a Result, or returns its status.
#define STELE_TRY(declaration, ...) STELE_TRY_IMPL(STELE_CONCAT(result_, __LINE__), declaration, __VA_ARGS__)
#define STELE_TRY_IMPL(result, declaration, ...) \
  auto result = (__VA_ARGS__); \
  if (!result.ok()) return result.status(); \
  declaration = std::move(*result)

}  // namespace stele
