#include "engine/random.h"

#include <sys/random.h>

#include "persistence/status.h"

namespace stele {

namespace {

/// xoshiro256++ (Blackman and Vigna, public domain).
struct Generator {
  Generator() {
    do {
      STELE_ASSERT(::getrandom(state, sizeof state, 0) == static_cast<ssize_t>(sizeof state));
    } while ((state[0] | state[1] | state[2] | state[3]) == 0);
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state[0] + state[3], 23) + state[0];
    const std::uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
  }
  static std::uint64_t rotate(std::uint64_t value, int by) { return value << by | value >> (64 - by); }

  std::uint64_t state[4];
};

thread_local Generator generator;

}  // namespace

std::uint64_t Random::next() { return generator.next(); }

}  // namespace stele
