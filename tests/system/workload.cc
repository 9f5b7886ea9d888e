#include "tests/system/workload.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "tests/support/wait.h"

namespace stele::test {
namespace {

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A key that was never written reads as operation 0.
std::optional<std::int64_t> number_in(const Reply& reply) {
  if (reply.null) return 0;
  return reply.is_error() ? std::nullopt : number_in(reply.text);
}

std::string outside(std::string_view key, const Reply& found, std::int64_t first, std::int64_t last) {
  return fmt::format("{} is {}, expected the state after operation {} .. {}", key, describe(found), first, last);
}

/// SET of increasing numbers, over a few keys in turn. Key j holds the last operation that is j modulo kKeys.
class Sequence : public Workload {
 public:
  explicit Sequence(int id) : prefix_(fmt::format("w{}:sequence:", id)) {}
  std::string name() const override { return "sequence"; }

  void issue(Client& client, std::int64_t n) override {
    client.send(std::vector<std::string>{"SET", key(n % kKeys), std::to_string(n)});
  }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    std::vector<std::int64_t> values;
    for (int j = 0; j < kKeys; ++j) {
      const Reply reply = client.run("GET", key(j));
      const std::optional<std::int64_t> value = number_in(reply);
      if (!value || (*value != 0 && *value % kKeys != j)) return outside(key(j), reply, first, last);
      values.push_back(*value);
    }
    k = std::ranges::max(values);
    if (k < first || k > last)
      return outside(prefix_ + "*", Reply{.type = ':', .text = std::to_string(k)}, first, last);
    for (int j = 0; j < kKeys; ++j) {  // the newest write of every key up to k, no hole
      const std::int64_t expected = std::max<std::int64_t>(0, k - ((k - j) % kKeys + kKeys) % kKeys);
      if (values[static_cast<std::size_t>(j)] != expected) {
        return fmt::format("{} is {}, though operation {} is there: expected {}", key(j),
                           values[static_cast<std::size_t>(j)], k, expected);
      }
    }
    return "";
  }

  void tamper(Client& client) override { client.run("SET", key(1), 1); }

 private:
  static constexpr int kKeys = 16;
  std::string key(std::int64_t j) const { return prefix_ + std::to_string(j); }
  const std::string prefix_;
};

/// INCR: the value is the number of operations that took place.
class Counter : public Workload {
 public:
  explicit Counter(int id) : key_(fmt::format("w{}:counter", id)) {}
  std::string name() const override { return "counter"; }
  void issue(Client& client, std::int64_t) override { client.send(std::vector<std::string>{"INCR", key_}); }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Reply reply = client.run("GET", key_);
    const std::optional<std::int64_t> value = number_in(reply);
    if (!value || *value < first || *value > last) return outside(key_, reply, first, last);
    k = *value;
    return "";
  }

  void tamper(Client& client) override { client.run("DECRBY", key_, 1'000'000); }

 private:
  const std::string key_;
};

/// MULTI of two SETs and an INCR: all three or none.
class Transaction : public Workload {
 public:
  explicit Transaction(int id) : prefix_(fmt::format("w{}:transaction:", id)) {}
  std::string name() const override { return "transaction"; }
  std::size_t requests_per_operation() const override { return 5; }

  void issue(Client& client, std::int64_t n) override {
    client.send(std::vector<std::string>{"MULTI"});
    client.send(std::vector<std::string>{"SET", prefix_ + "a", std::to_string(n)});
    client.send(std::vector<std::string>{"SET", prefix_ + "b", std::to_string(n)});
    client.send(std::vector<std::string>{"INCR", prefix_ + "count"});
    client.send(std::vector<std::string>{"EXEC"});
  }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Reply reply = client.run("MGET", prefix_ + "a", prefix_ + "b", prefix_ + "count");
    if (reply.elements.size() != 3) return outside(prefix_, reply, first, last);
    const std::optional<std::int64_t> a = number_in(reply.elements[0]);
    if (!a || a != number_in(reply.elements[1]) || a != number_in(reply.elements[2])) {
      return fmt::format("{}: a transaction took place in part: {}", prefix_, describe(reply));
    }
    if (*a < first || *a > last) return outside(prefix_, reply, first, last);
    k = *a;
    return "";
  }

  void tamper(Client& client) override { client.run("INCR", prefix_ + "b"); }

 private:
  const std::string prefix_;
};

/// MSET of several keys: one effect, all or none.
class Together : public Workload {
 public:
  explicit Together(int id) : prefix_(fmt::format("w{}:together:", id)) {}
  std::string name() const override { return "together"; }

