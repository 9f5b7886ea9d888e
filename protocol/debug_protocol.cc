// DEBUG PROTOCOL: one value of each kind that a reply can be, for those who test clients.

#include "protocol/commands_debug.h"

namespace stele {

namespace {

void reply_with_attribute(RespWriter& reply) {
  if (reply.resp3()) {
    reply.attribute(1);
    reply.bulk("key-popularity");
    reply.array(2);
    reply.bulk("key:123");
    reply.integer(90);
  }
  reply.bulk("Some real reply following the attribute");
}

void reply_with_push(Call& call) {
  RespWriter& reply = call.reply();
  if (!reply.resp3()) return call.fail("ERR RESP2 is not supported by this command");
  reply.push(2);
  reply.bulk("server-cpu-usage");
  reply.integer(42);
  reply.bulk("Some real reply following the push reply");
}

void reply_with_map(RespWriter& reply) {
  reply.map(3);
  for (int i = 0; i < 3; ++i) {
    reply.integer(i);
    reply.boolean(i == 1);
  }
}

}  // namespace

/// DEBUG PROTOCOL type
void debug_protocol(Call& call) {
  RespWriter& reply = call.reply();
  const auto asks_for = [&call](std::string_view type) { return call.arg_is(2, type); };
  if (asks_for("string")) return reply.bulk("Hello World");
  if (asks_for("integer")) return reply.integer(12345);
  if (asks_for("double")) return reply.real(3.141);
  if (asks_for("bignum")) return reply.big_number("1234567999999999999999999999999999999");
  if (asks_for("null")) return reply.null();
  if (asks_for("true")) return reply.boolean(true);
  if (asks_for("false")) return reply.boolean(false);
  if (asks_for("verbatim")) return reply.verbatim("This is a verbatim\nstring");
  if (asks_for("attrib")) return reply_with_attribute(reply);
  if (asks_for("push")) return reply_with_push(call);
  if (asks_for("map")) return reply_with_map(reply);
  if (asks_for("array") || asks_for("set")) {
    asks_for("array") ? reply.array(3) : reply.set(3);
    for (int i = 0; i < 3; ++i) reply.integer(i);
    return;
  }
  call.fail(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

}  // namespace stele
