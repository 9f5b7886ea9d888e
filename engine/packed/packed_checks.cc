#include "engine/packed/packed_checks.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/packed/element_hash.h"

namespace stele {

bool has_doubles(const Listpack& listpack, std::size_t skip) {
  std::vector<std::pair<std::uint64_t, Listpack::Place>> seen;
  char scratch[24];
  for (auto place = listpack.first(); place != Listpack::kNone;) {
    seen.emplace_back(element_hash(listpack.get(place).text(scratch)), place);
    for (std::size_t i = 0; i <= skip && place != Listpack::kNone; ++i) place = listpack.next(place);
  }
  std::sort(seen.begin(), seen.end());
  return std::adjacent_find(seen.begin(), seen.end(), [&](const auto& a, const auto& b) {
           return a.first == b.first && listpack.get(b.second).equals(listpack.get(a.second).text(scratch));
         }) != seen.end();
}

}  // namespace stele
