#pragma once

#include "tests/support/reply.h"
#include "tests/system/generator.h"

namespace stele::test {

/// True if two servers' replies agree under `compare`. `restarted`: one of them has reloaded its data, so the
/// encodings of strings are one.
bool same(const Reply& left, const Reply& right, Compare compare, bool restarted = false);

}  // namespace stele::test
