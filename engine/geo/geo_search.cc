// GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER: places by where they are.

#include <algorithm>

#include "engine/geo/geo_commands.h"
#include "engine/real.h"
#include "engine/zset/zset_ranges.h"
#include "protocol/resp_text.h"

namespace stele::geo_command {

namespace {

enum class Form { radius, radius_by_member, search, search_store };

struct Query {
  GeoShape shape;
  double unit = 1;  // metres, of what is shown
  bool with_distance = false, with_hash = false, with_coordinates = false;
  bool any = false;       // the first that are found will do
  std::size_t count = 0;  // 0: all
  int order = 0;          // 1: the nearest first, -1: the farthest
  std::optional<std::string_view> destination;
  bool stores_distance = false;
};

struct Found {
  std::string text;
  double score;
  double distance;
  GeoPoint point;
};

/// Reads the arguments of one command.
class Parser {
 public:
  Parser(Call& call, Form form, bool read_only) : call_(call), form_(form), read_only_(read_only) {}

  /// Replies with the error and returns false. `set` is where members are looked for, nothing if there is no such key.
  bool parse(const std::optional<SortedSet>& set, Query& query) {
    std::size_t first = 2;
    if (form_ == Form::radius) {
      first = 6;
      if (!point_arg(call_, 2, query.shape.center) || !radius_args(4, query)) return false;
    } else if (form_ == Form::radius_by_member) {
      first = 5;
      if (set && (!center_of_member(*set, 2, query) || !radius_args(3, query))) return false;
    } else if (form_ == Form::search_store) {
      first = 3;
      query.destination = call_.arg(1);
    }
    for (std::size_t at = first; at < call_.argc();) {
      const std::size_t taken = option(at, set, query);
      if (taken == 0) return false;
      at += taken;
    }
    return check(query);
  }

 private:
  bool is_search() const { return form_ == Form::search || form_ == Form::search_store; }

  bool center_of_member(const SortedSet& set, std::size_t at, Query& query) {
    const SortedSet::Spot spot = set.find(call_.arg(at));
    if (!spot) {
      call_.fail("ERR could not decode requested zset member");
      return false;
    }
    query.shape.center = geo_point(spot.score);
    return true;
  }

  bool number_arg(std::size_t at, std::string_view error, double& value) {
    const auto parsed = parse_double(call_.arg(at));
    if (!parsed) {
      call_.fail(error);
      return false;
    }
    value = *parsed;
    return true;
  }

  bool radius_args(std::size_t at, Query& query) {
    double radius = 0;
    if (!number_arg(at, "ERR need numeric radius", radius)) return false;
    if (radius < 0) {
      call_.fail("ERR radius cannot be negative");
      return false;
    }
    if (!unit_arg(call_, at + 1, query.unit)) return false;
    query.shape.radius = radius * query.unit;
    return true;
  }

  bool box_args(std::size_t at, Query& query) {
    double width = 0, height = 0;
    if (!number_arg(at, "ERR need numeric width", width)) return false;
    if (!number_arg(at + 1, "ERR need numeric height", height)) return false;
    if (width < 0 || height < 0) {
      call_.fail("ERR height or width cannot be negative");
      return false;
    }
    if (!unit_arg(call_, at + 2, query.unit)) return false;
    query.shape.is_box = true;
    query.shape.width = width * query.unit;
    query.shape.height = height * query.unit;
    return true;
  }

  /// How many arguments the option at `at` takes with its name; 0 after an error.
  std::size_t option(std::size_t at, const std::optional<SortedSet>& set, Query& query) {
    const std::size_t more = call_.argc() - at - 1;
    const bool may_store = (form_ == Form::radius || form_ == Form::radius_by_member) && !read_only_;
    if (call_.arg_is(at, "withdist")) {
      query.with_distance = true;
    } else if (call_.arg_is(at, "withhash")) {
      query.with_hash = true;
    } else if (call_.arg_is(at, "withcoord")) {
      query.with_coordinates = true;
    } else if (call_.arg_is(at, "any")) {
      query.any = true;
    } else if (call_.arg_is(at, "asc")) {
      query.order = 1;
    } else if (call_.arg_is(at, "desc")) {
      query.order = -1;
    } else if (call_.arg_is(at, "count") && more >= 1) {
      std::int64_t count = 0;
      if (!call_.integer_arg(at + 1, count)) return 0;
      if (count <= 0) {
        call_.fail("ERR COUNT must be > 0");
        return 0;
      }
      query.count = static_cast<std::size_t>(count);
      return 2;
    } else if (may_store && more >= 1 && (call_.arg_is(at, "store") || call_.arg_is(at, "storedist"))) {
      query.destination = call_.arg(at + 1);
      query.stores_distance = call_.arg_is(at, "storedist");
      return 2;
    } else if (is_search() && more >= 1 && !has_point_ && call_.arg_is(at, "frommember")) {
      if (set && !center_of_member(*set, at + 1, query)) return 0;
      has_member_ = true;
      return 2;
    } else if (is_search() && more >= 2 && !has_member_ && call_.arg_is(at, "fromlonlat")) {
      if (!point_arg(call_, at + 1, query.shape.center)) return 0;
      has_point_ = true;
      return 3;
    } else if (is_search() && more >= 2 && !has_box_ && call_.arg_is(at, "byradius")) {
      if (!radius_args(at + 1, query)) return 0;
      has_radius_ = true;
      return 3;
    } else if (is_search() && more >= 3 && !has_radius_ && call_.arg_is(at, "bybox")) {
      if (!box_args(at + 1, query)) return 0;
      has_box_ = true;
      return 4;
    } else if (form_ == Form::search_store && call_.arg_is(at, "storedist")) {
      query.stores_distance = true;
    } else {
      call_.syntax_error();
      return 0;
    }
    return 1;
  }

