// Runs a fuzz target without libFuzzer: the corpus as it is, then mutations of it for some seconds.
//
//     fuzz_restore --corpus DIR [--seconds N] [--seed N]      N seconds, else $STELE_FUZZ_SECONDS, else 20
//     fuzz_restore FILE ...                                   these inputs, as they are
//     fuzz_restore --make-corpus DIR                          writes the target's seeds
//
// An input may take kSecondsMax seconds and kBytesMax + kBytesPerByte * its length of memory. One that takes more, or that the
// target does not survive, is written to the working directory, and the exit code is not 0.

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include <fmt/format.h>

#include "tests/fuzz/fuzz.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STELE_COUNTS_MEMORY 0
#else
#define STELE_COUNTS_MEMORY 1
#endif

namespace {

std::atomic<std::int64_t> live_bytes{0};
std::atomic<std::int64_t> live_peak{0};

}  // namespace

#if STELE_COUNTS_MEMORY
// What is allocated goes through here, and on to the C library.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
void __libc_free(void* block);

static void* counted(void* block) {
  if (block == nullptr) return nullptr;
  const std::int64_t live = live_bytes += static_cast<std::int64_t>(malloc_usable_size(block));
  if (live > live_peak.load(std::memory_order_relaxed)) live_peak = live;
  return block;
}

void* malloc(std::size_t bytes) { return counted(__libc_malloc(bytes)); }
void* calloc(std::size_t count, std::size_t bytes) { return counted(__libc_calloc(count, bytes)); }
void* realloc(void* block, std::size_t bytes) {
  const auto before = block == nullptr ? 0 : static_cast<std::int64_t>(malloc_usable_size(block));
  void* const fresh = __libc_realloc(block, bytes);
  if (fresh != nullptr || bytes == 0) live_bytes -= before;
  return counted(fresh);
}
void free(void* block) {
  if (block != nullptr) live_bytes -= static_cast<std::int64_t>(malloc_usable_size(block));
  __libc_free(block);
}
}
#endif

// Of the sanitizers, where there is one.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace stele::fuzz {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kSecondsMax = 10;
constexpr std::int64_t kBytesMax = 64 << 20;
constexpr std::int64_t kBytesPerByte = 2048;
constexpr std::size_t kInputBytesMax = 32 * 1024;

const std::string* running = nullptr;  // the input that the target has now
char bad_input_path[256];

void save_running_input() {
  if (running == nullptr) return;
  const int fd = ::open(bad_input_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return;
  [[maybe_unused]] ssize_t done = ::write(fd, running->data(), running->size());
  ::close(fd);
  done = ::write(2, "the input is in ", 16);
  done = ::write(2, bad_input_path, std::strlen(bad_input_path));
  done = ::write(2, "\n", 1);
  running = nullptr;
}

void on_signal(int number) {
  if (number == SIGALRM) {
    [[maybe_unused]] const ssize_t done = ::write(2, "an input took too long\n", 23);
  }
  save_running_input();
  ::signal(number == SIGALRM ? SIGABRT : number, SIG_DFL);
  ::raise(number == SIGALRM ? SIGABRT : number);
}

void run(const std::string& input) {
  running = &input;
  const itimerval limit{.it_interval = {}, .it_value = {kSecondsMax, 0}}, none{};
  ::setitimer(ITIMER_REAL, &limit, nullptr);
  const std::int64_t before = live_bytes;
  live_peak = before;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  ::setitimer(ITIMER_REAL, &none, nullptr);
  const std::int64_t took = live_peak - before;
  if (took > kBytesMax + kBytesPerByte * static_cast<std::int64_t>(input.size())) {
    std::fprintf(stderr, "an input of %zu bytes took %lld bytes of memory\n", input.size(), static_cast<long long>(took));
    std::abort();
  }
  running = nullptr;
}

/// Changes of the kinds that parsers trip over.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string mutate(const std::vector<std::string>& corpus) {
    std::string input = corpus[below(corpus.size())];
    for (std::size_t changes = 1 + below(below(4) == 0 ? 12 : 3); changes > 0; --changes) change(input, corpus);
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }
  std::size_t some_length(std::size_t most) { return std::min(most, std::size_t{1} << below(11)); }

  void change(std::string& input, const std::vector<std::string>& corpus) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t rest = input.size() - at;
    switch (below(10)) {
      case 0:
        if (rest > 0) input[at] = static_cast<char>(input[at] ^ 1 << below(8));
        break;
      case 1:
        if (rest > 0) input[at] = static_cast<char>(random_());
        break;
      case 2:
        if (rest > 0) input[at] = kBytes[below(std::size(kBytes))];
        break;
      case 3: input.erase(at, below(some_length(rest) + 1)); break;
      case 4: {
        std::string bytes(1 + below(8), '\0');
        for (char& byte : bytes) byte = static_cast<char>(random_());
        input.insert(at, bytes);
        break;
      }
      case 5: input.insert(at, input.substr(below(input.size() + 1), some_length(256))); break;
      case 6: {
        const std::string& other = corpus[below(corpus.size())];
        const std::string piece = other.substr(below(other.size() + 1), some_length(1024));
        below(2) == 0 ? input.insert(at, piece) : input.replace(at, std::min(rest, piece.size()), piece);
        break;
      }
      case 7: put_number(input, at); break;
      case 8: put_digits(input, at); break;
      case 9:
        if (below(4) == 0) input.resize(at);
        break;
    }
  }

  /// In the place of what is there, of any width and in either order of bytes.
  void put_number(std::string& input, std::size_t at) {
    std::uint64_t number = kNumbers[below(std::size(kNumbers))] + below(3) - 1;
    const std::size_t width = std::size_t{1} << below(4);
    if (below(2) == 0) number = __builtin_bswap64(number) >> (64 - 8 * width);
    for (std::size_t i = 0; i < width && at + i < input.size(); ++i) input[at + i] = static_cast<char>(number >> 8 * i);
  }

  /// In the place of the next number in the text.
  void put_digits(std::string& input, std::size_t at) {
    const auto is_digit = [&](std::size_t i) { return input[i] >= '0' && input[i] <= '9'; };
    while (at < input.size() && !is_digit(at)) ++at;
    std::size_t end = at;
    while (end < input.size() && is_digit(end)) ++end;
    std::string text = std::to_string(kNumbers[below(std::size(kNumbers))] + below(3) - 1);
    if (below(4) == 0) text.insert(0, "-");
    input.replace(at, end - at, text);
  }

  static constexpr char kBytes[] = {0, 1, 2, 5, '\n', '\r', '#', '*', '$', '0', '9', ' ', '"', 0x3f, 0x40, 0x7f,
                                    static_cast<char>(0x80), static_cast<char>(0x81), static_cast<char>(0xc0),
                                    static_cast<char>(0xc3), static_cast<char>(0xf0), static_cast<char>(0xfe),
                                    static_cast<char>(0xff)};
  static constexpr std::uint64_t kNumbers[] = {0, 1, 12, 63, 64, 127, 128, 255, 256, 4096, 8192, 16383, 16384, 32767, 65535,
                                               1 << 20, (1u << 30), (1u << 31), 0xffffffff, std::uint64_t{1} << 40,
                                               std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0}};

  std::mt19937_64 random_;
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

