#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/support/client.h"

namespace stele::test {

/// What one writer does to its own keys, and how to tell afterwards that nothing acknowledged was lost.
///
/// A writer numbers its operations. Operation n is a request, or several that count as one. `acknowledged` is the last
/// operation whose reply has come, `sent` the last one that may have reached the server. After a crash the server must
/// be in the state after operation k, for one k with
///
///     acknowledged  <=  k  <=  sent
///
/// and verify() then takes k for the new starting point of both.
///
///     writer thread:  issue() ... issue(), accept() ... accept(), until the connection breaks
///     main thread:    verify() on the restarted server, while no writer runs
class Workload {
 public:
  virtual ~Workload() = default;

  virtual std::string name() const = 0;

  /// Requests (and replies) per operation.
  virtual std::size_t requests_per_operation() const { return 1; }

  /// Adds operation `n` to what `client` sends.
  virtual void issue(Client& client, std::int64_t n) = 0;

  /// Says why the server's state is none after operation k, `first` <= k <= `last`; else sets `k`.
  virtual std::string verify(Client& client, std::int64_t first, std::int64_t last, std::int64_t& k) = 0;

  /// Changes the server's state in a way that verify() has to notice.
  virtual void tamper(Client& client) = 0;
};

/// One workload of each kind, with keys of writer `id` alone.
std::vector<std::unique_ptr<Workload>> all_workloads(int id);

/// Those on other types than strings; all_workloads() has them.
void add_workloads_of_types(int id, std::vector<std::unique_ptr<Workload>>& all);

/// A workload on its connection, and the count of what it was told.
class Writer {
 public:
  Writer(std::unique_ptr<Workload> workload, std::uint64_t seed) : workload_(std::move(workload)), random_(seed) {}

  /// Pipelines operations of random depth until the connection breaks or stop() is called. On a thread of its own.
  void run(Client client);
  void stop() { stop_ = true; }

  /// Compares the server's state with what was acknowledged. "" if nothing is lost.
  std::string verify(Client& client);

  const Workload& workload() const { return *workload_; }
  Workload& workload() { return *workload_; }
  std::int64_t acknowledged_total() const { return acknowledged_total_; }
  /// Error replies, with the last one: a server may refuse writes (loading, disk full), and refused is not lost.
  std::int64_t refused() const { return refused_; }
  const std::string& last_error() const { return last_error_; }

 private:
  std::unique_ptr<Workload> workload_;
  std::mt19937_64 random_;
  std::atomic<bool> stop_ = false;
  std::int64_t acknowledged_ = 0;
  std::int64_t sent_ = 0;
  std::int64_t acknowledged_total_ = 0;
  std::int64_t refused_ = 0;
  std::string last_error_;
};

}  // namespace stele::test
