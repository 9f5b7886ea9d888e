#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace stele {

/// Longitude and latitude in degrees.
struct GeoPoint {
  double longitude = 0;
  double latitude = 0;
};

/// What Web Mercator (EPSG:3857) shows, which is what Redis takes.
inline constexpr double kLongitudeMax = 180;
inline constexpr double kLatitudeMax = 85.05112878;

/// A cell of the grid that halves the world `steps` times in each direction. The bits of the latitude's index (even
/// places) and the longitude's (odd places) alternate, so near cells mostly have near numbers, and the cells inside of
/// one are a range.
struct GeoCell {
  std::uint64_t bits = 0;
  unsigned steps = 0;

  bool operator==(const GeoCell&) const = default;
};

/// A score holds a cell of 52 bits, which a double can hold exactly.
inline constexpr unsigned kGeoStepsMax = 26;

struct GeoBox {
  double longitude_min, longitude_max;
  double latitude_min, latitude_max;
};

GeoCell geo_cell(const GeoPoint& point, unsigned steps, double latitude_max = kLatitudeMax);
GeoBox geo_box(const GeoCell& cell);
/// The cell so many columns to the east and rows to the north, around the edges.
GeoCell geo_neighbour(const GeoCell& cell, int east, int north);

/// The point that the score of a member stands for: the middle of its cell.
GeoPoint geo_point(double score);
double geo_score(const GeoPoint& point);

/// Metres on a sphere of the Earth's size, by the haversine formula.
double geo_distance(const GeoPoint& a, const GeoPoint& b);
double geo_distance_of_latitudes(double a, double b);

/// The text that geohash.org and others use, whose latitudes go to the poles.
std::array<char, 11> geohash_text(const GeoPoint& point);

/// What is searched: a circle or a box around `center`, in metres. The box is as wide on its middle line as it says.
struct GeoShape {
  GeoPoint center;
  bool is_box = false;
  double radius = 0;
  double width = 0;
  double height = 0;

  /// How far `point` is from the center, if it lies inside.
  std::optional<double> distance_inside(const GeoPoint& point) const;
};

/// The up to nine cells that cover a shape: the one of its center and those around it that it reaches. Two may be the
/// same where the world is only a few cells large.
struct GeoCover {
  std::array<GeoCell, 9> cells;
  std::size_t count = 0;
};
GeoCover geo_cover(const GeoShape& shape);

}  // namespace stele
