// GEOADD, GEODIST, GEOHASH, GEOPOS: places by their names.

#include <charconv>

#include <absl/container/inlined_vector.h>

#include "engine/geo/geo_commands.h"
#include "engine/real.h"
#include "engine/zset/zset_commands.h"
#include "protocol/resp_text.h"

namespace stele::geo_command {

namespace {

/// Where each member of `key` from argument `first` on is, to be shown by `show`; `otherwise` for those that are not
/// there.
template <typename Show, typename Otherwise>
void show_members(Call& call, const Show& show, const Otherwise& otherwise) {
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  call.reply().array(call.argc() - 2);
  for (const std::string_view text : call.args().subspan(2)) {
    const SortedSet::Spot spot = item ? SortedSet(*item.entry).find(text) : SortedSet::Spot();
    spot ? show(geo_point(spot.score)) : otherwise();
  }
}

std::string_view fixed(double value, int digits, std::span<char> buffer) {
  const char* const end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, digits).ptr;
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

/// 17 digits behind the point, without the zeros at their end.
void reply_coordinate(Call& call, double degrees) {
  char buffer[64];
  std::string_view text = fixed(degrees, 17, buffer);
  text = text.substr(0, text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text == "-0") text = "0";
  if (!call.reply().resp3()) return call.reply().bulk(text);
  call.reply().raw(",");
  call.reply().raw(text);
  call.reply().raw("\r\n");
}

}  // namespace

bool point_arg(Call& call, std::size_t at, GeoPoint& point) {
  const auto longitude = parse_double(call.arg(at));
  const auto latitude = longitude ? parse_double(call.arg(at + 1)) : std::nullopt;
  if (!latitude) {
    call.fail("ERR value is not a valid float");
    return false;
  }
  point = {*longitude, *latitude};
  if (point.longitude < -kLongitudeMax || point.longitude > kLongitudeMax || point.latitude < -kLatitudeMax ||
      point.latitude > kLatitudeMax) {
    call.fail(fmt::format("ERR invalid longitude,latitude pair {:f},{:f}", point.longitude, point.latitude));
    return false;
  }
  return true;
}

bool unit_arg(Call& call, std::size_t at, double& metres) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};
  for (const auto& [name, size] : kUnits) {
    if (!call.arg_is(at, name)) continue;
    metres = size;
    return true;
  }
  call.fail("ERR unsupported unit provided. please use M, KM, FT, MI");
  return false;
}

void reply_coordinates(Call& call, const GeoPoint& point) {
  call.reply().array(2);
  reply_coordinate(call, point.longitude);
  reply_coordinate(call, point.latitude);
}

void reply_distance(Call& call, double distance) {
  char buffer[512];
  call.reply().bulk(fixed(distance, 4, buffer));
}

/// GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...]
///
/// Effect  ZADD key [NX|XX] [CH] score member ...: as Redis propagates it.
void geoadd(Call& call) {
  ZaddRules rules;
  std::size_t at = 2;
  for (; at < call.argc(); ++at) {
    if (call.arg_is(at, "nx")) {
      rules.only_new = true;
    } else if (call.arg_is(at, "xx")) {
      rules.only_old = true;
    } else if (call.arg_is(at, "ch")) {
      rules.changed_count = true;
    } else {
      break;
    }
  }
  const std::size_t arguments = call.argc() - at;
  if (arguments == 0 || arguments % 3 != 0 || (rules.only_new && rules.only_old)) return call.syntax_error();

  absl::InlinedVector<ScoredText, 8> members;
  for (; at < call.argc(); at += 3) {
    GeoPoint point;
    if (!point_arg(call, at, point)) return;
    members.push_back({geo_score(point), call.arg(at + 2)});
  }
  if (!add_members(call, rules, members)) return;

  std::vector<std::string> scores;  // the views below point to them
  scores.reserve(members.size());
  std::vector<std::string_view> effect{"ZADD", call.arg(1)};
  const std::size_t options = call.argc() - arguments;
  for (std::size_t i = 2; i < options; ++i) effect.push_back(call.arg(i));
  for (const ScoredText& member : members) {
    effect.push_back(scores.emplace_back(format_double(member.score)));
    effect.push_back(member.text);
  }
  call.effects().emit_list(call.session().db, effect);
}

/// GEODIST key member member [M|KM|FT|MI]
void geodist(Call& call) {
  double unit = 1;
  if (call.argc() == 5) {
    if (!unit_arg(call, 4, unit)) return;
  } else if (call.argc() > 5) {
    return call.syntax_error();
  }
  const Item item = call.keyspace().read(call.db(), call.arg(1));
  if (!is_zset_or_absent(call, item)) return;
  if (!item) return call.reply().null();
  const SortedSet set(*item.entry);
  const SortedSet::Spot a = set.find(call.arg(2)), b = set.find(call.arg(3));
  if (!a || !b) return call.reply().null();
  reply_distance(call, geo_distance(geo_point(a.score), geo_point(b.score)) / unit);
}

/// GEOHASH key [member ...]
void geohash(Call& call) {
  show_members(
      call,
      [&](const GeoPoint& point) {
        const auto text = geohash_text(point);
        call.reply().bulk({text.data(), text.size()});
      },
      [&] { call.reply().null(); });
}

/// GEOPOS key [member ...]
void geopos(Call& call) {
  show_members(
      call, [&](const GeoPoint& point) { reply_coordinates(call, point); }, [&] { call.reply().null_array(); });
}

}  // namespace stele::geo_command
