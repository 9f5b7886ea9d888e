// The low-level SHA1 functions: the others look the algorithm up each time, which costs more than hashing a script.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "engine/reclaimer.h"
#include "protocol/scripting/script_cache.h"

namespace stele {

std::string sha1_hex(std::string_view bytes) {
  SHA_CTX context;
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1_Init(&context);
  SHA1_Update(&context, bytes.data(), bytes.size());
  SHA1_Final(digest, &context);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : digest) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

ScriptCache::ScriptCache(Scripting& host)
    : host_(host), sandbox_(std::make_unique<LuaSandbox>(LuaSandbox::Kind::scripts, host)) {}

const ScriptCache::Script* ScriptCache::find_by_body(std::string_view body) const {
  const auto found = by_body_.find(body);
  return found == by_body_.end() ? nullptr : found->second;
}

const ScriptCache::Script* ScriptCache::find_by_sha(std::string_view sha) const {
  static constexpr std::size_t kShaBytes = 40;
  if (sha.size() != kShaBytes) return nullptr;
  char lower[kShaBytes];
  for (std::size_t i = 0; i < kShaBytes; ++i) lower[i] = to_lower(sha[i]);
  const auto found = by_sha_.find(std::string_view(lower, kShaBytes));
  return found == by_sha_.end() ? nullptr : found->second.get();
}

const ScriptCache::Script* ScriptCache::load(std::string_view body, std::string& error) {
  if (const Script* known = find_by_body(body)) return known;
  const Result<ScriptHead> head = parse_script_head(body);
  if (!head.ok()) {
    error = "ERR " + head.status().message();
    return nullptr;
  }
  auto script = std::make_unique<Script>();
  script->sha = sha1_hex(body);
  script->body = body;
  script->flags = head->flags;
  // From the end of the first line on: so line numbers stay right.
  error = sandbox_->compile(body.substr(head->bytes), "@user_script");
  if (!error.empty()) {
    error = "ERR Error compiling script (new function): " + error;
    return nullptr;
  }
  script->function = luaL_ref(sandbox_->state(), LUA_REGISTRYINDEX);
  const Script* const added = script.get();
  script_bytes_ += sizeof(Script) + 2 * (script->sha.size() + script->body.size());
  by_body_.emplace(added->body, added);
  by_sha_.emplace(added->sha, std::move(script));
  return added;
}

void ScriptCache::flush(Reclaimer* in_background) {
  by_body_.clear();
  auto scripts = std::make_shared<decltype(by_sha_)>(std::exchange(by_sha_, {}));
  std::shared_ptr<LuaSandbox> sandbox = std::exchange(sandbox_, std::make_unique<LuaSandbox>(LuaSandbox::Kind::scripts, host_));
  script_bytes_ = 0;
  if (in_background == nullptr) return;
  const std::size_t objects = scripts->size();
  in_background->submit([scripts = std::move(scripts), sandbox = std::move(sandbox)]() mutable {
    scripts.reset();
    sandbox.reset();
  }, objects);
}

}  // namespace stele
