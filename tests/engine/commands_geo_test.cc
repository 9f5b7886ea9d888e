#include "engine/geo/geohash.h"
#include "engine_fixture.h"

namespace stele::test {
namespace {

/// The example of Redis' own documentation; replies are those of Redis 7.0.15.
class GeoCommands : public EngineTest {
 protected:
  GeoCommands() {
    registry().add(geo_commands());
    registry().add(zset_commands());
    run("GEOADD", "Sicily", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania");
  }
};

TEST_F(GeoCommands, GeoaddIsAZaddToEverybodyElse) {
  EXPECT_EQ(run("GEOADD", "g", "CH", "13.361389", "38.115556", "Palermo"), ":1");
  EXPECT_EQ(effects(), "ZADD g CH 3479099956230698 Palermo");
  EXPECT_EQ(run("GEOADD", "g", "NX", "15", "37", "Palermo"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("GEOADD", "g", "181", "0", "a"), "-ERR invalid longitude,latitude pair 181.000000,0.000000");
  EXPECT_EQ(run("GEOADD", "g", "x", "0", "a"), "-ERR value is not a valid float");
  EXPECT_EQ(run("GEOADD", "g", "NX", "XX", "1", "1", "a"), "-ERR syntax error");
}

TEST_F(GeoCommands, PlacesAreToldAsCoordinatesDistancesAndTexts) {
  EXPECT_EQ(run("GEOPOS", "Sicily", "Palermo", "none"), "*2 *2 $20 13.36138933897018433 $20 38.11555639549629859 *-1");
  EXPECT_EQ(run("GEODIST", "Sicily", "Palermo", "Catania"), "$11 166274.1516");
  EXPECT_EQ(run("GEODIST", "Sicily", "Palermo", "Catania", "km"), "$8 166.2742");
  EXPECT_EQ(run("GEODIST", "Sicily", "Palermo", "Catania", "mi"), "$8 103.3182");
  EXPECT_EQ(run("GEODIST", "Sicily", "Palermo", "none"), "$-1");
  EXPECT_EQ(run("GEOHASH", "Sicily", "Palermo", "Catania", "none"), "*3 $11 sqc8b49rny0 $11 sqdtr74hyu0 $-1");
}

TEST_F(GeoCommands, ScoresThatAreNoPlaceAreTheSamePlaceAsInRedis) {
  const std::pair<const char*, const char*> kDistances[] = {{"inf", "0.8458"}, {"1e300", "0.8458"}, {"-inf", "0.8462"},
                                                            {"9.3e18", "18919843.7433"}, {"-5", "18919843.7433"}};
  for (const auto& [score, distance] : kDistances) {
    run("ZADD", "z", score, "a", std::string_view(score) == "-5" ? "7" : "5", "b");
    EXPECT_EQ(run("GEODIST", "z", "a", "b").substr(std::string_view(distance).size() > 9 ? 4 : 3), distance) << score;
  }
}

TEST_F(GeoCommands, SearchesFindWhatIsInside) {
  EXPECT_EQ(run("GEORADIUS", "Sicily", "15", "37", "200", "km", "WITHDIST", "ASC"),
            "*2 *2 $7 Catania $7 56.4413 *2 $7 Palermo $8 190.4424");
  EXPECT_EQ(run("GEORADIUS", "Sicily", "15", "37", "100", "km"), "*1 $7 Catania");
  EXPECT_EQ(run("GEOSEARCH", "Sicily", "FROMLONLAT", "15", "37", "BYBOX", "400", "400", "km", "DESC"),
            "*2 $7 Palermo $7 Catania");
  EXPECT_EQ(run("GEOSEARCH", "Sicily", "FROMMEMBER", "Palermo", "BYRADIUS", "1", "m", "WITHHASH"),
            "*1 *2 $7 Palermo :3479099956230698");
  EXPECT_EQ(run("GEOSEARCH", "Sicily", "FROMMEMBER", "none", "BYRADIUS", "1", "m"),
            "-ERR could not decode requested zset member");
  EXPECT_EQ(run("GEOSEARCH", "Sicily", "BYRADIUS", "1", "m", "ASC", "DESC"),
            "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH");
  EXPECT_EQ(run("GEORADIUS_RO", "Sicily", "15", "37", "100", "km", "STORE", "d"), "-ERR syntax error");
}

TEST_F(GeoCommands, StoredIsTheCellOrTheDistance) {
  EXPECT_EQ(run("GEOSEARCHSTORE", "d", "Sicily", "FROMLONLAT", "15", "37", "BYRADIUS", "200", "km"), ":2");
  EXPECT_EQ(effects(), "GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 200 km");
  EXPECT_EQ(run("ZSCORE", "d", "Palermo"), "$16 3479099956230698");
  EXPECT_EQ(run("GEORADIUS", "Sicily", "15", "37", "200", "km", "STOREDIST", "d"), ":2");
  EXPECT_TRUE(run("ZSCORE", "d", "Catania").starts_with("$18 56.4412578")) << run("ZSCORE", "d", "Catania");
  EXPECT_EQ(run("GEORADIUS", "Sicily", "0", "0", "1", "km", "STORE", "d"), ":0");
  EXPECT_EQ(run("ZCARD", "d"), ":0");
}

TEST_F(GeoCommands, ScoresThatAreNoCellsDoNoHarm) {
  run("ZADD", "z", "-inf", "a", "1e300", "b", "-5", "c", "nan", "d");
  EXPECT_TRUE(run("GEOPOS", "z", "a", "b", "c").starts_with("*"));
  EXPECT_TRUE(run("GEOSEARCH", "z", "FROMLONLAT", "0", "0", "BYRADIUS", "30000", "km").starts_with("*"));
}

TEST_F(GeoCommands, APlaceOnTheEasternEdgeIsFoundAroundItself) {
  run("GEOADD", "g", "180", "3.229133425", "edge", "-170", "3", "beyond");
  EXPECT_EQ(run("GEORADIUSBYMEMBER", "g", "edge", "2155", "ft"), "*1 $4 edge");
  EXPECT_EQ(run("GEOSEARCH", "g", "FROMLONLAT", "180", "3.229133425", "BYRADIUS", "1", "km"), "*1 $4 edge");
}

TEST_F(GeoCommands, CellsWrapAroundTheEdges) {
  const GeoCell cell = geo_cell({179.99, 84.9}, 4);
  EXPECT_EQ(geo_neighbour(geo_neighbour(cell, 1, 1), -1, -1), cell);
  EXPECT_EQ(geo_neighbour(cell, 1, 0).bits & 0xAA, 0u);  // the first column
}

}  // namespace
}  // namespace stele::test
