// A full sync to a replica that takes its time, while the primary is written to ten times as much as it has. It has to
// end at the first try, and to cost the primary no memory to speak of: what the replica lacks is in the journal.
//
//     load D bytes ──► a replica behind a slow line ──► write 10 D meanwhile ──► the line is fast again ──► same data,
//     sync_full 1
//
// Redis, with its default limits scaled to the data, is shown beside it.
#include <atomic>
#include <chrono>
#include <iostream>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "tests/support/server.h"
#include "tests/support/tcp_proxy.h"
#include "tests/system/options.h"

namespace stele::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMegabyte = 1 << 20;
constexpr std::size_t kValueBytes = 1000;
constexpr std::size_t kPipeline = 64;

std::int64_t resident_bytes(const Server& server) {
  const std::string status = read_file(fmt::format("/proc/{}/status", server.pid()));
  const std::size_t at = status.find("VmRSS:");
  if (at == std::string::npos) throw std::runtime_error("no VmRSS in /proc");
  return std::stoll(status.substr(at + 6)) * 1024;
}

struct Settings {
  std::int64_t data_bytes = 0;
  std::int64_t written_times = 10;
  std::int64_t rate = 0;  // bytes per second that the line carries
  std::int64_t growth_max = 0;
};

struct Figures {
  std::int64_t full_syncs = 0;
  std::int64_t written = 0;
  std::int64_t baseline = 0;
  std::int64_t peak = 0;
  double seconds = 0;
  bool in_step = false;
  bool same = false;
};

class Writer {
 public:
  Writer(Client client, std::int64_t keys) : client_(std::move(client)), keys_(keys) {
    // Bytes that no one can compress, cut out of one piece.
    for (char& c : noise_) c = static_cast<char>(random_());
  }

  void load() {
    for (std::int64_t key = 0; key < keys_;) {
      std::size_t sent = 0;
      for (; sent < kPipeline && key < keys_; ++sent) set(key++);
      for (; sent > 0; --sent) client_.read();
    }
  }

  /// One pipeline of new values for old keys; the bytes of it.
  std::int64_t overwrite() {
    for (std::size_t i = 0; i < kPipeline; ++i)
      set(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(keys_)));
    for (std::size_t i = 0; i < kPipeline; ++i) client_.read();
    return static_cast<std::int64_t>(kPipeline * kValueBytes);
  }

 private:
  void set(std::int64_t key) {
    client_.send(std::vector<std::string>{"SET", "k:" + std::to_string(key),
                                          noise_.substr(random_() % kValueBytes, kValueBytes)});
  }

  Client client_;
  const std::int64_t keys_;
  std::mt19937_64 random_{7};
  std::string noise_ = std::string(2 * kValueBytes, '\0');
};

Figures run_pair(Server& primary, const Program& replica_program, const Settings& settings,
                 std::chrono::seconds patience, bool stops_when_written) {
  Figures figures;
  Writer writer(primary.connect(), settings.data_bytes / static_cast<std::int64_t>(kValueBytes));
  writer.load();
  // The memory that writing takes by itself is not the replica's.
  for (std::int64_t written = 0; written < settings.data_bytes;) written += writer.overwrite();
  figures.baseline = figures.peak = resident_bytes(primary);

  TcpProxy line(primary.port());
  line.limit_rate(static_cast<std::uint64_t>(settings.rate));
  Server replica(replica_program,
                 {"--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", std::to_string(line.port())});
  const auto began = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
  const std::int64_t total = settings.data_bytes * settings.written_times;
  const double pace =
      static_cast<double>(settings.rate * settings.written_times);  // it is all written while the data cross the line
  auto looked = Clock::now();
  while ((!stops_when_written || figures.written < total) && elapsed() < static_cast<double>(patience.count())) {
    figures.written += writer.overwrite();
    if (Clock::now() - looked > std::chrono::milliseconds(20)) {
      looked = Clock::now();
      figures.peak = std::max(figures.peak, resident_bytes(primary));
    }
    const double ahead = static_cast<double>(figures.written) / pace - elapsed();
    if (ahead > 0) std::this_thread::sleep_for(std::chrono::duration<double>(ahead));
  }
  if (stops_when_written) {
    line.limit_rate(0);
    figures.in_step = wait_until(
        [&] {
          figures.peak = std::max(figures.peak, resident_bytes(primary));
          return replica.info("master_link_status") == "up" &&
                 replica.info("master_repl_offset") == primary.info("master_repl_offset");
        },
        std::chrono::seconds(120));
    figures.same = figures.in_step && primary.run("DEBUG", "DIGEST") == replica.run("DEBUG", "DIGEST");
  } else {
    figures.in_step = replica.info("master_link_status") == "up";
  }
  figures.seconds = elapsed();
  figures.full_syncs = std::stoll(primary.info("sync_full"));
  return figures;
}

void print(const std::string& name, const Settings& settings, const Figures& figures) {
  std::cout << fmt::format(
                   "{:6}{:7} MB of data{:8} MB written in{:7.1f} s{:6} full syncs, {:12}{:6} MB resident before, {:+5} "
                   "MB at most\n",
                   name, settings.data_bytes / kMegabyte, figures.written / kMegabyte, figures.seconds,
                   figures.full_syncs, figures.in_step ? "in step" : "not in step", figures.baseline / kMegabyte,
                   (figures.peak - figures.baseline) / kMegabyte)
            << std::flush;
}

int run_slow_replica(const Options& options) {
  Settings settings;
  settings.data_bytes = options.number("data") * kMegabyte;
  settings.written_times = options.number("times");
  settings.rate = options.number("rate") * kMegabyte;
  settings.growth_max = options.number("growth") * kMegabyte;

  Figures ours;
  {
    Server primary{"--repl-diskless-sync-delay", "0"};
    ours = run_pair(primary, stele_program(), settings, std::chrono::seconds(600), true);
    print("stele", settings, ours);
    if (!ours.same) std::cout << primary.log_tail() << "\n";
  }
  if (options.number("redis") != 0) {
    // The defaults are 256mb 64mb 60, for data of 256 MB, say.
    const std::string hard = std::to_string(settings.data_bytes), soft = std::to_string(settings.data_bytes / 4);
    const std::string seconds = std::to_string(std::max<std::int64_t>(1, 60 * settings.data_bytes / (256 * kMegabyte)));
    RedisServer primary{
        "--repl-diskless-sync-delay", "0", "--client-output-buffer-limit", "replica", hard, soft, seconds};
    const auto patience = std::chrono::seconds(static_cast<std::int64_t>(ours.seconds * 2) + 5);
    print("redis", settings, run_pair(primary, redis_program(), settings, patience, false));
  }
  const bool good = ours.full_syncs == 1 && ours.same && ours.peak - ours.baseline <= settings.growth_max;
  if (!good)
    std::cout << "FAILED: one full sync, the same data and at most " << settings.growth_max / kMegabyte
              << " MB more were expected\n";
  return good ? 0 : 1;
}

}  // namespace
}  // namespace stele::test

int main(int argc, char** argv) {
  const stele::test::Options options(argc, argv,
                                     {{"data", "16"},    // MB
                                      {"times", "10"},   // what is written meanwhile, in data
                                      {"rate", "4"},     // MB per second that reach the replica
                                      {"growth", "64"},  // MB that the primary may take for it
                                      {"redis", "0"}});  // 1: Redis as well, for comparison
  try {
    return stele::test::run_slow_replica(options);
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 2;
  }
}
