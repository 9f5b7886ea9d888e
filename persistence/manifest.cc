#include "persistence/manifest.h"

#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace stele {
namespace {

constexpr std::size_t kLineBytesMax = 1024;  // with its LF: the buffer of stock servers

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Words as stock servers split them: bare, in double quotes with escapes, or in single quotes.
class WordSplitter {
 public:
  explicit WordSplitter(std::string_view line) : line_(line) {}

  /// nullopt if a quote does not end, or does not end its word.
  std::optional<std::vector<std::string>> split() {
    std::vector<std::string> words;
    while (true) {
      while (at_ < line_.size() && is_space(line_[at_])) ++at_;
      if (at_ == line_.size()) return words;
      std::string word;
      if (!read_word(word)) return std::nullopt;
      words.push_back(std::move(word));
    }
  }

 private:
  bool read_word(std::string& word) {
    while (at_ < line_.size() && !is_space(line_[at_])) {
      const char c = line_[at_++];
      if (c == '"' || c == '\'') {
        if (!read_quoted(word, c)) return false;
        return at_ == line_.size() || is_space(line_[at_]);
      }
      word.push_back(c);
    }
    return true;
  }

  bool read_quoted(std::string& word, char quote) {
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == quote) return true;
      if (c != '\\' || at_ == line_.size()) {
        word.push_back(c);
      } else if (quote == '\'') {
        // Only the quote itself is escaped between single quotes.
        if (line_[at_] == '\'') ++at_, word.push_back('\'');
        else word.push_back('\\');
      } else {
        read_escape(word);
      }
    }
    return false;
  }

  void read_escape(std::string& word) {
    const char c = line_[at_++];
    if (c == 'x' && at_ + 1 < line_.size() && hex_digit(line_[at_]) >= 0 && hex_digit(line_[at_ + 1]) >= 0) {
      word.push_back(static_cast<char>(hex_digit(line_[at_]) * 16 + hex_digit(line_[at_ + 1])));
      at_ += 2;
      return;
    }
    constexpr std::string_view kNames = "nrtba";
    constexpr std::string_view kBytes = "\n\r\t\b\a";
    const std::size_t i = kNames.find(c);
    word.push_back(i == std::string_view::npos ? c : kBytes[i]);
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

std::string quoted_if_needed(const std::string& name) {
  bool plain = true;
  for (const char c : name) plain = plain && std::isgraph(static_cast<unsigned char>(c)) && c != '"' && c != '\'' && c != '\\';
  if (plain) return name;
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (std::isprint(static_cast<unsigned char>(c))) {
      quoted += c;
    } else {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return quoted + '"';
}

std::string lowered(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word;
}

}  // namespace

Result<Manifest> Manifest::parse(std::string_view text) {
  if (text.empty()) return Status::corrupt("Found an empty AOF manifest");
  Manifest manifest;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t length = text.find('\n');
    if (length == std::string_view::npos) return Status::corrupt("Invalid AOF manifest file format: line {} has no end", number);
    if (length + 1 > kLineBytesMax) return Status::corrupt("The AOF manifest file contains too long line: line {} has more than {} bytes", number, kLineBytesMax);
    const std::string_view line = text.substr(0, length);
    text.remove_prefix(length + 1);
    if (line.empty() || line.front() != '#') STELE_CHECK(manifest.add_line(line, number));
  }
  return manifest;
}

Status Manifest::add_line(std::string_view line, std::size_t number) {
  const std::optional<std::vector<std::string>> words = WordSplitter(line).split();
  if (!words || words->size() < 6 || words->size() % 2 != 0) {
    return Status::corrupt("Invalid AOF manifest file format: line {} is not made of pairs with file, seq and type", number);
  }
  Entry entry;
  char type = 0;
  for (std::size_t i = 0; i < words->size(); i += 2) {
    const std::string key = lowered((*words)[i]);
    const std::string& value = (*words)[i + 1];
    if (key == "file") {
      entry.file = value;
    } else if (key == "seq") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), entry.seq);
      if (error != std::errc() || end != value.data() + value.size()) entry.seq = 0;
    } else if (key == "type") {
      type = value.empty() ? '\0' : value.front();
    }
  }
  if (entry.file.empty() || entry.seq == 0 || type == 0) {
    return Status::corrupt("Invalid AOF manifest file format: line {} lacks its file, type, or a seq greater than 0", number);
  }
  if (entry.file.find_first_of("/\\") != std::string::npos || entry.file == "." || entry.file == "..") {
    return Status::corrupt("Invalid AOF manifest file format: line {} names a path, not a file", number);
  }
  if (type != 'b' && type != 'i' && type != 'h') return Status::corrupt("Unknown AOF file type: line {} has {}", number, type);
  entry.type = static_cast<Type>(type);
  if (entry.type == Type::base && base()) return Status::corrupt("Found duplicate base file information: line {} names a second one", number);
  if (entry.type == Type::incr && entry.seq <= last_incr_seq()) {
    return Status::corrupt("Found a non-monotonic sequence number: line {} has {} after {}", number, entry.seq, last_incr_seq());
  }
  entries_.push_back(std::move(entry));
  return {};
}

std::string Manifest::text() const {
  // As stock servers write it: base, history, incr.
  std::string text;
  for (const Type type : {Type::base, Type::history, Type::incr}) {
    for (const Entry& entry : entries_) {
      if (entry.type != type) continue;
      text += fmt::format("file {} seq {} type {}\n", quoted_if_needed(entry.file), entry.seq, static_cast<char>(type));
    }
  }
  return text;
}

std::optional<Manifest::Entry> Manifest::base() const {
  for (const Entry& entry : entries_) {
    if (entry.type == Type::base) return entry;
  }
  return std::nullopt;
}

std::vector<Manifest::Entry> Manifest::incrs() const {
  std::vector<Entry> incrs;
  for (const Entry& entry : entries_) {
    if (entry.type == Type::incr) incrs.push_back(entry);
  }
  return incrs;
}

std::uint64_t Manifest::last_incr_seq() const {
  std::uint64_t last = 0;
  for (const Entry& entry : entries_) {
    if (entry.type == Type::incr) last = entry.seq;
  }
  return last;
}

void Manifest::add_incr(std::string file, std::uint64_t seq) {
  STELE_ASSERT(seq > last_incr_seq());
  entries_.push_back({.file = std::move(file), .seq = seq, .type = Type::incr});
}

void Manifest::set_base(std::string file, std::uint64_t seq) {
  drop_base();
  entries_.push_back({.file = std::move(file), .seq = seq, .type = Type::base});
}

void Manifest::drop_base() {
  for (Entry& entry : entries_) {
    if (entry.type == Type::base) entry.type = Type::history;
  }
}

void Manifest::retire(std::string_view file) {
  for (Entry& entry : entries_) {
    if (entry.type == Type::incr && entry.file == file) entry.type = Type::history;
  }
}

void Manifest::forget(std::string_view file) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.type == Type::history && entry.file == file; });
}

}  // namespace stele
