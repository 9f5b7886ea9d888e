#include "protocol/command_syntax.h"

#include "protocol/resp_text.h"

namespace stele {

namespace {

using Type = SyntaxArgument::Type;

constexpr std::string_view kTypeNames[] = {"string",    "integer",    "double", "key",  "pattern",
                                           "unix-time", "pure-token", "oneof",  "block"};

std::optional<Type> type_of_name(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kTypeNames); ++i) {
    if (kTypeNames[i] == name) return static_cast<Type>(i);
  }
  return std::nullopt;
}

class SyntaxParser {
 public:
  SyntaxParser(std::string_view text, int key_specs) : rest_(text), key_specs_(key_specs) {}

  std::optional<std::vector<SyntaxArgument>> parse() {
    std::vector<SyntaxArgument> arguments = sequence();
    if (!rest_.empty() || failed_) return std::nullopt;
    return arguments;
  }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool at_token() const { return !rest_.empty() && ((rest_[0] >= 'A' && rest_[0] <= 'Z') || rest_[0] == '"'); }
  bool at_group() const { return !rest_.empty() && (rest_[0] == '(' || rest_[0] == '[' || rest_[0] == '{'); }
  bool at_word() const { return !rest_.empty() && !at_token() && rest_.find_first_of("()[]{}| =") != 0; }

  std::vector<SyntaxArgument> sequence() {
    std::vector<SyntaxArgument> items;
    if (rest_.empty()) return items;
    do {
      items.push_back(item());
    } while (!failed_ && take(" "));
    return items;
  }

  SyntaxArgument item() {
    // A name is what stands before '=' without anything else in between; quotes hold the token "=".
    std::string name;
    const std::size_t end = rest_.find_first_of("()[]{}|\" =");
    if (end != rest_.npos && end > 0 && rest_[end] == '=') {
      name = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
    }
    SyntaxArgument argument;
    if (at_token()) {
      argument = with_token();
    } else if (at_group()) {
      argument = group();
    } else if (at_word()) {
      argument = word();
    } else {
      failed_ = true;
    }
    if (!name.empty()) argument.name = name;
    if (take("+...")) {
      argument.multiple = argument.multiple_token = true;
    } else if (take("...")) {
      argument.multiple = true;
    }
    return argument;
  }

  SyntaxArgument with_token() {
    std::string token;
    if (take("\"")) {
      const std::size_t end = std::min(rest_.find('"'), rest_.size());
      token = rest_.substr(0, end);
      rest_.remove_prefix(end);
      failed_ |= !take("\"");
    } else {
      const std::size_t end = std::min(rest_.find_first_of(" |)]}.+"), rest_.size());
      token = rest_.substr(0, end);
      rest_.remove_prefix(end);
    }
    SyntaxArgument argument;
    if (rest_.starts_with(' ')) {
      const std::string_view before = rest_;
      rest_.remove_prefix(1);
      const std::size_t end = rest_.find_first_of("()[]{}|\" =");
      const bool names_optional = end != rest_.npos && rest_[end] == '=' && rest_.substr(end + 1).starts_with('[');
      if (!names_optional && (at_word() || rest_.starts_with('(') || rest_.starts_with('{'))) {
        argument = item();
        argument.token = std::move(token);
        return argument;
      }
      rest_ = before;
    }
    argument.type = Type::pure_token;
    argument.name = to_lower(token);
    argument.token = std::move(token);
    return argument;
  }

