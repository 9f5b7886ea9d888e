// The ranked tree of sorted sets. Time of one operation, and bytes of nodes an element.
#include <malloc.h>

#include <algorithm>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "engine/zset/ranked_tree.h"

namespace stele {
namespace {

class Tree : public RankedTree {
 public:
  double sum_from(std::size_t rank, std::size_t n) const {
    double sum = 0;
    for (auto at = cursor_at(rank); n > 0 && at; at.next(), --n) sum += at.score();
    return sum;
  }
};

struct Filled {
  explicit Filled(std::size_t n) {
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < n; ++i) {
      members.push_back(Member::make("member:" + std::to_string(i), static_cast<double>(random() % (n * 4))));
    }
    std::shuffle(members.begin(), members.end(), random);
    const std::size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
    for (Member* m : members) set.insert(m);
    bytes = ::mallinfo2().uordblks + ::mallinfo2().hblkhd - before;
    std::shuffle(members.begin(), members.end(), random);
  }
  ~Filled() {
    for (Member* m : members) Member::destroy(m);
  }
  Member* next() { return members[at_ = at_ + 1 == members.size() ? 0 : at_ + 1]; }

  std::vector<Member*> members;
  Tree set;
  std::size_t bytes = 0;
  std::size_t at_ = 0;
};

void erase_insert(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    Member* const m = filled.next();
    filled.set.erase(m);
    filled.set.insert(m);
  }
  state.counters["bytes_per_element"] = static_cast<double>(filled.bytes) / static_cast<double>(filled.members.size());
}

void fill(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    Tree set;
    for (Member* m : filled.members) set.insert(m);
    benchmark::DoNotOptimize(set.size());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void rank(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(filled.set.rank_of(filled.next()));
}

void range_of_100(benchmark::State& state) {
  Filled filled(static_cast<std::size_t>(state.range(0)));
  std::mt19937_64 random(2);
  for (auto _ : state) benchmark::DoNotOptimize(filled.set.sum_from(random() % (filled.members.size() - 100), 100));
}

BENCHMARK(fill)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(erase_insert)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(rank)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(range_of_100)->Arg(1000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace stele

BENCHMARK_MAIN();
