#pragma once

#include "persistence/journal.h"
#include "protocol/config.h"

namespace stele {

/// Whether somebody who still needs the journal from `kept` on holds back more than he may: journal-pin-size-max, or, with less than
/// 1 GB free on its disk, more than would fit there once again beside `allowed_bytes`.
bool holds_back_too_much(const Journal& journal, const Config& config, Offset kept, std::uint64_t allowed_bytes);

}  // namespace stele
