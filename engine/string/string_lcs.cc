// LCS: the longest common subsequence of two strings.

#include <limits>
#include <memory>
#include <new>

#include "engine/string/string_commands.h"

namespace stele::string_command {

namespace {

struct LcsOptions {
  bool len = false;
  bool idx = false;
  bool with_match_len = false;
  std::int64_t match_len_min = 0;
};

/// A run of the subsequence that is contiguous in both strings: `bytes` of them from these positions on.
struct Match {
  std::size_t a;
  std::size_t b;
  std::size_t bytes;
};

/// For every pair of prefixes, the length of their longest common subsequence:
///
///               b[0] b[1] ...
///            0   0    0
///     a[0]   0   .    .        at(i, j) is that of the first i bytes of a and the first j of b
///     a[1]   0   .    .
class LcsTable {
 public:
  static std::size_t bytes(std::size_t a, std::size_t b) { return (a + 1) * (b + 1) * sizeof(std::uint32_t); }

  /// False if there is no memory.
  bool fill(std::string_view a, std::string_view b) {
    width_ = b.size() + 1;
    cells_.reset(new (std::nothrow) std::uint32_t[(a.size() + 1) * width_]);
    if (cells_ == nullptr) return false;
    std::fill_n(cells_.get(), width_, 0u);
    for (std::size_t i = 1; i <= a.size(); ++i) {
      const std::uint32_t* above = cells_.get() + (i - 1) * width_;
      std::uint32_t* row = cells_.get() + i * width_;
      row[0] = 0;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        row[j] = a[i - 1] == b[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
      }
    }
    return true;
  }

  std::uint32_t at(std::size_t i, std::size_t j) const { return cells_[i * width_ + j]; }

 private:
  std::size_t width_ = 0;
  std::unique_ptr<std::uint32_t[]> cells_;
};

/// The matches that make up the subsequence, the last one first: as the table is walked. Where there are several
/// subsequences of that length, the choice is Redis'.
std::vector<Match> matches_of(const LcsTable& table, std::string_view a, std::string_view b) {
  std::vector<Match> matches;
  std::size_t i = a.size(), j = b.size(), run = 0;
  const auto end_run = [&] {
    if (run > 0) matches.push_back({i, j, run});
    run = 0;
  };
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      --i, --j, ++run;
      continue;
    }
    end_run();
    table.at(i - 1, j) > table.at(i, j - 1) ? --i : --j;
  }
  end_run();
  return matches;
}

bool parse_lcs_options(Call& call, LcsOptions& options) {
  for (std::size_t i = 3; i < call.argc(); ++i) {
    if (call.arg_is(i, "IDX")) {
      options.idx = true;
    } else if (call.arg_is(i, "LEN")) {
      options.len = true;
    } else if (call.arg_is(i, "WITHMATCHLEN")) {
      options.with_match_len = true;
    } else if (call.arg_is(i, "MINMATCHLEN") && i + 1 < call.argc()) {
      if (!call.integer_arg(++i, options.match_len_min)) return false;
    } else {
      call.syntax_error();
      return false;
    }
  }
  if (options.idx && options.len) {
    call.fail("ERR If you want both the length and indexes, please just use IDX.");
    return false;
  }
  return true;
}

bool fits(Call& call, std::string_view a, std::string_view b) {
  constexpr std::size_t kBytesMax = std::numeric_limits<std::uint32_t>::max() - 1;
  if (a.size() >= kBytesMax || b.size() >= kBytesMax) {
    call.fail("ERR String too long for LCS");
    return false;
  }
  if (b.size() + 1 > std::numeric_limits<std::size_t>::max() / sizeof(std::uint32_t) / (a.size() + 1) ||
      LcsTable::bytes(a.size(), b.size()) > call.keyspace().string_bytes_max()) {
    call.fail("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return false;
  }
  return true;
}

/// {"matches": [[[a first, a last], [b first, b last], length], ...], "len": length of the subsequence}
void reply_with_matches(Call& call, std::span<const Match> matches, std::uint32_t total, const LcsOptions& options) {
  RespWriter& reply = call.reply();
  const auto range = [&reply](std::size_t first, std::size_t bytes) {
    reply.array(2);
    reply.integer(static_cast<std::int64_t>(first));
    reply.integer(static_cast<std::int64_t>(first + bytes - 1));
  };
  const auto is_long_enough = [&options](const Match& match) {
    return static_cast<std::int64_t>(match.bytes) >= options.match_len_min;
  };
  reply.map(2);
  reply.bulk("matches");
  reply.array(static_cast<std::size_t>(std::count_if(matches.begin(), matches.end(), is_long_enough)));
  for (const Match& match : matches) {
    if (!is_long_enough(match)) continue;
    reply.array(options.with_match_len ? 3 : 2);
    range(match.a, match.bytes);
    range(match.b, match.bytes);
    if (options.with_match_len) reply.integer(static_cast<std::int64_t>(match.bytes));
  }
  reply.bulk("len");
  reply.integer(total);
}

}  // namespace

/// LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]; an absent key is an empty string.
void lcs(Call& call) {
  const Item first = call.keyspace().read(call.db(), call.arg(1));
  const Item second = call.keyspace().read(call.db(), call.arg(2));
  for (const Item* item : {&first, &second}) {
    if (*item && item->entry->type() != ObjectType::string) {
      return call.fail("ERR The specified keys must contain string values");
    }
  }
  LcsOptions options;
  if (!parse_lcs_options(call, options)) return;
  const StringView a(first), b(second);
  if (!fits(call, a.text(), b.text())) return;
  LcsTable table;
  if (!table.fill(a.text(), b.text())) {
    return call.fail("ERR Insufficient memory, failed allocating transient memory for LCS");
  }

  const std::uint32_t total = table.at(a.text().size(), b.text().size());
  if (options.len) return call.reply().integer(total);
  const std::vector<Match> matches = matches_of(table, a.text(), b.text());
  if (options.idx) return reply_with_matches(call, matches, total, options);
  std::string subsequence;
  subsequence.reserve(total);
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    subsequence += a.text().substr(match->a, match->bytes);
  }
  call.reply().bulk(subsequence);
}

}  // namespace stele::string_command
