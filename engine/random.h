#pragma once

#include <cstdint>

namespace stele {

/// Random numbers for commands that draw one (SPOP, HRANDFIELD, ...): fast, well spread, seeded by the kernel once per
/// thread, and not for secrets.
class Random {
 public:
  static std::uint64_t next();

  /// Each of 0 .. `end` - 1 is as likely, to within 2^-64 * end. `end` is not 0.
  static std::uint64_t below(std::uint64_t end) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(next()) * end >> 64);
  }
};

}  // namespace stele
