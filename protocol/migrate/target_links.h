#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/migrate/target_link.h"

namespace stele {

/// Who is to be talked to, and as whom.
struct Target {
  std::string host;
  std::string port;
  std::optional<std::string> user;      // AUTH2
  std::optional<std::string> password;  // nothing: no login
  auto operator<=>(const Target&) const = default;
};

/// MIGRATE's connections, each kept for ten seconds after its last use: keys are often moved one by one. The login is a part
/// of what a connection is known by, so that nobody uses one for which somebody else knew the password.
/// Threads: the executor.
class TargetLinks {
 public:
  static constexpr std::chrono::seconds kKeptFor{10};
  static constexpr std::size_t kLinksMax = 64;

  /// The one there is, or null. Ours again with keep(), gone without.
  std::unique_ptr<TargetLink> take(const Target& target);
  /// At most kLinksMax are kept; the one that was not used for longest goes first.
  void keep(const Target& target, std::unique_ptr<TargetLink> link);

  void close_idle(std::chrono::steady_clock::time_point now);
  std::size_t size() const { return links_.size(); }

 private:
  struct Kept {
    std::unique_ptr<TargetLink> link;
    std::chrono::steady_clock::time_point last_used;
  };
  std::map<Target, Kept> links_;
};

}  // namespace stele