  bool check(const Query& query) {
    const std::string_view name = printed(call_.arg(0));
    if (query.destination && (query.with_distance || query.with_hash || query.with_coordinates)) {
      call_.fail(fmt::format("ERR {} is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                             form_ == Form::search_store ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"));
    } else if (is_search() && !has_member_ && !has_point_) {
      call_.fail(fmt::format("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}", name));
    } else if (is_search() && !has_radius_ && !has_box_) {
      call_.fail(fmt::format("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", name));
    } else if (query.any && query.count == 0) {
      call_.fail("ERR the ANY argument requires COUNT argument");
    } else {
      return true;
    }
    return false;
  }

  Call& call_;
  const Form form_;
  const bool read_only_;
  bool has_member_ = false, has_point_ = false, has_radius_ = false, has_box_ = false;
};

/// Members in the cells that cover the shape and in the shape itself, cell by cell.
std::vector<Found> find_members(const SortedSet& set, const Query& query) {
  std::vector<Found> found;
  const std::size_t enough = query.any ? query.count : 0;
  const GeoCover cover = geo_cover(query.shape);
  for (std::size_t i = 0; i < cover.count; ++i) {
    const GeoCell& cell = cover.cells[i];
    if (i > 0 && cell == cover.cells[i - 1]) continue;  // the world is that small
    const unsigned shift = 2 * (kGeoStepsMax - cell.steps);
    const ScoreRange range{{static_cast<double>(cell.bits << shift), false},
                           {static_cast<double>((cell.bits + 1) << shift), true}};
    const RankRange ranks = range.ranks(set);
    if (ranks.size() == 0) continue;
    std::size_t left = ranks.size();
    for (SortedSet::Walk walk(set, ranks.first, false); left > 0; walk.next(), --left) {
      const GeoPoint point = geo_point(walk.score());
      const std::optional<double> distance = query.shape.distance_inside(point);
      if (!distance) continue;
      found.push_back({std::string(walk.text()), walk.score(), *distance, point});
      if (found.size() == enough) return found;
    }
  }
  return found;
}

/// The wanted ones first, as many as are wanted.
void select(std::vector<Found>& found, const Query& query) {
  // The nearest ones are meant by a count, unless any will do.
  const int order = query.order == 0 && query.count > 0 && !query.any ? 1 : query.order;
  if (order != 0) {
    std::stable_sort(found.begin(), found.end(), [order](const Found& a, const Found& b) {
      return order > 0 ? a.distance < b.distance : b.distance < a.distance;
    });
  }
  if (query.count > 0 && found.size() > query.count) found.resize(query.count);
}

void reply_found(Call& call, const std::vector<Found>& found, const Query& query) {
  const int options = query.with_distance + query.with_hash + query.with_coordinates;
  call.reply().array(found.size());
  for (const Found& member : found) {
    if (options > 0) call.reply().array(static_cast<std::size_t>(options) + 1);
    call.reply().bulk(member.text);
    if (query.with_distance) reply_distance(call, member.distance / query.unit);
    if (query.with_hash) call.reply().integer(static_cast<std::int64_t>(member.score));
    if (query.with_coordinates) reply_coordinates(call, member.point);
  }
}

/// Effect of what stores: verbatim.
void search(Call& call, Form form, bool read_only) {
  const std::size_t source = form == Form::search_store ? 2 : 1;
  const Item item = call.keyspace().read(call.db(), call.arg(source));
  if (!is_zset_or_absent(call, item)) return;
  std::optional<SortedSet> set;
  if (item) set.emplace(*item.entry);
  Query query;
  if (!Parser(call, form, read_only).parse(set, query)) return;

  std::vector<Found> found;
  if (set) found = find_members(*set, query);
  select(found, query);
  if (!query.destination) return reply_found(call, found, query);

  MemberList members;
  for (const Found& member : found) {
    members.add(member.text, query.stores_distance ? member.distance / query.unit : member.score);
  }
  members.sort();
  const std::string_view event = form == Form::search_store ? "geosearchstore" : "georadiusstore";
  if (store_members(call, *query.destination, std::move(members), event)) call.emit_verbatim();
  call.reply().integer(static_cast<std::int64_t>(found.size()));
}

}  // namespace

/// GEORADIUS key longitude latitude radius unit [options] [STORE key|STOREDIST key]
void georadius(Call& call) { search(call, Form::radius, false); }
void georadius_ro(Call& call) { search(call, Form::radius, true); }
/// GEORADIUSBYMEMBER key member radius unit [options] [STORE key|STOREDIST key]
void georadiusbymember(Call& call) { search(call, Form::radius_by_member, false); }
void georadiusbymember_ro(Call& call) { search(call, Form::radius_by_member, true); }
/// GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius unit|BYBOX width height unit [options]
void geosearch(Call& call) { search(call, Form::search, true); }
/// GEOSEARCHSTORE destination source ... [STOREDIST]
void geosearchstore(Call& call) { search(call, Form::search_store, true); }

}  // namespace stele::geo_command