  void issue(Client& client, std::int64_t n) override {
    std::vector<std::string> command{"MSET"};
    for (int j = 0; j < kKeys; ++j) command.insert(command.end(), {prefix_ + std::to_string(j), std::to_string(n)});
    client.send(command);
  }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    std::vector<std::string> command{"MGET"};
    for (int j = 0; j < kKeys; ++j) command.push_back(prefix_ + std::to_string(j));
    const Reply reply = client.run_arguments(command);
    if (reply.elements.size() != kKeys) return outside(prefix_, reply, first, last);
    const std::optional<std::int64_t> value = number_in(reply.elements[0]);
    for (const Reply& element : reply.elements) {
      if (!value || number_in(element) != value)
        return fmt::format("{}: MSET took place in part: {}", prefix_, describe(reply));
    }
    if (*value < first || *value > last) return outside(prefix_, reply, first, last);
    k = *value;
    return "";
  }

  void tamper(Client& client) override { client.run("DEL", prefix_ + "3"); }

 private:
  static constexpr int kKeys = 8;
  const std::string prefix_;
};

/// APPEND of numbered records: the text must be an unbroken run of them, in order. Begins a new text now and then.
class Records : public Workload {
 public:
  explicit Records(int id) : prefix_(fmt::format("w{}:records:", id)) {}
  std::string name() const override { return "records"; }

  void issue(Client& client, std::int64_t n) override {
    client.send(std::vector<std::string>{n % kRecords == 0 ? "SET" : "APPEND",
                                         prefix_ + std::to_string(n / kRecords % kTexts), record(n)});
  }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    k = 0;
    std::int64_t newest_begin = 0;
    std::vector<std::int64_t> ends;
    for (int j = 0; j < kTexts; ++j) {
      const std::string key = prefix_ + std::to_string(j);
      const Reply reply = client.run("GET", key);
      if (reply.null) continue;
      const std::string_view text = reply.text;
      if (reply.is_error() || text.empty() || text.size() % kRecordBytes != 0) {
        return fmt::format("{}: {} bytes, no whole number of records", key, text.size());
      }
      const std::int64_t begin = number_in(text.substr(0, kRecordBytes - 1)).value_or(-1);
      const auto count = static_cast<std::int64_t>(text.size() / kRecordBytes);
      for (std::int64_t i = 0; i < count; ++i) {
        if (text.substr(static_cast<std::size_t>(i) * kRecordBytes, kRecordBytes) != record(begin + i)) {
          return fmt::format("{}: record {} is not the one after {}", key, i, begin + i - 1);
        }
      }
      if (begin != 1 && begin % kRecords != 0) return fmt::format("{}: begins with record {}", key, begin);
      k = std::max(k, begin + count - 1);
      newest_begin = std::max(newest_begin, begin);
      ends.push_back(begin + count);
    }
    if (newest_begin > 1 && std::ranges::find(ends, newest_begin) == ends.end()) {
      return fmt::format("{}*: the text before record {} is not whole", prefix_, newest_begin);
    }
    if (k < first || k > last)
      return fmt::format("{}*: ends with record {}, expected {} .. {}", prefix_, k, first, last);
    return "";
  }

  void tamper(Client& client) override {
    for (int j = 0; j < kTexts; ++j) client.run("SETRANGE", prefix_ + std::to_string(j), 3, "x");
  }

 private:
  static constexpr std::int64_t kRecords = 2000;
  static constexpr int kTexts = 2;
  static constexpr std::size_t kRecordBytes = 11;
  static std::string record(std::int64_t n) { return fmt::format("{:010};", n); }
  const std::string prefix_;
};

/// SET on odd operations, DEL on even ones.
class Churn : public Workload {
 public:
  explicit Churn(int id) : key_(fmt::format("w{}:churn", id)) {}
  std::string name() const override { return "churn"; }

  void issue(Client& client, std::int64_t n) override {
    if (n % 2 == 1) {
      client.send(std::vector<std::string>{"SET", key_, std::to_string(n)});
    } else {
      client.send(std::vector<std::string>{n % 4 == 0 ? "DEL" : "UNLINK", key_});
    }
  }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Reply reply = client.run("GET", key_);
    if (reply.null) {
      k = first % 2 == 0 ? first : first + 1;
    } else {
      const std::optional<std::int64_t> value = number_in(reply);
      if (!value || *value % 2 != 1) return outside(key_, reply, first, last);
      k = *value;
    }
    if (k < first || k > last) return outside(key_, reply, first, last);
    return "";
  }

  void tamper(Client& client) override { client.run("SET", key_, 2); }

 private:
  const std::string key_;
};

