#include "persistence/store_label.h"

#include "persistence/store_keys.h"

namespace stele {
namespace {

constexpr char kVersion = 1;

void append_string(std::string& out, std::string_view text) {
  append_be32(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

/// Takes fields off the front; after the first that does not fit, `ok` is false and all are empty.
struct Fields {
  std::string_view rest;
  bool ok = true;

  std::string_view take(std::size_t bytes) {
    if (bytes > rest.size()) {
      ok = false;
      rest = {};
      return {};
    }
    std::string_view field = rest.substr(0, bytes);
    rest.remove_prefix(bytes);
    return field;
  }
  std::uint64_t be64() {
    const std::string_view field = take(8);
    return ok ? load_be64(field) : 0;
  }
  std::uint32_t be32() {
    const std::string_view field = take(4);
    return ok ? load_be32(field) : 0;
  }
  std::string_view string() { return take(be32()); }
};

}  // namespace

std::string encode(const Label& label) {
  std::string out(1, kVersion);
  append_be64(out, label.offset.bytes());
  append_be32(out, static_cast<std::uint32_t>(label.stream_db));
  append_be64(out, label.replid2_end.bytes());
  out.push_back(label.clean_shutdown ? 1 : 0);
  append_be64(out, static_cast<std::uint64_t>(label.taken_at.ms()));
  append_string(out, label.replid);
  append_string(out, label.replid2);
  append_string(out, label.engine_state);
  return out;
}

Result<Label> decode_label(std::string_view bytes) {
  Fields fields{bytes};
  const std::string_view version = fields.take(1);
  if (!fields.ok) return Status::corrupt("checkpoint label: empty");
  if (version[0] != kVersion) {
    return Status::invalid("checkpoint label: version {} is not known to this server (it writes version {}); start "
                           "the server that wrote it",
                           static_cast<int>(static_cast<unsigned char>(version[0])), static_cast<int>(kVersion));
  }
  Label label;
  label.offset = Offset(fields.be64());
  label.stream_db = static_cast<int>(fields.be32());
  label.replid2_end = Offset(fields.be64());
  const std::string_view clean = fields.take(1);
  label.taken_at = UnixTime(static_cast<std::int64_t>(fields.be64()));
  label.replid = fields.string();
  label.replid2 = fields.string();
  label.engine_state = fields.string();
  if (!fields.ok || !fields.rest.empty() || (clean[0] != 0 && clean[0] != 1)) {
    return Status::corrupt("checkpoint label: {} bytes that do not add up", bytes.size());
  }
  label.clean_shutdown = clean[0] == 1;
  return label;
}

}  // namespace stele
