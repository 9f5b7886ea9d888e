#include "protocol/journal_retention.h"

namespace stele {

namespace {

constexpr std::uint64_t kFreeBytesMin = std::uint64_t{1} << 30;

}  // namespace

bool holds_back_too_much(const Journal& journal, const Config& config, Offset kept, std::uint64_t allowed_bytes) {
  const std::uint64_t behind = journal.end() - std::min(kept, journal.end());
  const auto most = static_cast<std::uint64_t>(config.journal_pin_size_max);
  if (most > 0 && behind > most) return true;
  if (behind <= allowed_bytes) return false;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(journal.directory(), error);
  return !error && space.available < kFreeBytesMin && behind > allowed_bytes + space.available;
}

}  // namespace stele
