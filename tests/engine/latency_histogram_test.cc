#include "engine/latency_histogram.h"

#include <gtest/gtest.h>

namespace stele {
namespace {

std::vector<std::pair<std::uint64_t, std::uint64_t>> doubling(const LatencyHistogram& histogram) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;
  histogram.visit_doubling([&](std::uint64_t last_ns, std::uint64_t count) { steps.emplace_back(last_ns / 1000, count); });
  return steps;
}

TEST(LatencyHistogramTest, PercentilesAreTheUpperEndsOfTheirBuckets) {
  LatencyHistogram histogram;
  histogram.record(15'000);
  EXPECT_EQ(histogram.percentile(50), 15'039u);  // buckets of 64 ns from 8192 on
  EXPECT_EQ(histogram.percentile(99.9), 15'039u);
}

TEST(LatencyHistogramTest, APercentileSplitsWhatWasRecorded) {
  LatencyHistogram histogram;
  for (int i = 0; i < 99; ++i) histogram.record(100);
  histogram.record(200);
  EXPECT_EQ(histogram.percentile(50), 100u);
  EXPECT_EQ(histogram.percentile(99), 100u);
  EXPECT_EQ(histogram.percentile(100), 200u);
}

TEST(LatencyHistogramTest, NothingRecordedIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.percentile(99), 0u);
  EXPECT_TRUE(doubling(histogram).empty());
}

TEST(LatencyHistogramTest, StepsCountAllUpToThem) {
  LatencyHistogram histogram;
  histogram.record(500);
  histogram.record(1'500);
  histogram.record(30'000);
  histogram.record(30'000);
  EXPECT_EQ(doubling(histogram), (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 1}, {2, 2}, {33, 4}}));
}

TEST(LatencyHistogramTest, WhatTakesLongerCountsAsTheLongest) {
  LatencyHistogram histogram;
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.total(), 1u);
  EXPECT_EQ(histogram.percentile(50), LatencyHistogram::kNanosecondsMax);
  EXPECT_EQ(doubling(histogram).back().second, 1u);
}

TEST(LatencyHistogramTest, EveryValueIsWithinOnePercentOfItsBucket) {
  for (std::uint64_t value = 1; value < LatencyHistogram::kNanosecondsMax; value += value / 3 + 1) {
    LatencyHistogram histogram;
    histogram.record(value);
    EXPECT_GE(histogram.percentile(50), value);
    EXPECT_LE(histogram.percentile(50), value + value / 100);
  }
}

}  // namespace
}  // namespace stele
