// XADD, XTRIM, XDEL, XLEN, XRANGE, XREVRANGE, XSETID: entries, and what is known of a stream.

#include <algorithm>

#include <absl/container/inlined_vector.h>

#include "engine/stream/stream_commands.h"
#include "protocol/resp_integer.h"

namespace stele::stream_command {

namespace {

/// What stands between the key and the end of XTRIM, or the id of XADD.
struct Options {
  StreamTrim trim;
  std::string_view threshold;  // of the trimming, as it was given
  bool no_mkstream = false;
  std::size_t id_at = 0;  // XADD: the argument
};

bool positive_arg(Call& call, std::size_t i, std::string_view name, std::int64_t& value) {
  if (!call.integer_arg(i, value)) return false;
  if (value >= 0) return true;
  call.fail(fmt::format("ERR The {} argument must be >= 0.", name));
  return false;
}

/// MAXLEN or MINID at argument `i`, which is moved on to its threshold.
bool parse_strategy(Call& call, std::size_t& i, Options& options) {
  if (options.trim.by != StreamTrim::By::nothing) {
    call.fail("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
    return false;
  }
  const bool by_length = call.arg_is(i, "MAXLEN");
  const std::string_view sign = call.arg(i + 1);
  if (i + 2 < call.argc() && (sign == "~" || sign == "=")) {
    options.trim.approximate = sign == "~";
    ++i;
  }
  ++i;
  options.threshold = call.arg(i);
  if (by_length) {
    std::int64_t length = 0;
    if (!positive_arg(call, i, "MAXLEN", length)) return false;
    options.trim.by = StreamTrim::By::length;
    options.trim.length = static_cast<std::uint64_t>(length);
  } else {
    const auto id = parse_stream_id(options.threshold, 0);
    if (!id) return invalid_id(call), false;
    options.trim.by = StreamTrim::By::id;
    options.trim.id = *id;
  }
  return true;
}

/// How many entries approximate trimming takes at most, unless it is told.
std::int64_t default_limit(const CollectionLimits& limits) {
  constexpr std::int64_t kNodes = 100;
  constexpr std::int64_t kMost = 1'000'000;
  const std::int64_t per_node = limits.stream_node_max_entries;
  if (per_node <= 0) return 10'000;
  return per_node > kMost / kNodes ? kMost : per_node * kNodes;
}

bool parse_options(Call& call, bool is_xadd, Options& options) {
  std::int64_t limit = 0;
  bool has_limit = false;
  for (std::size_t i = 2; i < call.argc(); ++i) {
    const bool more = i + 1 < call.argc();
    if (is_xadd && call.arg(i) == "*") {
      options.id_at = i;
      break;
    }
    if (more && (call.arg_is(i, "MAXLEN") || call.arg_is(i, "MINID"))) {
      if (!parse_strategy(call, i, options)) return false;
    } else if (more && call.arg_is(i, "LIMIT")) {
      if (!positive_arg(call, ++i, "LIMIT", limit)) return false;
      has_limit = true;
    } else if (is_xadd && call.arg_is(i, "NOMKSTREAM")) {
      options.no_mkstream = true;
    } else if (is_xadd) {
      if (!parse_stream_id(call.arg(i), 0) && !parse_stream_id_without_seq(call.arg(i))) return invalid_id(call), false;
      options.id_at = i;
      break;
    } else {
      call.syntax_error();
      return false;
    }
  }
  const bool trims = options.trim.by != StreamTrim::By::nothing;
  if (limit > 0 && !trims) {
    call.fail("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
    return false;
  }
  if (!is_xadd && !trims) {
    call.fail("ERR syntax error, XTRIM must be called with a trimming strategy");
    return false;
  }
  // An effect says exactly what stays, whatever may be left of LIMIT in it.
  if (call.keyspace().expiry() != Expiry::active) return true;
  if (has_limit && !options.trim.approximate) {
    call.fail("ERR syntax error, LIMIT cannot be used without the special ~ option");
    return false;
  }
  if (options.trim.approximate) {
    options.trim.removed_max = has_limit ? limit : default_limit(call.keyspace().limits());
  }
  return true;
}

/// The threshold to which `stream` was trimmed, for an effect that trims exactly. Approximate trimming removes less
/// than it was told to, by nodes that another server may have cut differently.
class ExactThreshold {
 public:
  ExactThreshold(const Options& options, const Stream& stream) {
    text_ = options.threshold;
    if (!options.trim.approximate) return;
    if (options.trim.by == StreamTrim::By::length) {
      const auto [end, error] = std::to_chars(digits_, digits_ + sizeof digits_, stream.length());
      text_ = {digits_, static_cast<std::size_t>(end - digits_)};
    } else {
      id_.emplace(stream.length() == 0 ? StreamId::max() : stream.first_id());
      text_ = id_->view();
    }
  }
  ExactThreshold(const ExactThreshold&) = delete;
  ExactThreshold& operator=(const ExactThreshold&) = delete;

  std::string_view text() const { return text_; }

 private:
  char digits_[20];
  std::optional<StreamIdText> id_;
  std::string_view text_;
};

std::string_view strategy_name(const Options& options) {
  return options.trim.by == StreamTrim::By::length ? "MAXLEN" : "MINID";
}

void range(Call& call, std::size_t first_at, std::size_t last_at, bool reverse) {
  StreamId first, last;
  if (!first_id_arg(call, first_at, first) || !last_id_arg(call, last_at, last)) return;
  std::optional<std::uint64_t> count;
  for (std::size_t i = 4; i < call.argc(); ++i) {
    std::int64_t value = 0;
    if (!call.arg_is(i, "COUNT") || i + 1 >= call.argc()) return call.syntax_error();
    if (!call.integer_arg(++i, value)) return;
    count = static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
  }
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!item) return call.reply().array(0);
  if (!is_stream_or_absent(call, item)) return;
  if (count == 0) return call.reply().null_array();

  const Stream& stream = stream_of(item);
  const std::uint64_t most = count.value_or(stream.length());
  const RespWriter::Mark mark = call.reply().begin_array(std::min(most, stream.length()));
  std::size_t n = 0;
  for (StreamCursor entry(stream, first, last, reverse); n < most && entry.next(); ++n) {
    reply_with_entry(call.reply(), entry);
  }
  call.reply().end_array(mark, n);
}

}  // namespace

/// XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]
///
/// Effect  the same with the id that was given, and with the trimming that was done: exact, without LIMIT.
void xadd(Call& call) {
  Options options;
  if (!parse_options(call, true, options)) return;
  const std::size_t pairs_at = options.id_at + 1;
  if (options.id_at == 0 || call.argc() < pairs_at + 2 || (call.argc() - pairs_at) % 2 != 0) return call.wrong_arity();
  const std::string_view id_text = call.arg(options.id_at);
  const std::optional<StreamId> given = id_text == "*" ? std::nullopt : parse_stream_id(id_text, 0);
  if (given && given->is_zero()) return call.fail("ERR The ID specified in XADD must be greater than 0-0");

  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!is_stream_or_absent(call, item)) return;
  if (!item && options.no_mkstream) return call.reply().null();

