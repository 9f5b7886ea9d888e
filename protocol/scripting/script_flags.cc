#include "protocol/scripting/script_flags.h"

#include "protocol/resp_split_args.h"

namespace stele {

namespace {

struct Row {
  std::string_view name;
  bool ScriptFlags::* member;
};

constexpr Row kRows[] = {
    {"no-writes", &ScriptFlags::no_writes},
    {"allow-oom", &ScriptFlags::allow_oom},
    {"allow-stale", &ScriptFlags::allow_stale},
    {"no-cluster", &ScriptFlags::no_cluster},
    {"allow-cross-slot-keys", &ScriptFlags::allow_cross_slot_keys},
};

}  // namespace

bool ScriptFlags::set(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name != name) continue;
    this->*row.member = true;
    return true;
  }
  return false;
}

std::vector<std::string_view> ScriptFlags::names() const {
  std::vector<std::string_view> out;
  for (const Row& row : kRows) {
    if (this->*row.member) out.push_back(row.name);
  }
  return out;
}

Result<ScriptHead> parse_script_head(std::string_view body) {
  ScriptHead head;
  if (!body.starts_with("#!")) return head;
  head.flags.declared = true;
  head.bytes = body.find('\n');
  if (head.bytes == std::string_view::npos) return Status::invalid("Invalid script shebang");
  const auto words = split_args(body.substr(0, head.bytes));
  if (!words || words->empty()) return Status::invalid("Invalid engine in script shebang");
  if (words->front() != "#!lua") return Status::invalid("Unexpected engine in script shebang: {}", words->front());
  for (std::size_t i = 1; i < words->size(); ++i) {
    static constexpr std::string_view kFlags = "flags=";
    std::string_view word = (*words)[i];
    if (!word.starts_with(kFlags)) return Status::invalid("Unknown lua shebang option: {}", word);
    word.remove_prefix(kFlags.size());
    while (!word.empty()) {
      const std::size_t comma = word.find(',');
      const std::string_view flag = word.substr(0, comma);
      if (!head.flags.set(flag)) return Status::invalid("Unexpected flag in script shebang: {}", flag);
      if (comma == std::string_view::npos) break;
      word.remove_prefix(comma + 1);
      if (word.empty()) return Status::invalid("Unexpected flag in script shebang: ");
    }
  }
  return head;
}

}  // namespace stele
