#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stele {

/// A reply as a tree, of RESP2 or RESP3: for whoever reads what a server says. Owns all its bytes.
struct RespReply {
  enum class Type {
    simple,      // +   text
    error,       // -   text, "ERR syntax error"; also the RESP3 blob error, !
    integer,     // :   integer
    bulk,        // $   text
    null,        // _   or $-1
    null_array,  // *-1
    boolean,     // #   integer, 0 or 1
    real,        // ,   real
    big_number,  // (   text
    verbatim,    // =   text, without its format
    array,       // *   elements
    map,         // %   elements: key, value, key, value ...
    set,         // ~   elements, in the order they came
    push,        // >   elements
  };

  Type type = Type::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::string format;  // of verbatim: "txt"
  std::vector<RespReply> elements;
  std::vector<RespReply> attributes;  // key, value, key, value ... as the server put them before this reply

  bool is_null() const { return type == Type::null || type == Type::null_array; }
  bool is_error() const { return type == Type::error; }
  bool is_aggregate() const { return type >= Type::array; }
  bool is_text() const {
    return type == Type::simple || type == Type::bulk || type == Type::verbatim || type == Type::big_number;
  }

  /// Same type, same content, elements in the same order, same attributes. A nan equals a nan.
  bool operator==(const RespReply& other) const;

  /// For messages and people, laid out as redis-cli does on a terminal, without a line end at the end:
  ///
  ///     1) "key"
  ///     2) (integer) 7
  std::string to_string() const;
};

/// `bytes` in double quotes, with escapes for what is not printable ASCII. split_args() undoes it.
std::string quote(std::string_view bytes);

}  // namespace stele