/// Keys with a deadline: one far off, which must come back to the millisecond, and one so near that it passes in the
/// crash and must not come back.
class Expiring : public Workload {
 public:
  explicit Expiring(int id) : far_(fmt::format("w{}:expiring:far", id)), near_(fmt::format("w{}:expiring:near", id)) {}
  std::string name() const override { return "expiring"; }
  std::size_t requests_per_operation() const override { return 2; }

  void issue(Client& client, std::int64_t n) override {
    client.send(std::vector<std::string>{"SET", far_, std::to_string(n), "PXAT", std::to_string(kFarMillis + n)});
    client.send(std::vector<std::string>{"SET", near_, std::to_string(n), "PX", "20"});
  }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Reply reply = client.run("GET", far_);
    const std::optional<std::int64_t> value = number_in(reply);
    if (!value || *value < first || *value > last) return outside(far_, reply, first, last);
    k = *value;
    if (k > 0 && client.run("PEXPIRETIME", far_).integer() != kFarMillis + k) {
      return fmt::format("{}: the deadline of operation {} has moved", far_, k);
    }
    if (!wait_until([&] { return client.run("EXISTS", near_) == "0"; }, std::chrono::seconds(2))) {
      return near_ + ": outlives its deadline";
    }
    return "";
  }

  void tamper(Client& client) override { client.run("PERSIST", far_); }

 private:
  static constexpr std::int64_t kFarMillis = 5'000'000'000'000;
  const std::string far_;
  const std::string near_;
};

/// Long values: they fill segments, and cross their boundaries.
class Long : public Workload {
 public:
  explicit Long(int id) : key_(fmt::format("w{}:long", id)) {}
  std::string name() const override { return "long"; }

  void issue(Client& client, std::int64_t n) override { client.send(std::vector<std::string>{"SET", key_, text(n)}); }

  std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) override {
    const Reply reply = client.run("GET", key_);
    k = reply.null ? 0 : number_in(std::string_view(reply.text).substr(0, reply.text.find(';'))).value_or(-1);
    if (k < first || k > last) return outside(key_, reply, first, last);
    if (!reply.null && reply.text != text(k)) return fmt::format("{}: operation {} came back damaged", key_, k);
    return "";
  }

  void tamper(Client& client) override { client.run("APPEND", key_, "x"); }

 private:
  static std::string text(std::int64_t n) {
    std::string text = std::to_string(n) + ";";
    std::mt19937 random(static_cast<std::uint32_t>(n));
    const std::size_t size = random() % 30'000 + 100;
    while (text.size() < size) text += std::to_string(random());
    return text;
  }
  const std::string key_;
};

}  // namespace

std::vector<std::unique_ptr<Workload>> all_workloads(int id) {
  std::vector<std::unique_ptr<Workload>> all;
  all.push_back(std::make_unique<Sequence>(id));
  all.push_back(std::make_unique<Counter>(id));
  all.push_back(std::make_unique<Transaction>(id));
  all.push_back(std::make_unique<Together>(id));
  all.push_back(std::make_unique<Records>(id));
  all.push_back(std::make_unique<Churn>(id));
  all.push_back(std::make_unique<Expiring>(id));
  all.push_back(std::make_unique<Long>(id));
  add_workloads_of_types(id, all);
  return all;
}

void Writer::run(Client client) {
  const std::size_t requests = workload_->requests_per_operation();
  try {
    while (!stop_) {
      const std::int64_t depth = std::uniform_int_distribution<std::int64_t>(1, random_() % 2 == 0 ? 1 : 32)(random_);
      const std::int64_t begin = sent_;
      for (std::int64_t i = 1; i <= depth; ++i) workload_->issue(client, begin + i);
      sent_ = begin + depth;
      client.flush();
      for (std::int64_t i = 1; i <= depth; ++i) {
        bool accepted = true;
        for (std::size_t j = 0; j < requests; ++j) {
          const Reply reply = client.read();
          if (!reply.is_error()) continue;
          accepted = false;
          last_error_ = reply.text;
        }
        if (!accepted) {
          ++refused_;
          return;  // what comes after it may or may not take place: as good as a crash
        }
        acknowledged_ = begin + i;
        ++acknowledged_total_;
      }
    }
  } catch (const ConnectionLost&) {
    return;  // the crash this program is about
  }
}

std::string Writer::verify(Client& client) {
  stop_ = false;
  std::int64_t k = 0;
  std::string what = workload_->verify(client, acknowledged_, sent_, k);
  if (what.empty()) acknowledged_ = sent_ = k;
  return what;
}

}  // namespace stele::test