  const StreamId last = item ? stream_of(item).facts.last_id : StreamId();
  if (last == StreamId::max()) {
    return call.fail("ERR The stream has exhausted the last possible ID, unable to add more items");
  }
  StreamId id;
  if (given) {
    id = *given;
  } else if (id_text == "*") {
    id = Stream::next_id(last, call.now());
  } else {
    id = {*parse_stream_id_without_seq(id_text), 0};
    // At the end of its millisecond the next id is in another one, and so not larger than it should be.
    if (id.ms == last.ms) id = last.next()->ms == last.ms ? *last.next() : last;
  }
  if (id <= last) return call.fail("ERR The ID specified in XADD is equal or smaller than the target stream top item");
  const auto pairs = call.args().subspan(pairs_at);
  std::size_t bytes = 0;
  for (const std::string_view text : pairs) bytes += text.size();
  if (bytes > Stream::kEntryBytesMax) return call.fail("ERR Elements are too large to be stored");

  std::unique_ptr<Stream> fresh;
  if (item) {
    call.keyspace().begin_change(item);
  } else {
    fresh = std::make_unique<Stream>();
  }
  Stream& stream = item ? stream_of(item) : *fresh;
  stream.append(id, pairs, call.keyspace().limits());
  const bool trims = options.trim.by != StreamTrim::By::nothing;
  const bool trimmed = trims && stream.trim(options.trim) > 0;
  if (item) {
    call.keyspace().end_change(item, item.entry);
  } else {
    call.keyspace().create(
        item, Entry::make_body(call.arg(1), ObjectType::stream, Encoding::stream, fresh.release(), std::nullopt));
  }
  call.notify(key_event::kStream, "xadd", call.arg(1));
  if (trimmed) call.notify(key_event::kStream, "xtrim", call.arg(1));

