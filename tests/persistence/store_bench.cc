// What a checkpoint costs, by option. Not a test: it takes minutes and prints one line.
//
//     bench_store <dir> [compaction=universal|level] [compression=none|lz4_last_level|lz4] [runs=8] [block_kib=4]
//                       [keys=5000000] [dirty=450000] [checkpoints=24]
//
// Loads `keys` objects (20-byte keys, 100-byte values that halve under lz4) in one checkpoint, then changes `dirty`
// random ones per checkpoint, waiting for compactions in between; then reads, then opens.

#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "persistence/store.h"
#include "persistence/store_keys.h"

namespace stele {
namespace {

using Key = std::array<char, 20>;

double thread_cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}
double wall_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void expect_ok(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

class Bench {
 public:
  Bench(std::filesystem::path dir, std::map<std::string, std::string> settings)
      : dir_(std::move(dir)), settings_(std::move(settings)) {
    options_.compaction = setting("compaction", "universal") == "level" ? StoreOptions::Compaction::level
                                                                        : StoreOptions::Compaction::universal;
    const std::string compression = setting("compression", "lz4_last_level");
    options_.compression = compression == "none"  ? StoreOptions::Compression::none
                           : compression == "lz4" ? StoreOptions::Compression::lz4
                                                  : StoreOptions::Compression::lz4_last_level;
    options_.runs_before_compaction = static_cast<int>(number("runs", 8));
    options_.block_bytes = number("block_kib", 4) << 10;
    make_keys(number("keys", 5'000'000));
  }

  void run() {
    std::filesystem::remove_all(dir_);
    store_ = std::move(Store::open(dir_, options_).value());
    const double load_us = checkpoint(1.0) / static_cast<double>(keys_.size());
    wait_until_idle();
    const double base_bytes = static_cast<double>(store_->stats().sst_bytes);
    std::printf("after the load: files by level");
    for (const int files : store_->stats().objects_files_by_level) std::printf(" %d", files);
    std::printf(" | get %.2f us | may_contain absent %.2f, present %.2f us\n", get_us(), may_contain_us(true, 200'000),
                may_contain_us(false, 200'000));

    const std::uint64_t compacted_before = store_->stats().compaction_cpu_us;
    const double dirty_share = static_cast<double>(number("dirty", 450'000)) / static_cast<double>(keys_.size());
    double writer_us = 0;
    double bytes_max = 0;
    double bytes_sum = 0;
    std::size_t runs_max = 0;
    double absent_worst_us = 0;
    ingested_ = 0;
    const std::size_t checkpoints = number("checkpoints", 24);
    for (std::size_t i = 0; i < checkpoints; ++i) {
      writer_us += checkpoint(dirty_share);
      wait_until_idle();
      const StoreStats stats = store_->stats();
      bytes_max = std::max(bytes_max, static_cast<double>(stats.sst_bytes));
      bytes_sum += static_cast<double>(stats.sst_bytes);
      std::size_t runs = static_cast<std::size_t>(stats.objects_files_by_level[0]);
      for (std::size_t level = 1; level < stats.objects_files_by_level.size(); ++level) {
        runs += stats.objects_files_by_level[level] > 0 ? 1 : 0;
      }
      if (runs >= runs_max) {
        runs_max = runs;
        absent_worst_us = may_contain_us(true, 200'000);
      }
    }
    const StoreStats stats = store_->stats();
    const double ingested = static_cast<double>(ingested_);
    std::printf("%s %s runs=%d block=%zuK | load %.2f us/key | checkpoint %.2f, compaction %.2f us/key, written %.1f x"
                " | space max %.2f mean %.2f x of %.0f MB | runs max %zu",
                setting("compaction", "universal").c_str(), setting("compression", "lz4_last_level").c_str(),
                options_.runs_before_compaction, options_.block_bytes >> 10, load_us, writer_us / ingested,
                static_cast<double>(stats.compaction_cpu_us - compacted_before) / ingested,
                static_cast<double>(stats.compaction_written_bytes) / (ingested * 120), bytes_max / base_bytes,
                bytes_sum / static_cast<double>(checkpoints) / base_bytes, base_bytes / 1e6, runs_max);
    std::printf(" | get %.2f us | may_contain absent %.2f (most runs) %.2f, present %.2f us | filters %.1f MB", get_us(),
                absent_worst_us, may_contain_us(true, 200'000), may_contain_us(false, 200'000),
                static_cast<double>(stats.filter_and_index_bytes) / 1e6);
    store_.reset();
    const double before = wall_us();
    store_ = std::move(Store::open(dir_, options_).value());
    std::printf(" | open %.0f ms\n", (wall_us() - before) / 1e3);
    store_.reset();
    std::filesystem::remove_all(dir_);
  }

 private:
  std::string setting(const std::string& name, const std::string& otherwise) const {
    const auto found = settings_.find(name);
    return found == settings_.end() ? otherwise : found->second;
  }
  std::size_t number(const std::string& name, std::size_t otherwise) const {
    return std::stoul(setting(name, std::to_string(otherwise)));
  }

  void make_keys(std::size_t count) {
    keys_.resize(count);
    for (Key& key : keys_) fill(key, '0');
    std::sort(keys_.begin(), keys_.end(), [](const Key& a, const Key& b) { return view(a) < view(b); });
  }
  void fill(Key& key, char kind) {
    std::string bytes;
    append_be32(bytes, 1);
    append_be64(bytes, random_());
    bytes.resize(10);
    bytes += kind;
    append_be64(bytes, random_());
    bytes.push_back('k');
    std::memcpy(key.data(), bytes.data(), key.size());
  }
  static std::string_view view(const Key& key) { return {key.data(), key.size()}; }

  /// The checkpoint thread's CPU in us, without what choosing and making the objects takes.
  double checkpoint(double share) {
    std::vector<std::uint32_t> chosen;
    std::uniform_real_distribution<double> uniform;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      if (share >= 1 || uniform(random_) < share) chosen.push_back(static_cast<std::uint32_t>(i));
    }
    std::vector<std::array<char, 100>> values(4096);
    for (auto& value : values) {
      std::fill(value.begin(), value.end(), 'x');
      for (std::size_t i = 0; i < 48; ++i) value[i] = static_cast<char>(random_());
    }
    const double before = thread_cpu_us();
    {
      CheckpointWriter writer = std::move(store_->begin_checkpoint().value());
      for (const std::uint32_t i : chosen) {
        const auto& value = values[i % values.size()];
        expect_ok(writer.put(view(keys_[i]), {value.data(), value.size()}));
      }
      expect_ok(writer.finish({.offset = Offset(++ingestions_)}));
    }
    ingested_ += chosen.size();
    return thread_cpu_us() - before;
  }

  void wait_until_idle() {
    int idle = 0;  // RocksDB may be about to schedule the next one
    while (idle < 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      idle = store_->stats().compactions_running == 0 ? idle + 1 : 0;
    }
  }

  double may_contain_us(bool absent, std::size_t count) {
    std::vector<Key> asked(count);
    for (Key& key : asked) {
      if (absent) {
        fill(key, '1');
      } else {
        key = keys_[random_() % keys_.size()];
      }
    }
    std::size_t yes = 0;
    const double before = thread_cpu_us();
    for (const Key& key : asked) yes += store_->may_contain(view(key)) ? 1 : 0;
    const double us = (thread_cpu_us() - before) / static_cast<double>(count);
    STELE_ASSERT(absent ? yes < count / 20 : yes == count);
    return us;
  }

  double get_us() {
    constexpr std::size_t kCount = 200'000;
    std::size_t found = 0;
    const double before = thread_cpu_us();
    for (std::size_t i = 0; i < kCount; ++i) {
      found += store_->get(view(keys_[random_() % keys_.size()])).value().has_value() ? 1 : 0;
    }
    STELE_ASSERT(found == kCount);
    return (thread_cpu_us() - before) / kCount;
  }

  const std::filesystem::path dir_;
  const std::map<std::string, std::string> settings_;
  StoreOptions options_;
  std::mt19937_64 random_{42};
  std::vector<Key> keys_;
  std::unique_ptr<Store> store_;
  std::uint64_t ingestions_ = 0;
  std::size_t ingested_ = 0;
};

}  // namespace
}  // namespace stele

int main(int argc, char** argv) {
  std::map<std::string, std::string> settings;
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos) return std::fprintf(stderr, "not name=value: %s\n", argv[i]), 2;
    settings[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  if (argc < 2) return std::fprintf(stderr, "usage: bench_store <dir> [name=value ...]\n"), 2;
  stele::Bench(argv[1], settings).run();
}
