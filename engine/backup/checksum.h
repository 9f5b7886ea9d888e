#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace stele {

/// XXH3-128 of bytes that come in pieces, as 32 lower-case hex digits.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(std::string_view bytes);
  std::string hex() const;

  static std::string of(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stele
