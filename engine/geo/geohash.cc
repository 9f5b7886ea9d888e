#include "engine/geo/geohash.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace stele {

namespace {

constexpr double kEarthRadius = 6372797.560856;  // metres; the mean that Redis took
constexpr double kMercatorMax = 20037726.37;     // metres from the middle of the map to its edge
constexpr double kDegree = std::numbers::pi / 180;

double radians(double degrees) { return degrees * kDegree; }
double degrees(double radians) { return radians / kDegree; }

/// Bit i goes to place 2i.
std::uint64_t spread(std::uint32_t value) {
  std::uint64_t x = value;
  x = (x | x << 16) & 0x0000FFFF0000FFFF;
  x = (x | x << 8) & 0x00FF00FF00FF00FF;
  x = (x | x << 4) & 0x0F0F0F0F0F0F0F0F;
  x = (x | x << 2) & 0x3333333333333333;
  x = (x | x << 1) & 0x5555555555555555;
  return x;
}

std::uint32_t gather(std::uint64_t x) {
  x &= 0x5555555555555555;
  x = (x | x >> 1) & 0x3333333333333333;
  x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0F;
  x = (x | x >> 4) & 0x00FF00FF00FF00FF;
  x = (x | x >> 8) & 0x0000FFFF0000FFFF;
  x = (x | x >> 16) & 0x00000000FFFFFFFF;
  return static_cast<std::uint32_t>(x);
}

/// At the far edge of the world this is one more than there are: as Redis computes it, the cell is then beyond the
/// last.
std::uint32_t index_of(double value, double max, unsigned steps) {
  const double offset = (value + max) / (2 * max);
  return static_cast<std::uint32_t>(
      static_cast<std::uint64_t>(offset * static_cast<double>(std::uint64_t{1} << steps)));
}

/// Any score can stand in the set, and one that is no cell has no meaning, but must not be undefined either: what Redis' builds
/// for x86 make of it.
std::uint64_t bits_of(double score) {
  constexpr double kSigned = 9223372036854775808.0;     // 2^63
  constexpr double kUnsigned = 18446744073709551616.0;  // 2^64
  if (score > -kSigned && score < kSigned) return static_cast<std::uint64_t>(static_cast<std::int64_t>(score));
  if (score >= kSigned && score < kUnsigned) return static_cast<std::uint64_t>(score);
  return score > 0 ? 0 : std::uint64_t{1} << 63;
}

/// How often the world can be halved so that a cell and its neighbours still hold a circle of this radius.
unsigned steps_for(double radius, double latitude) {
  if (radius == 0) return kGeoStepsMax;
  int steps = 1;
  for (; radius < kMercatorMax; radius *= 2) ++steps;
  steps -= 2;  // for most circles; towards the poles, cells are narrower
  if (std::abs(latitude) > 66) --steps;
  if (std::abs(latitude) > 80) --steps;
  return static_cast<unsigned>(std::clamp(steps, 1, static_cast<int>(kGeoStepsMax)));
}

/// The box in degrees around a shape.
GeoBox bounds_of(const GeoShape& shape) {
  const double height = shape.is_box ? shape.height / 2 : shape.radius;
  const double width = shape.is_box ? shape.width / 2 : shape.radius;
  const double latitude = shape.center.latitude, longitude = shape.center.longitude;
  const double north = degrees(height / kEarthRadius);
  // The parallel nearer to the pole is the shorter one, so more degrees of longitude are as far.
  const double widest = latitude < 0 ? latitude - north : latitude + north;
  const double east = degrees(width / kEarthRadius / std::cos(radians(widest)));
  return {longitude - east, longitude + east, latitude - north, latitude + north};
}

}  // namespace

GeoCell geo_cell(const GeoPoint& point, unsigned steps, double latitude_max) {
  const std::uint64_t rows = spread(index_of(point.latitude, latitude_max, steps));
  const std::uint64_t columns = spread(index_of(point.longitude, kLongitudeMax, steps));
  return {rows | columns << 1, steps};
}

GeoBox geo_box(const GeoCell& cell) {
  const double row = gather(cell.bits), column = gather(cell.bits >> 1);
  const auto cells = static_cast<double>(std::uint64_t{1} << cell.steps);
  const auto at = [cells](double index, double max) { return -max + index / cells * (2 * max); };
  return {at(column, kLongitudeMax), at(column + 1, kLongitudeMax), at(row, kLatitudeMax), at(row + 1, kLatitudeMax)};
}

