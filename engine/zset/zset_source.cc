#include "engine/zset/zset_source.h"

namespace stele {

std::size_t ZsetSource::size() const {
  if (entry_ == nullptr) return 0;
  return entry_->type() == ObjectType::set ? SetBody(*entry_).size() : SortedSet(*entry_).size();
}

std::optional<double> ZsetSource::score_of(std::string_view text) const {
  if (entry_ == nullptr) return std::nullopt;
  if (entry_->type() == ObjectType::set) return SetBody(*entry_).contains(text) ? std::optional(1.0) : std::nullopt;
  const SortedSet::Spot spot = SortedSet(*entry_).find(text);
  return spot ? std::optional(spot.score) : std::nullopt;
}

}  // namespace stele
