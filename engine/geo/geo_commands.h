#pragma once

#include <optional>
#include <string_view>

#include "engine/call.h"
#include "engine/geo/geohash.h"

/// The handlers of the geo commands; geo_commands.cc has the table. Places are members of sorted sets, whose scores are
/// cells.
namespace stele::geo_command {

// geo_members.cc: places by their names
void geoadd(Call& call);
void geodist(Call& call);
void geohash(Call& call);
void geopos(Call& call);

// geo_search.cc: places by where they are
void georadius(Call& call);
void georadius_ro(Call& call);
void georadiusbymember(Call& call);
void georadiusbymember_ro(Call& call);
void geosearch(Call& call);
void geosearchstore(Call& call);

/// Arguments `at` and `at` + 1 as longitude and latitude; replies with the error and returns false if they are none.
bool point_arg(Call& call, std::size_t at, GeoPoint& point);
/// Metres in the unit that argument `at` names; likewise.
bool unit_arg(Call& call, std::size_t at, double& metres);
void reply_coordinates(Call& call, const GeoPoint& point);
/// In the unit asked for, with four digits.
void reply_distance(Call& call, double distance);

}  // namespace stele::geo_command
