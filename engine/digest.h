#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace stele {

/// Redis' DEBUG DIGEST arithmetic: 20 bytes of SHA-1, combined by xor (order does not matter) or by hashing (it does).
class Digest {
 public:
  static constexpr std::size_t kBytes = 20;

  /// bytes ^= SHA1(data): for elements whose order does not matter.
  void xor_with(std::string_view data);
  /// bytes = SHA1(bytes ^ SHA1(data)): for elements in order.
  void mix(std::string_view data);

  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), kBytes}; }
  std::string hex() const;
  bool operator==(const Digest&) const = default;

 private:
  std::array<unsigned char, kBytes> bytes_{};
};

}  // namespace stele
