#include "engine/function_libraries.h"

#include <algorithm>

#include "protocol/resp_split_args.h"
#include "protocol/resp_text.h"

namespace stele {

const std::string* FunctionLibraries::find(std::string_view name) const {
  const auto found = code_by_name_.find(name);
  return found == code_by_name_.end() ? nullptr : &found->second;
}

void FunctionLibraries::set(std::string_view name, std::string_view code) {
  code_by_name_.insert_or_assign(std::string(name), std::string(code));
}

bool FunctionLibraries::erase(std::string_view name) {
  const auto found = code_by_name_.find(name);
  if (found == code_by_name_.end()) return false;
  code_by_name_.erase(found);
  return true;
}

std::string FunctionLibraries::label_lines() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const auto& [name, code] : code_by_name_) {
    out += "library " + name + " ";
    out.reserve(out.size() + 2 * code.size() + 1);
    for (const char c : code) {
      const auto byte = static_cast<unsigned char>(c);
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
    out += '\n';
  }
  return out;
}

Status FunctionLibraries::restore(std::string_view name, std::string_view hex_code) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  if (!is_function_name(name) || hex_code.empty() || hex_code.size() % 2 != 0) {
    return Status::corrupt("checkpoint label: malformed library");
  }
  std::string code;
  code.reserve(hex_code.size() / 2);
  for (std::size_t i = 0; i < hex_code.size(); i += 2) {
    const int high = digit(hex_code[i]), low = digit(hex_code[i + 1]);
    if (high < 0 || low < 0) return Status::corrupt("checkpoint label: malformed source of library '{}'", name);
    code += static_cast<char>(high * 16 + low);
  }
  set(name, code);
  return Status();
}

bool is_function_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

Result<LibraryHead> parse_library_head(std::string_view code) {
  if (!code.starts_with("#!")) return Status::invalid("Missing library metadata");
  const std::size_t end = code.find('\n');
  if (end == std::string_view::npos) return Status::invalid("Invalid library metadata");
  const auto words = split_args(code.substr(0, end));
  if (!words || words->empty() || words->front().size() < 2) return Status::invalid("Invalid library metadata");

  LibraryHead head;
  head.bytes = end;
  head.engine = words->front().substr(2);
  for (std::size_t i = 1; i < words->size(); ++i) {
    const std::string& word = (*words)[i];
    static constexpr std::string_view kName = "name=";
    if (word.size() < kName.size() || !equals_ignoring_case(std::string_view(word).substr(0, kName.size()), kName)) {
      return Status::invalid("Invalid metadata value given: {}", word);
    }
    if (!head.name.empty()) return Status::invalid("Invalid metadata value, name argument was given multiple times");
    head.name = word.substr(kName.size());
    if (head.name.empty()) {
      return Status::invalid("Library names can only contain letters, numbers, or underscores(_) and must be at least one "
                             "character long");
    }
  }
  if (head.name.empty()) return Status::invalid("Library name was not given");
  return head;
}

}  // namespace stele
