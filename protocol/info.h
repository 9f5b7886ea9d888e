#pragma once

#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "engine/call.h"

namespace stele {

/// What INFO replies with for `sections` (none: the default ones): "# Server", lines "name:value", an empty line, and so
/// on. Names of fields are those that Redis' tools and exporters read; what stele alone has is in the section "Stele".
std::string info_text(Environment& environment, std::span<const std::string_view> sections);

/// Collects the lines of one section after the other.
class InfoText {
 public:
  void begin(std::string_view section) {
    if (!text_.empty()) text_ += "\r\n";
    fmt::format_to(std::back_inserter(text_), "# {}\r\n", section);
  }
  template <typename T>
  void add(std::string_view name, const T& value) {
    fmt::format_to(std::back_inserter(text_), "{}:{}\r\n", name, value);
  }
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += "\r\n";
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// "1.04M", as Redis shortens bytes for people.
std::string human_bytes(std::uint64_t bytes);

// The sections that take a file of their own.
void add_memory(InfoText& info, Environment& environment);       // info_memory.cc
void add_persistence(InfoText& info, Environment& environment);  // info_persistence.cc
void add_stele(InfoText& info, Environment& environment);

}  // namespace stele