  const StreamIdText text(id);
  if (given && !options.trim.approximate) {
    call.emit_verbatim();
  } else if (!call.effects().muted()) {
    const ExactThreshold threshold(options, stream);
    absl::InlinedVector<std::string_view, 16> effect = {"XADD", call.arg(1)};
    if (trims) effect.insert(effect.end(), {strategy_name(options), "=", threshold.text()});
    effect.push_back(text.view());
    effect.insert(effect.end(), pairs.begin(), pairs.end());
    call.effects().emit_list(call.session().db, effect);
  }
  call.reply().bulk(text.view());
}

/// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]. Effect: verbatim, or the exact trimming that ~ came to.
void xtrim(Call& call) {
  Options options;
  if (!parse_options(call, false, options)) return;
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.reply().integer(0);
  if (!is_stream_or_absent(call, item)) return;

  Stream& stream = stream_of(item);
  // A checkpoint would store the whole stream again for nothing.
  if (!stream.would_trim(options.trim)) return call.reply().integer(0);
  call.keyspace().begin_change(item);
  const std::uint64_t removed = stream.trim(options.trim);
  call.keyspace().end_change(item, item.entry);
  call.notify(key_event::kStream, "xtrim", call.arg(1));
  if (options.trim.approximate) {
    call.emit("XTRIM", call.arg(1), strategy_name(options), "=", ExactThreshold(options, stream).text());
  } else {
    call.emit_verbatim();
  }
  call.reply().integer(static_cast<std::int64_t>(removed));
}

/// XDEL key id [id ...]. Effect: verbatim, if there was one of them.
void xdel(Call& call) {
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.reply().integer(0);
  if (!is_stream_or_absent(call, item)) return;
  absl::InlinedVector<StreamId, 8> ids(call.argc() - 2);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!id_arg(call, i + 2, ids[i])) return;
  }
  Stream& stream = stream_of(item);
  const auto first = std::ranges::find_if(ids, [&](StreamId id) { return stream.contains(id); });
  if (first == ids.end()) return call.reply().integer(0);
  call.keyspace().begin_change(item);
  const std::uint64_t erased = stream.erase({first, ids.end()});
  call.keyspace().end_change(item, item.entry);
  call.notify(key_event::kStream, "xdel", call.arg(1));
  call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(erased));
}

/// XLEN key
void xlen(Call& call) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_stream_or_absent(call, item)) return;
  call.reply().integer(item ? static_cast<std::int64_t>(stream_of(item).length()) : 0);
}

/// XRANGE key first last [COUNT n]
void xrange(Call& call) { range(call, 2, 3, false); }

/// XREVRANGE key last first [COUNT n]
void xrevrange(Call& call) { range(call, 3, 2, true); }

/// XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id]. Effect: verbatim.
void xsetid(Call& call) {
  StreamId last, max_deleted;
  std::optional<std::uint64_t> added;
  if (!id_arg(call, 2, last)) return;
  for (std::size_t i = 3; i < call.argc(); i += 2) {
    const bool more = i + 1 < call.argc();
    if (more && call.arg_is(i, "ENTRIESADDED")) {
      std::int64_t value = 0;
      if (!call.integer_arg(i + 1, value)) return;
      if (value < 0) return call.fail("ERR entries_added must be positive");
      added = static_cast<std::uint64_t>(value);
    } else if (more && call.arg_is(i, "MAXDELETEDID")) {
      if (!id_arg(call, i + 1, max_deleted)) return;
      if (last < max_deleted) {
        return call.fail("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
      }
    } else {
      return call.syntax_error();
    }
  }
  Item item = call.keyspace().find(call.db(), call.arg(1));
  if (!item) return call.no_such_key();
  if (!is_stream_or_absent(call, item)) return;
  Stream& stream = stream_of(item);
  if (last < stream.facts.max_deleted_id) {
    return call.fail("ERR The ID specified in XSETID is smaller than current max_deleted_entry_id");
  }
  if (stream.length() > 0) {
    if (last < stream.last_live_id()) {
      return call.fail("ERR The ID specified in XSETID is smaller than the target stream top item");
    }
    if (added && stream.length() > *added) {
      return call.fail("ERR The entries_added specified in XSETID is smaller than the target stream length");
    }
  }

  begin_quiet_change(call, item);
  stream.facts.last_id = last;
  if (added) stream.facts.entries_added = *added;
  if (!max_deleted.is_zero()) stream.facts.max_deleted_id = max_deleted;
  call.notify(key_event::kStream, "xsetid", call.arg(1));
  call.emit_verbatim();
  call.reply().ok();
}

}  // namespace stele::stream_command
