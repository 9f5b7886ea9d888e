#include "protocol/acl/user.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>

#include "protocol/acl/key_access.h"

namespace stele {

namespace {

constexpr std::size_t kHashDigits = 2 * SHA256_DIGEST_LENGTH;

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string password_hash(std::string_view password) {
  unsigned char bytes[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(password.data()), password.size(), bytes);
  std::string hash;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(hash), "{:02x}", byte);
  return hash;
}

bool is_user_name(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](unsigned char c) { return c == 0 || std::isspace(c) != 0; });
}

std::string_view shown_rule(std::string_view rule) {
  return rule.find_first_of("><#!") == 0 ? rule.substr(0, 1) : rule;
}

std::optional<std::vector<std::string>> join_selectors(std::span<const std::string_view> words, std::string& unclosed) {
  std::vector<std::string> rules;
  bool open = false;
  for (const std::string_view word : words) {
    if (open) {
      rules.back() += ' ';
      rules.back() += word;
    } else {
      rules.emplace_back(word);
      open = word.starts_with('(');
    }
    if (open && word.ends_with(')')) open = false;
  }
  if (!open) return rules;
  unclosed = rules.back();
  return std::nullopt;
}

AclUser::AclUser(std::string name, bool all_channels) : name_(std::move(name)), selectors_{Selector(all_channels)} {}

RuleError AclUser::apply(std::string_view rule, const CommandRegistry* commands, bool all_channels) {
  const auto is = [rule](std::string_view name) { return equals_ignoring_case(rule, name); };
  RuleError error = RuleError::none;
  if (rule.empty()) return error;
  if (is("on") || is("off")) {
    enabled_ = is("on");
  } else if (is("nopass")) {
    nopass_ = true;
    password_hashes_.clear();
  } else if (is("resetpass")) {
    nopass_ = false;
    password_hashes_.clear();
  } else if (is("sanitize-payload") || is("skip-sanitize-payload")) {
    sanitizes_payload_ = is("sanitize-payload");
  } else if (is("clearselectors")) {
    selectors_.resize(1, Selector(false));
  } else if (is("reset")) {
    *this = AclUser(name_, all_channels);
  } else if (rule.front() == '>') {
    add_password(password_hash(rule.substr(1)));
  } else if (rule.front() == '#') {
    if (!is_hash(rule.substr(1))) return RuleError::bad_hash;
    add_password(std::string(rule.substr(1)));
  } else if (rule.front() == '<') {
    return remove_password(password_hash(rule.substr(1)));
  } else if (rule.front() == '!') {
    if (!is_hash(rule.substr(1))) return RuleError::bad_hash;
    return remove_password(rule.substr(1));
  } else if (rule.front() == '(') {
    error = apply_selector(rule, commands, all_channels);
  } else {
    error = root().apply(rule, commands);
  }
  unrestricted_ = root().unrestricted();
  return error;
}

RuleError AclUser::apply_selector(std::string_view rule, const CommandRegistry* commands, bool all_channels) {
  if (rule.back() != ')' || rule.size() < 2) return RuleError::syntax;
  Selector selector(all_channels);
  std::string_view rest = rule.substr(1, rule.size() - 2);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0) {
      if (const RuleError error = selector.apply(rest.substr(0, end), commands); error != RuleError::none) return error;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  selectors_.push_back(std::move(selector));
  return RuleError::none;
}

void AclUser::add_password(std::string hash) {
  nopass_ = false;
  if (std::find(password_hashes_.begin(), password_hashes_.end(), hash) == password_hashes_.end()) {
    password_hashes_.push_back(std::move(hash));
  }
}

RuleError AclUser::remove_password(std::string_view hash) {
  return std::erase(password_hashes_, hash) == 0 ? RuleError::no_such_password : RuleError::none;
}

bool AclUser::has_password(std::string_view password) const {
  if (nopass_) return true;
  const std::string hash = password_hash(password);
  bool found = false;
  for (const std::string& known : password_hashes_) {
    found |= CRYPTO_memcmp(known.data(), hash.data(), kHashDigits) == 0;
  }
  return found;
}

std::vector<std::string_view> AclUser::flags() const {
  std::vector<std::string_view> flags{enabled_ ? "on" : "off"};
  if (nopass_) flags.push_back("nopass");
  flags.push_back(sanitizes_payload_ ? "sanitize-payload" : "skip-sanitize-payload");
  return flags;
}

std::string AclUser::text() const {
  std::string text;
  for (const std::string_view flag : flags()) text.append(flag) += ' ';
  for (const std::string& hash : password_hashes_) fmt::format_to(std::back_inserter(text), "#{} ", hash);
  text += selectors_.front().text();
  for (std::size_t i = 1; i < selectors_.size(); ++i) {
    fmt::format_to(std::back_inserter(text), " ({})", selectors_[i].text());
  }
  return text;
}

Verdict AclUser::check(const RegisteredCommand& command, std::span<const std::string_view> args,
                       std::vector<KeyPosition>& keys) const {
  if (unrestricted_) return {};
  keys.clear();
  // Keys that were found before the arguments turned out wrong are checked like others; the command then fails by itself.
  key_accesses(command, args, keys);
  Verdict worst;
  for (const Selector& selector : selectors_) {
    const Verdict verdict = selector.check(command, args, keys);
    if (verdict.allowed()) return verdict;
    if (verdict.denial > worst.denial || (verdict.denial == worst.denial && verdict.position > worst.position)) {
      worst = verdict;
    }
  }
  return worst;
}

bool AclUser::reads_every_key(const RegisteredCommand& command, std::span<const std::string_view> args) const {
  if (unrestricted_) return true;
  std::vector<KeyPosition> keys;
  key_accesses(command, args, keys);
  return std::any_of(selectors_.begin(), selectors_.end(), [&](const Selector& selector) {
    return selector.allows_every_key(kMayRead) && selector.check(command, args, keys).allowed();
  });
}

}  // namespace stele
