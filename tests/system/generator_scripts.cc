// Scripts: they write several keys, fail half-way, catch errors, select databases. Family "n" holds numbers, "s" strings.
// What they call is what 7.0 and 7.2 answer alike; the shapes of replies are scripts' own.
#include "tests/system/generator.h"

namespace stele::test {
namespace {

/// EVAL with one key of `family` and one argument.
Command eval(Source& s, std::string_view family, std::string script, std::string argument) {
  return {s.one_in(20) ? "eval" : "EVAL", std::move(script), "1", s.key(family), std::move(argument)};
}

Command several_writes(Source& s) {
  return {"EVAL",
          "for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[1] .. i) end "
          "redis.call('EXPIRE', KEYS[1], ARGV[2]) return redis.call('MGET', unpack(KEYS))",
          "3", s.key("s"), s.key("s"), s.key("n"), s.value(), s.seconds()};
}

Command fails_half_way(Source& s) {
  return eval(s, "s", s.one_of("redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCRBY', KEYS[1], 'x')",
                               "redis.call('APPEND', KEYS[1], ARGV[1]) error('stopped')",
                               "redis.call('SET', KEYS[1], ARGV[1]) error({err = 'MINE stopped'})",
                               "redis.call('APPEND', KEYS[1], ARGV[1]) return nosuch",
                               "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('NOSUCH')",
                               "redis.call('DEL', KEYS[1]) return redis.call('GET')",
                               "redis.call('SET', KEYS[1], ARGV[1]) local t = nil return t.x",
                               "redis.call('SETEX', KEYS[1], 100000, ARGV[1]) return redis.call('MULTI')"),
              s.value());
}

Command catches(Source& s) {
  return eval(s, "n", s.one_of("local r = redis.pcall('INCRBY', KEYS[1], ARGV[1]) if type(r) == 'table' then return r.err end return r",
                               "return redis.pcall('INCRBY', KEYS[1], ARGV[1])",
                               "local ok, e = pcall(redis.call, 'INCRBY', KEYS[1], ARGV[1]) redis.call('SET', KEYS[1], tostring(ok)) return {ok, e}",
                               "return {redis.pcall('INCR', KEYS[1]), redis.pcall('GETRANGE', KEYS[1]), redis.pcall('DECR', KEYS[1])}"),
              s.integer());
}

Command converts(Source& s) {
  return eval(s, "s", s.one_of("return {1, 2.9, -2.9, 'x', true, false, nil, 5}", "return {ok = ARGV[1]}", "return {err = ARGV[1]}",
                               "return {KEYS, ARGV, #KEYS, {}}", "return redis.call('GET', KEYS[1])",
                               "return type(redis.call('GET', KEYS[1]))", "return {redis.call('MGET', KEYS[1], 'none')}",
                               "redis.setresp(3) return {map = {a = 1}}", "redis.setresp(3) return {set = {a = true}}",
                               "return {double = 3.25}", "return {big_number = '12345678901234567890'}",
                               "return {verbatim_string = {string = ARGV[1], format = 'txt'}}", "redis.setresp(3) return true",
                               "redis.setresp(3) return redis.call('GET', KEYS[1])", "return redis.error_reply(ARGV[1])",
                               "return redis.status_reply(ARGV[1])", "return tonumber(ARGV[1])", "return redis.sha1hex(ARGV[1])"),
              s.value());
}

Command libraries(Source& s) {
  return eval(s, "s", s.one_of("return cjson.encode({a = 1, b = {1, 2, 3}, c = ARGV[1]})", "return cjson.decode('[1,\"a\",{\"b\":[2]}]')",
                               "return cmsgpack.pack({1, 2, 'a', {x = 1.5}, ARGV[1]})",
                               "return cmsgpack.unpack(cmsgpack.pack({1, -5, 300, ARGV[1], {true, false}}))",
                               "return struct.pack('>I2hs', 7, -3, 'ab')", "return {struct.unpack('<i4b', 'abcde')}",
                               "return {bit.band(255, 15), bit.tohex(-1), bit.lshift(1, 31)}",
                               "local k = {} for w in string.gmatch('a b c', '%a') do k[#k + 1] = w:upper() end return k",
                               "local t = {3, 1, 2} table.sort(t) return t", "return {math.floor(2.7), math.max(1, 9), 7 % 3}"),
              s.value());
}

// The same few texts, so that some are cached when they are asked for by their SHA1.
Command by_sha(Source& s) {
  return {s.one_of("EVALSHA", "EVALSHA_RO"),
          s.one_of("fd758d1589d044dd850a6f05d52f2eefd27f033f", "69B4B9A5C5F8F1A1B8B6A6F4C1D0B2E3F4A5B6C7",
                   "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "short"),
          s.one_of("0", "0", "1", "-1", "x")};
}

const char* const kLibrary =
    "#!lua name=lib\n"
    "redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)\n"
    "redis.register_function{function_name = 'look', flags = {'no-writes'},\n"
    "  callback = function(keys, args) return redis.call('GET', keys[1]) end}\n"
    "redis.register_function('half', function(keys, args) redis.call('SET', keys[1], args[1]) return redis.call('INCR', keys[1]) end)\n";

// A line per generator.
// clang-format off
const GeneratorGroup kScripts("scripts", {"n", "s"}, {
    {12, several_writes},
    {14, fails_half_way},
    {10, catches},
    {14, converts},
    {10, libraries},
    {6, [](Source& s) -> Command { return eval(s, "n", "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCRBY', KEYS[1], 5)", s.integer()); }},
    {4, [](Source& s) -> Command { return eval(s, "s", "redis.call('SELECT', 1) redis.call('SET', KEYS[1], ARGV[1]) return redis.call('DBSIZE') >= 1", s.value()); }},
    {4, [](Source& s) -> Command { return eval(s, "s", "redis.call('PEXPIREAT', KEYS[1], ARGV[1]) return redis.call('EXISTS', KEYS[1])", s.unix_milliseconds()); }},
    {3, [](Source& s) -> Command { return eval(s, "s", "redis.call('SETEX', KEYS[1], 100000, ARGV[1]) redis.call('PERSIST', KEYS[1]) return redis.call('TTL', KEYS[1])", s.value()); }},
    {3, [](Source& s) -> Command { return {"EVAL", "redis.call('RENAME', KEYS[1], KEYS[2]) return redis.call('EXISTS', KEYS[1], KEYS[2])", "2", s.key("s"), s.key("s")}; }},
    {4, [](Source& s) -> Command { return {"EVAL_RO", s.one_of("return redis.call('GET', KEYS[1])", "return redis.call('SET', KEYS[1], '1')", "return redis.pcall('DEL', KEYS[1])"), "1", s.key("s")}; }},
    {3, [](Source& s) -> Command { return eval(s, "s", s.one_of("#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], '1')", "#!lua\nreturn redis.call('GETSET', KEYS[1], ARGV[1])", "#!lua flags=x\nreturn 1"), s.value()); }},
    {4, by_sha},
    {2, [](Source&) -> Command { return {"SCRIPT", "LOAD", "return redis.call('get',KEYS[1])"}; }},
    {1, [](Source&) -> Command { return {"SCRIPT", "LOAD", "return 1 +"}; }},
    {2, [](Source&) -> Command { return {"SCRIPT", "EXISTS", "fd758d1589d044dd850a6f05d52f2eefd27f033f", "x"}; }},
    {1, [](Source& s) -> Command { return {"SCRIPT", "FLUSH", s.one_of("SYNC", "ASYNC", "X")}; }},
    {3, [](Source& s) -> Command { return {"FUNCTION", "LOAD", s.one_of("REPLACE", "REPLACE", "OTHER"), kLibrary}; }},
    {2, [](Source&) -> Command { return {"FUNCTION", "LOAD", kLibrary}; }},
    {8, [](Source& s) -> Command { return {s.one_of("FCALL", "FCALL", "FCALL_RO"), s.one_of("put", "look", "half", "none"), "1", s.key("s"), s.value()}; }},
    {1, [](Source& s) -> Command { return {"FUNCTION", "DELETE", s.one_of("lib", "none")}; }},
    {1, [](Source&) -> Command { return {"FUNCTION", "FLUSH"}; }},
    {2, [](Source&) -> Command { return {"FUNCTION", "DUMP"}; }, Compare::shape},
});
// clang-format on

}  // namespace
}  // namespace stele::test
