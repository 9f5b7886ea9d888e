// The table of geo commands.

#include "engine/geo/geo_commands.h"

#include "engine/commands.h"

namespace stele {

namespace {

using namespace command_flag;

constexpr Flags kGeo = category::kGeo;
constexpr Flags kReading = key_flag::kRO | key_flag::kAccess;
constexpr Flags kReplacing = key_flag::kOW | key_flag::kUpdate;

constexpr KeySpec stored_after(std::string_view keyword, int from) {
  return {.flags = kReplacing,
          .begin = KeySpec::Begin::keyword,
          .find = KeySpec::Find::range,
          .index = from,
          .keyword = keyword};
}

constexpr Command kCommands[] = {
    {.name = "geoadd",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kGeo,
     .keys = {KeySpec::one(1, key_flag::kRW | key_flag::kUpdate)},
     .run = geo_command::geoadd,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Adds places to a sorted set, by longitude and latitude.",
     .complexity = "O(log(N)) for each place",
     .syntax = "key condition=[NX|XX] [change=CH] (longitude:double latitude:double member)..."},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading)},
     .run = geo_command::geodist,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns how far two places are apart.",
     .complexity = "O(1)",
     .syntax = "key member1 member2 unit=[M|KM|FT|MI]"},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading)},
     .run = geo_command::geohash,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns the standard geohash texts of places.",
     .complexity = "O(1) for each place",
     .syntax = "key member..."},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading)},
     .run = geo_command::geopos,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns longitude and latitude of places.",
     .complexity = "O(1) for each place",
     .syntax = "key member..."},
    {.name = "georadius",
     .arity = -6,
     .flags = kWrite | kDenyOom,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading), stored_after("STORE", 6), stored_after("STOREDIST", 6)},
     .run = geo_command::georadius,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns or stores the places within a distance of a point.",
     .complexity = "O(N+log(M)) for N places in the boxes around the circle and M found",
     .deprecated_since = "6.2.0",
     .replaced_by = "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS",
     .syntax = "key longitude:double latitude:double radius:double unit=(M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] "
               "count=[COUNT count:integer [ANY]] order=[ASC|DESC] [STORE key] [STOREDIST key]"},
    {.name = "georadius_ro",
     .arity = -6,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading)},
     .run = geo_command::georadius_ro,
     .group = "geo",
     .since = "3.2.10",
     .summary = "Returns the places within a distance of a point.",
     .complexity = "O(N+log(M)) for N places in the boxes around the circle and M found",
     .deprecated_since = "6.2.0",
     .replaced_by = "GEOSEARCH with BYRADIUS",
     .syntax = "key longitude:double latitude:double radius:double unit=(M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] "
               "count=[COUNT count:integer [ANY]] order=[ASC|DESC]"},
    {.name = "georadiusbymember",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading), stored_after("STORE", 5), stored_after("STOREDIST", 5)},
     .run = geo_command::georadiusbymember,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns or stores the places within a distance of another.",
     .complexity = "O(N+log(M)) for N places in the boxes around the circle and M found",
     .deprecated_since = "6.2.0",
     .replaced_by = "GEOSEARCH or GEOSEARCHSTORE with BYRADIUS and FROMMEMBER",
     .syntax = "key member radius:double unit=(M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] count=[COUNT count:integer "
               "[ANY]] order=[ASC|DESC] [STORE key] [STOREDIST key]"},
    {.name = "georadiusbymember_ro",
     .arity = -5,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading)},
     .run = geo_command::georadiusbymember_ro,
     .group = "geo",
     .since = "3.2.10",
     .summary = "Returns the places within a distance of another.",
     .complexity = "O(N+log(M)) for N places in the boxes around the circle and M found",
     .deprecated_since = "6.2.0",
     .replaced_by = "GEOSEARCH with BYRADIUS and FROMMEMBER",
     .syntax = "key member radius:double unit=(M|KM|FT|MI) [WITHCOORD] [WITHDIST] [WITHHASH] count=[COUNT count:integer "
               "[ANY]] order=[ASC|DESC]"},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReading)},
     .run = geo_command::geosearch,
     .group = "geo",
     .since = "6.2.0",
     .summary = "Returns the places within a circle or a box.",
     .complexity = "O(N+log(M)) for N places in the boxes around the area and M found",
     .syntax = "key from=(FROMMEMBER member|FROMLONLAT (longitude:double latitude:double)) by=(circle=(BYRADIUS "
               "radius:double unit=(M|KM|FT|MI))|box=(BYBOX width:double height:double unit=(M|KM|FT|MI))) order=[ASC|"
               "DESC] count=[COUNT count:integer [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]"},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .categories = kGeo,
     .keys = {KeySpec::one(1, kReplacing), KeySpec::one(2, kReading)},
     .run = geo_command::geosearchstore,
     .group = "geo",
     .since = "6.2.0",
     .summary = "Stores the places within a circle or a box.",
     .complexity = "O(N+log(M)) for N places in the boxes around the area and M found",
     .syntax = "destination:key source:key from=(FROMMEMBER member|FROMLONLAT (longitude:double latitude:double)) "
               "by=(circle=(BYRADIUS radius:double unit=(M|KM|FT|MI))|box=(BYBOX width:double height:double unit=(M|KM|FT|"
               "MI))) order=[ASC|DESC] count=[COUNT count:integer [ANY]] [STOREDIST]"},
};

}  // namespace

std::span<const Command> geo_commands() { return kCommands; }

}  // namespace stele
