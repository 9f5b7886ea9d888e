// What the codec costs a command: bench_resp [--benchmark_filter=...]

#include <string>

#include <benchmark/benchmark.h>

#include "protocol/resp_command.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_writer.h"

namespace stele {
namespace {

std::string set_command(std::size_t value_bytes) {
  OutputBuffer buffer;
  append_command(buffer, "SET", "key:000042", std::string(value_bytes, 'v'));
  return std::string(buffer.view());
}

void parse_set(benchmark::State& state) {
  const std::string input = set_command(static_cast<std::size_t>(state.range(0)));
  RespParser parser;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse(input));
    benchmark::DoNotOptimize(parser.args().data());
  }
}
BENCHMARK(parse_set)->Arg(3)->Arg(100)->Arg(999)->Arg(1000);

void parse_pipeline_of_100(benchmark::State& state) {
  std::string input;
  for (int i = 0; i < 100; ++i) input += set_command(100);
  RespParser parser;
  for (auto _ : state) {
    std::string_view rest = input;
    while (!rest.empty()) {
      benchmark::DoNotOptimize(parser.parse(rest));
      rest.remove_prefix(parser.consumed());
    }
  }
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(parse_pipeline_of_100);

void parse_set_cut_in_two(benchmark::State& state) {
  const std::string input = set_command(100);
  RespParser parser;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse(std::string_view(input).substr(0, 60)));
    benchmark::DoNotOptimize(parser.parse(input));
  }
}
BENCHMARK(parse_set_cut_in_two);

void parse_inline_ping(benchmark::State& state) {
  RespParser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.parse("PING\r\n"));
}
BENCHMARK(parse_inline_ping);

// 512 MiB in reads of 16 KiB: the whole command, to show that the cost does not grow with its square.
void parse_large_bulk_in_16k_reads(benchmark::State& state) {
  const std::string input = set_command(std::size_t{512} << 20);
  for (auto _ : state) {
    RespParser parser;
    for (std::size_t arrived = 0; arrived < input.size(); arrived += 16384) {
      benchmark::DoNotOptimize(parser.parse(std::string_view(input).substr(0, arrived)));
    }
    benchmark::DoNotOptimize(parser.parse(input));
  }
}
BENCHMARK(parse_large_bulk_in_16k_reads)->Unit(benchmark::kMicrosecond);

void write_integer(benchmark::State& state) {
  OutputBuffer buffer;
  RespWriter writer(buffer, RespVersion::resp2);
  for (auto _ : state) {
    writer.integer(state.range(0));
    if (buffer.size() > 60000) buffer.clear();
  }
}
BENCHMARK(write_integer)->Arg(1)->Arg(42)->Arg(9999)->Arg(1234567890123);

void write_bulk(benchmark::State& state) {
  OutputBuffer buffer;
  RespWriter writer(buffer, RespVersion::resp2);
  const std::string payload(static_cast<std::size_t>(state.range(0)), 'v');
  for (auto _ : state) {
    writer.bulk(payload);
    if (buffer.size() > 60000) buffer.clear();
  }
}
BENCHMARK(write_bulk)->Arg(3)->Arg(100);

void write_ok(benchmark::State& state) {
  OutputBuffer buffer;
  RespWriter writer(buffer, RespVersion::resp2);
  for (auto _ : state) {
    writer.ok();
    if (buffer.size() > 60000) buffer.clear();
  }
}
BENCHMARK(write_ok);

void write_real(benchmark::State& state) {
  OutputBuffer buffer;
  RespWriter writer(buffer, RespVersion::resp3);
  for (auto _ : state) {
    writer.real(3.141);
    if (buffer.size() > 60000) buffer.clear();
  }
}
BENCHMARK(write_real);

void append_set_pxat(benchmark::State& state) {
  OutputBuffer buffer;
  const std::string value(100, 'v');
  for (auto _ : state) {
    append_command(buffer, "SET", "key:000042", value, "PXAT", UnixTime(1700000000000));
    if (buffer.size() > 60000) buffer.clear();
  }
}
BENCHMARK(append_set_pxat);

}  // namespace
}  // namespace stele

BENCHMARK_MAIN();
