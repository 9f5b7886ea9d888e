// What clients and servers send: whole or byte by byte, it is the same commands and the same replies.

#include <optional>

#include "protocol/resp_buffer.h"
#include "protocol/resp_command.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_reply_parser.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace stele;

/// What a parser made of it, to compare. `Parser::parse` sees the input in pieces of `step` bytes.
template <typename Parser, typename Take>
std::string outcome_of(Parser parser, std::string_view input, std::size_t step, const Take& take) {
  std::string result, buffer;
  std::size_t fed = 0;
  while (fed < input.size()) {
    const std::string_view piece = input.substr(fed, step);
    buffer += piece;
    fed += piece.size();
    while (!buffer.empty()) {
      const auto outcome = parser.parse(buffer);
      if (outcome == Parser::Outcome::need_more) break;
      if (outcome == Parser::Outcome::error) return result + "error " + std::string(parser.error());
      result += take(parser);
      STELE_ASSERT(parser.consumed() > 0 && parser.consumed() <= buffer.size());
      buffer.erase(0, parser.consumed());
    }
  }
  return result + fmt::format("{} bytes left", buffer.size());
}

std::string take_command(RespParser& parser) {
  std::string text = "command";
  for (const std::string_view arg : parser.args()) text += fmt::format(" {}:{}", arg.size(), arg);
  if (!parser.raw().empty()) {
    OutputBuffer written;
    append_command(written, parser.args());
    STELE_ASSERT(written.view() == parser.raw());
    text += " raw";
  }
  return text + "\n";
}

std::string take_reply(ReplyParser& parser) { return parser.take().to_string() + "\n"; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned how = data[0];
  const std::string_view input = fuzz::text_of(data + 1, size - 1);
  const std::size_t step = 1 + how % 5;
  ParserLimits limits;
  limits.authenticated = (how & 0x80) == 0;
  limits.bulk_bytes_max = 1 << 20;
  const std::string commands = outcome_of(RespParser(limits), input, std::string_view::npos, take_command);
  STELE_ASSERT(commands == outcome_of(RespParser(limits), input, step, take_command));
  const ReplyLimits reply_limits{.depth_max = 16, .bulk_bytes_max = 1 << 20, .line_bytes_max = 1 << 16};
  const std::string replies = outcome_of(ReplyParser(reply_limits), input, std::string_view::npos, take_reply);
  STELE_ASSERT(replies == outcome_of(ReplyParser(reply_limits), input, step, take_reply));
  return 0;
}

std::vector<fuzz::Seed> fuzz::seeds() {
  OutputBuffer two;
  append_command(two, "SET", "key", "value", "PX", 1000);
  append_command(two, "PING");
  OutputBuffer long_one;
  const std::string value(300, 'v');
  append_command(long_one, "MSET", "a", value, "b", "");
  return {
      {"array", "\x01" + std::string(two.view())},
      {"long-value", "\x02" + std::string(long_one.view())},
      {"inline", "\x03SET \"a \\x41\\n\" 'it''s' b\r\nPING\n\r\n*0\r\n*1\r\n$4\r\nPING\r\n"},
      {"stranger", "\x80*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"},
      {"resp2-replies", "\x04+OK\r\n-ERR no\r\n:-7\r\n$5\r\nhello\r\n$-1\r\n*2\r\n*-1\r\n*1\r\n:1\r\n"},
      {"resp3-replies",
       "\x01%1\r\n+k\r\n~2\r\n#t\r\n,1.5\r\n(12345678901234567890\r\n=7\r\ntxt:abc\r\n_\r\n>2\r\n+message\r\n$1\r\nx\r\n"
       "|1\r\n+ttl\r\n:3\r\n,inf\r\n!3\r\nERR\r\n"},
  };
}
