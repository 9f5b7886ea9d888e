#pragma once

#include <string>

#include "engine/entry.h"

namespace stele {

/// A value as DUMP returns it and RESTORE takes it, in the version that Redis 7.0 and later can read.
std::string dump_payload(const Entry& entry);

}  // namespace stele