GeoCell geo_neighbour(const GeoCell& cell, int east, int north) {
  // Only an axis that is moved along wraps: a cell beyond the last (index_of) is left where its places are stored.
  const std::uint64_t mask = (std::uint64_t{1} << (2 * cell.steps)) - 1;
  const auto moved = [mask](std::uint64_t axis, int by) {
    return by == 0 ? axis : spread(gather(axis) + static_cast<std::uint32_t>(by)) & mask;
  };
  const std::uint64_t every_second = 0x5555555555555555;
  return {moved(cell.bits & every_second, north) | moved(cell.bits >> 1 & every_second, east) << 1, cell.steps};
}

GeoPoint geo_point(double score) {
  const GeoBox box = geo_box({bits_of(score), kGeoStepsMax});
  return {std::clamp((box.longitude_min + box.longitude_max) / 2, -kLongitudeMax, kLongitudeMax),
          std::clamp((box.latitude_min + box.latitude_max) / 2, -kLatitudeMax, kLatitudeMax)};
}

double geo_score(const GeoPoint& point) { return static_cast<double>(geo_cell(point, kGeoStepsMax).bits); }

double geo_distance_of_latitudes(double a, double b) { return kEarthRadius * std::abs(radians(b) - radians(a)); }

double geo_distance(const GeoPoint& a, const GeoPoint& b) {
  const double v = std::sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v == 0) return geo_distance_of_latitudes(a.latitude, b.latitude);
  const double latitude_a = radians(a.latitude), latitude_b = radians(b.latitude);
  const double u = std::sin((latitude_b - latitude_a) / 2);
  return 2.0 * kEarthRadius * std::asin(std::sqrt(u * u + std::cos(latitude_a) * std::cos(latitude_b) * v * v));
}

std::array<char, 11> geohash_text(const GeoPoint& point) {
  static constexpr std::string_view kDigits = "0123456789bcdefghjkmnpqrstuvwxyz";
  const std::uint64_t bits = geo_cell(point, kGeoStepsMax, 90).bits;
  std::array<char, 11> text;
  // 52 bits are ten digits and a little: the eleventh is always the same.
  for (unsigned i = 0; i < 10; ++i) text[i] = kDigits[bits >> (52 - 5 * (i + 1)) & 31];
  text[10] = kDigits[0];
  return text;
}

std::optional<double> GeoShape::distance_inside(const GeoPoint& point) const {
  if (!is_box) {
    const double distance = geo_distance(center, point);
    return distance <= radius ? std::optional(distance) : std::nullopt;
  }
  if (geo_distance_of_latitudes(point.latitude, center.latitude) > height / 2) return std::nullopt;
  if (geo_distance(point, {center.longitude, point.latitude}) > width / 2) return std::nullopt;
  return geo_distance(center, point);
}

GeoCover geo_cover(const GeoShape& shape) {
  const GeoBox bounds = bounds_of(shape);
  const double half_width = shape.width / 2, half_height = shape.height / 2;
  const double radius = shape.is_box ? std::sqrt(half_width * half_width + half_height * half_height) : shape.radius;
  unsigned steps = steps_for(radius, shape.center.latitude);
  GeoCell middle = geo_cell(shape.center, steps);
  const auto reaches_past = [&](const GeoCell& cell) {
    return geo_box(geo_neighbour(cell, 0, 1)).latitude_max < bounds.latitude_max ||
           geo_box(geo_neighbour(cell, 0, -1)).latitude_min > bounds.latitude_min ||
           geo_box(geo_neighbour(cell, 1, 0)).longitude_max < bounds.longitude_max ||
           geo_box(geo_neighbour(cell, -1, 0)).longitude_min > bounds.longitude_min;
  };
  if (steps > 1 && reaches_past(middle)) middle = geo_cell(shape.center, --steps);

  // In this order members are found, and shown unless they are sorted: east and north of the middle.
  static constexpr int kAround[9][2] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
  const GeoBox box = geo_box(middle);
  GeoCover cover;
  for (const auto& [east, north] : kAround) {
    if (steps >= 2) {
      if (north < 0 && box.latitude_min < bounds.latitude_min) continue;
      if (north > 0 && box.latitude_max > bounds.latitude_max) continue;
      if (east < 0 && box.longitude_min < bounds.longitude_min) continue;
      if (east > 0 && box.longitude_max > bounds.longitude_max) continue;
    }
    cover.cells[cover.count++] = geo_neighbour(middle, east, north);
  }
  return cover;
}

}  // namespace stele
