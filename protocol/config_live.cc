#include "protocol/config_live.h"

#include <algorithm>
#include <cctype>

namespace stele {
namespace {

constexpr const char* kSetFailed = "CONFIG SET failed (possibly related to argument '{}') - {}";

/// Reads one [...] of a pattern, `at` behind the bracket, and leaves `at` behind its end.
bool class_matches(std::string_view pattern, std::size_t& at, char c) {
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool matches = false;
  for (; at < pattern.size() && pattern[at] != ']'; ++at) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    char low = pattern[at];
    char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      high = pattern[at + 2];
      at += 2;
    }
    if (low > high) std::swap(low, high);
    matches = matches || (c >= low && c <= high);
  }
  if (at < pattern.size()) ++at;
  return matches != inverted;
}

/// The patterns of KEYS, over names in lower case. Backtracks to the last `*` only, so it stays quadratic at worst.
bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = pattern.npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    std::size_t next = p + 1;
    bool matches = false;
    if (p < pattern.size()) {
      if (pattern[p] == '*') {
        star = p++;
        star_text = t;
        continue;
      }
      if (pattern[p] == '?') {
        matches = true;
      } else if (pattern[p] == '[') {
        matches = class_matches(pattern, next, text[t]);
      } else {
        const bool escaped = pattern[p] == '\\' && p + 1 < pattern.size();
        matches = pattern[escaped ? p + 1 : p] == text[t];
        next = p + (escaped ? 2 : 1);
      }
    }
    if (matches) {
      p = next;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool is_listed(const Directive& directive) { return (directive.flags & kConfigFileOnly) == 0; }

}  // namespace

LiveConfig::LiveConfig(LoadedConfig loaded)
    : config_(std::move(loaded.config)),
      file_(std::move(loaded.file)),
      from_includes_(std::move(loaded.from_includes)) {}

void LiveConfig::on_change(std::vector<std::string_view> names, Observer observer) {
  Registration registration;
  for (const std::string_view name : names) {
    registration.directives.push_back(find_directive(name));
    STELE_ASSERT(registration.directives.back() != nullptr);
  }
  registration.observer = std::move(observer);
  registrations_.push_back(std::move(registration));
}

std::vector<std::pair<std::string_view, std::string>> LiveConfig::get(
    std::span<const std::string_view> patterns) const {
  std::map<std::string_view, const Directive*> matches;
  for (const std::string_view pattern : patterns) {
    std::string lowered(pattern);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const Directive& directive : directives()) {
      if (!is_listed(directive)) continue;
      for (const std::string_view name : {directive.name, directive.alias}) {
        if (name.empty()) continue;
        const bool hidden = (directive.flags & kConfigHidden) != 0;
        if (lowered == name || (!hidden && glob_matches(lowered, name))) matches.emplace(name, &directive);
      }
    }
  }
  std::vector<std::pair<std::string_view, std::string>> pairs;
  pairs.reserve(matches.size());
  for (const auto& [name, directive] : matches) {
    pairs.emplace_back(name, format_config_value(*directive, config_value(*directive, config_)));
  }
  return pairs;
}

Status LiveConfig::set(std::span<const Setting> settings, bool protected_allowed) {
  Config next = config_;
  std::set<const Directive*> changed;
  STELE_CHECK(parse_all(settings, protected_allowed, next, changed));
  std::swap(config_, next);
  return notify(changed, next);
}

bool LiveConfig::is_own_and_unchanged(const Directive& directive, std::string_view value) const {
  if ((directive.flags & kConfigOwn) == 0) return false;
  const ConfigValue now = config_value(directive, config_);
  const Result<ConfigValue> parsed = parse_config_value(directive, words_of_argument(directive, value), now);
  return parsed.ok() && *parsed == now;
}

Status LiveConfig::parse_all(std::span<const Setting> settings, bool protected_allowed, Config& next,
                             std::set<const Directive*>& changed) const {
  // What may be set at all comes before any value, so that the first complaint is about the more basic mistake.
  std::set<std::string> names;
  for (const auto& [name, value] : settings) {
    const Directive* directive = find_directive(name);
    if (directive == nullptr || !is_listed(*directive)) {
      return Status::invalid("Unknown option or number of arguments for CONFIG SET - '{}'", name);
    }
    if ((directive->flags & kConfigImmutable) != 0 && !is_own_and_unchanged(*directive, value)) {
      return Status::invalid(kSetFailed, name, "can't set immutable config");
    }
    if ((directive->flags & kConfigProtected) != 0 && !protected_allowed) {
      return Status::invalid(kSetFailed, name, "can't set protected config");
    }
    // An old and a new name of one directive may stand together; the later one wins.
    std::string lowered(name);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!names.insert(std::move(lowered)).second) return Status::invalid(kSetFailed, name, "duplicate parameter");
  }
  for (const auto& [name, value] : settings) {
    const Directive& directive = *find_directive(name);
    const ConfigValue before = config_value(directive, next);
    Result<ConfigValue> parsed = parse_config_value(directive, words_of_argument(directive, value), before);
    if (!parsed.ok()) return Status::invalid(kSetFailed, name, parsed.status().message());
    if ((directive.flags & kConfigAbsent) != 0 && *parsed != before && *parsed != config_default(directive)) {
      return Status::invalid(kSetFailed, name, "this server cannot do that");
    }
    if (*parsed != before) changed.insert(&directive);
    set_config_value(directive, next, *std::move(parsed));
  }
  return {};
}

Status LiveConfig::notify(const std::set<const Directive*>& changed, const Config& before) {
  std::vector<const Registration*> called;
  for (const Registration& registration : registrations_) {
    const auto concerns = [&](const Directive* directive) { return changed.contains(directive); };
    const auto first = std::find_if(registration.directives.begin(), registration.directives.end(), concerns);
    if (first == registration.directives.end()) continue;
    called.push_back(&registration);
    const Status status = registration.observer(config_);
    if (status.ok()) continue;

    const Status failure = Status::invalid(kSetFailed, (*first)->name, status.message());
    config_ = before;
    for (auto undo = called.rbegin(); undo != called.rend(); ++undo) {
      if (const Status undone = (*undo)->observer(config_); !undone.ok()) {
        return Status::invalid("{} (and going back failed: {})", failure.message(), undone.message());
      }
    }
    return failure;
  }
  return {};
}

}  // namespace stele
