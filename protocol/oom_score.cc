#include "protocol/oom_score.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace stele {

namespace {

constexpr const char* kFile = "/proc/self/oom_score_adj";
constexpr int kLimit = 1000;  // the kernel's

Status write_score(int score) {
  errno = 0;
  std::ofstream file(kFile);
  file << score << std::flush;
  if (file.good()) return Status();
  return Status::io("cannot write {} to {}: {}", score, kFile, std::strerror(errno));
}

std::optional<int> read_score() {
  std::ifstream file(kFile);
  int score = 0;
  if (file >> score) return score;
  return std::nullopt;
}

}  // namespace

Status OomScore::apply(const Config& config) {
  if (config.oom_score_adj == OomScoreAdj::no) {
    if (!before_) return Status();
    const int before = *before_;
    before_.reset();
    return write_score(before);
  }
  const std::optional<int> before = before_ ? before_ : read_score();
  if (!before) return Status::io("cannot read {}", kFile);
  int score = std::atoi(config.oom_score_adj_values[0].c_str());
  if (config.oom_score_adj != OomScoreAdj::absolute) score += *before;
  STELE_CHECK(write_score(std::clamp(score, -kLimit, kLimit)));
  before_ = before;
  return Status();
}

}  // namespace stele
