#include "persistence/status.h"

#include <cstdio>

namespace stele::internal {

void assertion_failed(const char* expression, const char* file, int line) {
  // Straight to stderr: the logger may be what is broken.
  std::fprintf(stderr, "stele: assertion failed: %s at %s:%d; stopping before anything wrong is written\n", expression,
               file, line);
  std::abort();
}

}  // namespace stele::internal
