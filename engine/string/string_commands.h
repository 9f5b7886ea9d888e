#pragma once

#include "engine/call.h"

/// The handlers of the string commands, one file an idea; string_commands.cc has the table.
namespace stele::string_command {

// string_commands.cc: whole values
void get(Call& call);
void mget(Call& call);
void setnx(Call& call);
void getset(Call& call);
void getdel(Call& call);
void mset(Call& call);
void msetnx(Call& call);

// string_expiring.cc: whole values, perhaps with an expiry
void set(Call& call);
void setex(Call& call);
void psetex(Call& call);
void getex(Call& call);

// string_ranges.cc: reading and writing parts of values
void append(Call& call);
void strlen(Call& call);
void getrange(Call& call);
void setrange(Call& call);

// string_numbers.cc: values as numbers
void incr(Call& call);
void decr(Call& call);
void incrby(Call& call);
void decrby(Call& call);
void incrbyfloat(Call& call);

// string_lcs.cc
void lcs(Call& call);

/// Whether `item` holds no other type than a string; replies WRONGTYPE if it does. Absence is fine.
inline bool is_string_or_absent(Call& call, const Item& item) {
  if (!item || item.entry->type() == ObjectType::string) return true;
  call.wrong_type();
  return false;
}

/// The text of a live string, and nothing for an absent one. An integer's digits are written into the object.
class StringView {
 public:
  explicit StringView(const Item& item) : text_(item ? item.entry->string_value(digits_) : std::string_view()) {}
  StringView(const StringView&) = delete;
  StringView& operator=(const StringView&) = delete;

  std::string_view text() const { return text_; }

 private:
  char digits_[24];
  std::string_view text_;
};

/// Replies with the string value of `item`, or null.
inline void reply_with_value(Call& call, const Item& item) {
  if (!item) return call.reply().null();
  if (item.entry->encoding() == Encoding::integer) return call.reply().bulk_integer(item.entry->integer());
  call.reply().bulk(item.entry->inline_value());
}

}  // namespace stele::string_command
