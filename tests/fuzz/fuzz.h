#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"

/// A target: takes any bytes, and must come back. What it checks, it checks with STELE_ASSERT.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace stele::fuzz {

struct Seed {
  std::string name;
  std::string bytes;
};

/// Of the target: inputs that get far, made by the code under test itself. They are what is in corpus/<target>.
std::vector<Seed> seeds();

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace stele::fuzz
