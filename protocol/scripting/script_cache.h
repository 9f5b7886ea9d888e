#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocol/resp_text.h"
#include "protocol/scripting/lua_sandbox.h"
#include "protocol/scripting/script_flags.h"

namespace stele {

class Reclaimer;

/// 40 hex digits.
std::string sha1_hex(std::string_view bytes);

/// Compiled scripts, by their SHA1 and by their text: EVAL of a text that was seen before needs no SHA1.
/// Threads: the executor.
class ScriptCache {
 public:
  struct Script {
    std::string sha;
    std::string body;
    int function = LUA_NOREF;  // in the sandbox's registry
    ScriptFlags flags;
  };

  explicit ScriptCache(Scripting& host);

  const Script* find_by_body(std::string_view body) const;
  /// In any case of letters.
  const Script* find_by_sha(std::string_view sha) const;
  /// Compiles `body` unless it is known. An error reply in `error` and null if it cannot be.
  const Script* load(std::string_view body, std::string& error);
  void flush(Reclaimer* in_background);

  LuaSandbox& sandbox() { return *sandbox_; }
  std::size_t size() const { return by_sha_.size(); }
  std::size_t script_bytes() const { return script_bytes_; }

 private:
  Scripting& host_;
  std::unique_ptr<LuaSandbox> sandbox_;
  std::unordered_map<std::string, std::unique_ptr<Script>, TextHash, std::equal_to<>> by_sha_;
  std::unordered_map<std::string_view, const Script*> by_body_;  // keys are the scripts'
  std::size_t script_bytes_ = 0;
};

}  // namespace stele
