#include "protocol/migrate/target_links.h"

#include <algorithm>

namespace stele {

std::unique_ptr<TargetLink> TargetLinks::take(const Target& target) {
  const auto found = links_.find(target);
  if (found == links_.end()) return nullptr;
  std::unique_ptr<TargetLink> link = std::move(found->second.link);
  links_.erase(found);
  // The other side may have hung up since, or started anew. What it said unasked would be taken for an answer.
  return link->is_quiet() ? std::move(link) : nullptr;
}

void TargetLinks::keep(const Target& target, std::unique_ptr<TargetLink> link) {
  if (links_.size() >= kLinksMax) {
    links_.erase(std::min_element(links_.begin(), links_.end(),
                                  [](const auto& a, const auto& b) { return a.second.last_used < b.second.last_used; }));
  }
  link->output().shrink(TargetLink::kWriteBytes);
  links_[target] = Kept{std::move(link), std::chrono::steady_clock::now()};
}

void TargetLinks::close_idle(std::chrono::steady_clock::time_point now) {
  std::erase_if(links_, [now](const auto& link) { return now - link.second.last_used > kKeptFor; });
}

}  // namespace stele
