#include "engine/feed_cursors.h"

#include <charconv>
#include <optional>
#include <sstream>

#include <fmt/format.h>

namespace stele {

namespace {

constexpr std::string_view kWord = "stele-cursor ";

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(byte));
  return out;
}

std::optional<std::string> bytes_of(std::string_view hex) {
  if (hex.empty() || hex.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned char byte = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    if (error != std::errc() || end != hex.data() + i + 2) return std::nullopt;
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

std::string words_of(std::string_view name, const FeedCursor& cursor) {
  return fmt::format("{} {} {} {}", hex_of(name), cursor.offset, cursor.replid, cursor.moved_at.ms());
}

}  // namespace

const FeedCursor* FeedCursors::find(std::string_view name) const {
  const auto found = cursors_.find(name);
  return found == cursors_.end() ? nullptr : &found->second;
}

void FeedCursors::set(std::string_view name, FeedCursor cursor) { cursors_.insert_or_assign(std::string(name), std::move(cursor)); }

bool FeedCursors::erase(std::string_view name) {
  const auto found = cursors_.find(name);
  if (found == cursors_.end()) return false;
  cursors_.erase(found);
  return true;
}

std::string FeedCursors::message(std::string_view name, const FeedCursor& cursor) { return std::string(kWord) + words_of(name, cursor); }

std::string FeedCursors::message_of_removal(std::string_view name) { return std::string(kWord) + hex_of(name); }

bool FeedCursors::take(std::string_view text) {
  if (!text.starts_with(kWord)) return false;
  std::istringstream words{std::string(text.substr(kWord.size()))};
  std::string name, replid, rest;
  std::uint64_t offset = 0;
  std::int64_t moved_at = 0;
  words >> name;
  const std::optional<std::string> bytes = bytes_of(name);
  if (!bytes || bytes->size() > kNameBytesMax) return false;
  if (words.eof()) {
    erase(*bytes);
    return true;
  }
  words >> offset >> replid >> moved_at;
  if (words.fail() || replid.size() != 40 || words >> rest) return false;
  if (cursors_.size() >= kCountMax && find(*bytes) == nullptr) return false;
  set(*bytes, {.offset = Offset(offset), .replid = replid, .moved_at = UnixTime(moved_at)});
  return true;
}

std::string FeedCursors::label_lines() const {
  std::string out;
  for (const auto& [name, cursor] : cursors_) out += "cursor " + words_of(name, cursor) + '\n';
  return out;
}

}  // namespace stele