int make_corpus(const fs::path& dir) {
  fs::create_directories(dir);
  for (const Seed& seed : seeds()) std::ofstream(dir / seed.name, std::ios::binary) << seed.bytes;
  return 0;
}

int fuzz(const fs::path& dir, double seconds, std::uint64_t seed) {
  std::vector<std::string> corpus;
  for (const auto& file : fs::directory_iterator(dir)) corpus.push_back(read(file.path()));
  std::sort(corpus.begin(), corpus.end());
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus in %s\n", dir.c_str());
    return 2;
  }
  std::printf("seed %llu, %zu inputs in the corpus\n", static_cast<unsigned long long>(seed), corpus.size());
  std::fflush(stdout);
  for (const std::string& input : corpus) run(input);
  Mutator mutator(seed);
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::uint64_t inputs = 0;
  for (; Clock::now() < end; ++inputs) run(mutator.mutate(corpus));
  std::printf("%llu mutated inputs\n", static_cast<unsigned long long>(inputs));
  return 0;
}

}  // namespace
}  // namespace stele::fuzz

int main(int argc, char** argv) {
  using namespace stele::fuzz;
  const char* const from_environment = std::getenv("STELE_FUZZ_SECONDS");
  double seconds = from_environment != nullptr ? std::atof(from_environment) : 20;
  std::uint64_t seed = std::random_device{}();
  std::string corpus;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_next = i + 1 < argc;
    if (word == "--make-corpus" && has_next) return make_corpus(argv[i + 1]);
    if (word == "--corpus" && has_next) {
      corpus = argv[++i];
    } else if (word == "--seconds" && has_next) {
      seconds = std::atof(argv[++i]);
    } else if (word == "--seed" && has_next) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      files.emplace_back(word);
    }
  }
  if (corpus.empty() && files.empty()) {
    std::fprintf(stderr, "usage: %s --corpus DIR [--seconds N] [--seed N] | FILE ... | --make-corpus DIR\n", argv[0]);
    return 2;
  }
  const std::string path = fmt::format("{}-{}.input", std::filesystem::path(argv[0]).filename().native(), ::getpid());
  std::strncpy(bad_input_path, path.c_str(), sizeof bad_input_path - 1);
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) ::signal(number, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(save_running_input);
  for (const std::string& file : files) run(read(file));
  return corpus.empty() ? 0 : fuzz(corpus, seconds, seed);
}
