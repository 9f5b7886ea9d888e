#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_writer.h"

namespace stele {

/// The arguments of a command as one line of its table row (`Command::syntax`), and as COMMAND DOCS spells them out.
///
///     key value condition=[NX|XX] [GET] expiration=[EX seconds:integer|PX milliseconds:integer|KEEPTTL]
///
///     sequence := item { ' ' item }
///     item     := [ name '=' ] ( word | group | token ' ' ( word | group ) ) [ '...' | '+...' ]
///     word     := name [ ':' type ] [ '@' n ]       an argument; its type is `string`, of the word `key` it is `key`
///     token    := UPPER case, or anything in '"'    to be typed as it stands; alone it is an argument of type `pure-token`
///     group    := '(' body ')' | '[' body ']' | '{' body '}'
///     body     := sequence { '|' sequence }
///
/// * Several sequences are one argument of type `oneof`, several items one of type `block`; a single item is itself. `[ ]`
///   makes it optional. `{ }` makes a block, or with a `|` a oneof, even of a single item.
/// * `name=` names a oneof or block, which is otherwise called like its items, joined by `_`; and a token alone, which is
///   otherwise called like the token.
/// * A token belongs to the word or to the group in parentheses behind it. In parentheses of its own, or before a `[`, it does not.
/// * `...` is for an argument that can be repeated, `+...` for one whose token is repeated with it.
/// * `@n` says which key specification finds the key; without it the next one, the last of them for all further keys, and
///   none with `@-`.
struct SyntaxArgument {
  enum class Type : std::uint8_t { string, integer, real, key, pattern, unix_time, pure_token, oneof, block };

  std::string name;
  Type type = Type::string;
  std::optional<std::string> token;
  int key_spec = -1;
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  std::vector<SyntaxArgument> arguments;  // of a oneof or block
};

/// Nothing if `syntax` has a mistake: rows are checked by a test.
std::optional<std::vector<SyntaxArgument>> parse_syntax(std::string_view syntax, int key_specs);

/// As the value of `arguments` in COMMAND DOCS.
void reply_with_arguments(RespWriter& reply, const std::vector<SyntaxArgument>& arguments);

}  // namespace stele
