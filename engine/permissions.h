#pragma once

#include <span>
#include <string_view>

namespace stele {

struct RegisteredCommand;

/// What a client may do, as far as handlers ask; the protocol layer's users implement it. A session without permissions
/// (replay, a test) may do everything.
///
/// Threads: the executor.
class Permissions {
 public:
  /// True if there is nothing to check: the one test that a command of an all-powerful user costs.
  bool unrestricted() const { return unrestricted_; }

  /// Whether `command` with `args` may read keys whose names only show while it runs: SORT's BY and GET.
  virtual bool reads_every_key(const RegisteredCommand& command, std::span<const std::string_view> args) const = 0;

 protected:
  Permissions() = default;
  Permissions(const Permissions&) = default;
  Permissions& operator=(const Permissions&) = default;
  ~Permissions() = default;

  bool unrestricted_ = false;
};

}  // namespace stele
