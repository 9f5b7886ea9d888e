#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace stele {

/// One member of a large sorted set, in one allocation that the ranked tree and the member table both point to:
///
///     0   8  score
///     8   4  bytes of text
///     12     text
///
/// Owned by the Zset that made it.
class Member {
 public:
  static Member* make(std::string_view text, double score) {
    void* const place = std::malloc(kTextAt + text.size());
    if (place == nullptr) throw std::bad_alloc();
    Member* const member = new (place) Member(score, static_cast<std::uint32_t>(text.size()));
    if (!text.empty()) std::memcpy(member->data(), text.data(), text.size());
    return member;
  }
  static void destroy(Member* member) { std::free(member); }

  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  double score() const { return score_; }
  void set_score(double score) { score_ = score; }
  std::string_view text() const { return {reinterpret_cast<const char*>(this) + kTextAt, bytes_}; }

  /// What the allocator takes for one, about.
  static std::size_t allocated_bytes(std::size_t text_bytes) { return (kTextAt + text_bytes + 15) / 16 * 16; }

 private:
  static constexpr std::size_t kTextAt = 12;

  Member(double score, std::uint32_t bytes) : score_(score), bytes_(bytes) {}
  char* data() { return reinterpret_cast<char*>(this) + kTextAt; }

  double score_;
  std::uint32_t bytes_;
};

}  // namespace stele
