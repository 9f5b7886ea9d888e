#include "engine/zset/zset_source.h"

namespace stele {

std::size_t ZsetSource::size() const { return entry_ == nullptr ? 0 : SortedSet(*entry_).size(); }

std::optional<double> ZsetSource::score_of(std::string_view text) const {
  if (entry_ == nullptr) return std::nullopt;
  const SortedSet::Spot spot = SortedSet(*entry_).find(text);
  return spot ? std::optional(spot.score) : std::nullopt;
}

}  // namespace stele
