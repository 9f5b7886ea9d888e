#pragma once

#include <string_view>

namespace stele {

/// Whether the whole of `text` matches `pattern`, as Redis' KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL patterns do:
///
///     *        any bytes, also none      ("*" alone does not match an empty text: callers that want this say so)
///     ?        one byte
///     [abc]    one of these bytes; [^abc] none of them; [a-c] a range, in either order, of signed bytes
///     \x       x itself, in a class too (there always in its own case)
///
/// A class that is not closed ends with the pattern. Takes O(pattern * text) at worst: of several stars only the last
/// one reached is ever tried again, since the ones before have matched as early as they can.
bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case = false);

}  // namespace stele
