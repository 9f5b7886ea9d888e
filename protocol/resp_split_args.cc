#include "protocol/resp_split_args.h"

namespace stele {

namespace {

// isspace() of the C locale, whatever the process has set.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Reads arguments from the front of a line, one at a time.
class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line.substr(0, line.find('\0'))) {}

  bool at_end() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty();
  }

  std::optional<std::string> next() {
    std::string arg;
    while (!rest_.empty()) {
      const char c = take();
      switch (c) {
        case ' ':
        case '\n':
        case '\r':
        case '\t':
          return arg;
        case '"':
          if (!double_quoted(arg)) return std::nullopt;
          return arg;
        case '\'':
          if (!single_quoted(arg)) return std::nullopt;
          return arg;
        default:
          arg.push_back(c);  // \v and \f too: they separate arguments but do not end one
      }
    }
    return arg;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  bool closed_properly() const { return rest_.empty() || is_space(rest_.front()); }

  bool double_quoted(std::string& arg) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return closed_properly();
      if (c == '\\' && !rest_.empty()) {
        arg.push_back(escaped());
      } else {
        arg.push_back(c);
      }
    }
    return false;
  }

  bool single_quoted(std::string& arg) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '\'') return closed_properly();
      if (c == '\\' && !rest_.empty() && rest_.front() == '\'') {
        arg.push_back(take());
      } else {
        arg.push_back(c);
      }
    }
    return false;
  }

  char escaped() {
    const char c = take();
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'b':
        return '\b';
      case 'a':
        return '\a';
      case 'x':
        if (rest_.size() >= 2 && hex_value(rest_[0]) >= 0 && hex_value(rest_[1]) >= 0) {
          const int byte = hex_value(rest_[0]) * 16 + hex_value(rest_[1]);
          rest_.remove_prefix(2);
          return static_cast<char>(byte);
        }
        return c;
      default:
        return c;
    }
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<std::string>> split_args(std::string_view line) {
  std::vector<std::string> args;
  for (Splitter splitter(line); !splitter.at_end();) {
    std::optional<std::string> arg = splitter.next();
    if (!arg) return std::nullopt;
    args.push_back(std::move(*arg));
  }
  return args;
}

}  // namespace stele