  SyntaxArgument word() {
    const std::size_t end = std::min(rest_.find_first_of("()[]{}| +"), rest_.size());
    std::string_view text = rest_.substr(0, end);
    if (const std::size_t dots = text.find("..."); dots != text.npos) text = text.substr(0, dots);
    rest_.remove_prefix(text.size());
    SyntaxArgument argument;
    std::string_view spec;
    if (const std::size_t at = text.find('@'); at != text.npos) {
      spec = text.substr(at + 1);
      text = text.substr(0, at);
    }
    // "ip:port" is a name: what follows a colon counts as a type only if it is one.
    const std::size_t colon = text.rfind(':');
    const auto type = colon == text.npos ? std::nullopt : type_of_name(text.substr(colon + 1));
    argument.name = type ? text.substr(0, colon) : text;
    argument.type = type ? *type : text == "key" ? Type::key : Type::string;
    if (argument.type == Type::key) {
      argument.key_spec = std::min(next_key_spec_++, key_specs_ - 1);
    }
    if (spec == "-") {
      argument.key_spec = -1;
    } else if (!spec.empty()) {
      argument.key_spec = spec[0] - '0';
    }
    failed_ |= argument.name.empty();
    return argument;
  }

  SyntaxArgument group() {
    const char open = rest_[0];
    rest_.remove_prefix(1);
    std::vector<std::vector<SyntaxArgument>> alternatives;
    do {
      alternatives.push_back(sequence());
    } while (!failed_ && take("|"));
    failed_ |= !take(open == '(' ? ")" : open == '[' ? "]" : "}");
    SyntaxArgument argument;
    if (failed_ || alternatives.front().empty()) {
      failed_ = true;
      return argument;
    }
    if (alternatives.size() > 1) {
      argument.type = Type::oneof;
      for (auto& items : alternatives) argument.arguments.push_back(as_one(std::move(items), false));
      argument.name = joined_names(argument.arguments);
    } else {
      argument = as_one(std::move(alternatives.front()), open == '{');
    }
    if (open == '[') argument.optional = true;
    return argument;
  }

  static SyntaxArgument as_one(std::vector<SyntaxArgument> items, bool always_block) {
    if (items.size() == 1 && !always_block) return std::move(items.front());
    SyntaxArgument block;
    block.type = Type::block;
    block.name = joined_names(items);
    block.arguments = std::move(items);
    return block;
  }

  static std::string joined_names(const std::vector<SyntaxArgument>& arguments) {
    std::string name;
    for (const SyntaxArgument& argument : arguments) name += (name.empty() ? "" : "_") + argument.name;
    return name;
  }

  std::string_view rest_;
  const int key_specs_;
  int next_key_spec_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<std::vector<SyntaxArgument>> parse_syntax(std::string_view syntax, int key_specs) {
  return SyntaxParser(syntax, key_specs).parse();
}

void reply_with_arguments(RespWriter& reply, const std::vector<SyntaxArgument>& arguments) {
  reply.array(arguments.size());
  for (const SyntaxArgument& argument : arguments) {
    const bool nests = argument.type == Type::oneof || argument.type == Type::block;
    const bool flagged = argument.optional || argument.multiple;
    std::size_t pairs = 3;  // name, type, and what it shows or consists of
    pairs += (argument.key_spec >= 0 ? 1 : 0) + (argument.token ? 1 : 0) + (flagged ? 1 : 0);
    reply.map(pairs);
    const auto text = [&reply](std::string_view name, std::string_view value) {
      reply.bulk(name);
      reply.bulk(value);
    };
    text("name", argument.name);
    text("type", kTypeNames[static_cast<std::size_t>(argument.type)]);
    if (!nests) text("display_text", argument.name);
    if (argument.key_spec >= 0) {
      reply.bulk("key_spec_index");
      reply.integer(argument.key_spec);
    }
    if (argument.token) text("token", *argument.token);
    if (flagged) {
      reply.bulk("flags");
      reply.set((argument.optional ? 1 : 0) + (argument.multiple ? 1 : 0) + (argument.multiple_token ? 1 : 0));
      if (argument.optional) reply.simple("optional");
      if (argument.multiple) reply.simple("multiple");
      if (argument.multiple_token) reply.simple("multiple_token");
    }
    if (nests) {
      reply.bulk("arguments");
      reply_with_arguments(reply, argument.arguments);
    }
  }
}

}  // namespace stele
