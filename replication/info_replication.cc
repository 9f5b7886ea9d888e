// INFO replication and ROLE: the server's part in replication, with Redis' fields.

#include "protocol/info.h"
#include "protocol/resp_writer.h"
#include "replication/replication.h"

namespace stele {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;
using std::chrono::steady_clock;

std::int64_t seconds_since(steady_clock::time_point at) {
  return std::max<std::int64_t>(0, duration_cast<seconds>(steady_clock::now() - at).count());
}

void add_primary(InfoText& info, const Replication& replication, const Config& config, const Journal& journal) {
  info.add("master_host", replication.primary()->host);
  info.add("master_port", replication.primary()->port);
  info.add("master_link_status", replication.link_is_up() ? "up" : "down");
  info.add("master_last_io_seconds_ago", replication.link_is_up() ? seconds_since(replication.last_io()) : -1);
  info.add("master_sync_in_progress", replication.full_sync_in_progress() ? 1 : 0);
  info.add("slave_read_repl_offset", journal.end());
  info.add("slave_repl_offset", journal.end());
  if (replication.full_sync_in_progress()) {
    const PrimaryLink* link = replication.link();
    const std::uint64_t total = link == nullptr ? 0 : link->total_bytes();
    const std::uint64_t read = link == nullptr ? 0 : link->received_bytes();
    info.add("master_sync_total_bytes", total);
    info.add("master_sync_read_bytes", read);
    info.add("master_sync_left_bytes", static_cast<std::int64_t>(total) - static_cast<std::int64_t>(read));
    info.line("master_sync_perc:{:.2f}", total == 0 ? 0.0 : static_cast<double>(read) * 100 / static_cast<double>(total));
    info.add("master_sync_last_io_seconds_ago", seconds_since(replication.last_io()));
  }
  if (!replication.link_is_up()) {
    info.add("master_link_down_since_seconds", seconds_since(replication.link_down_since()));
    if (!replication.figures().last_error.empty()) info.add("master_link_error", replication.figures().last_error);
  }
  if (!replication.figures().refused_reason.empty()) {
    info.add("master_sync_refused_reason", replication.figures().refused_reason);
  }
  info.add("master_stream_failed_commands", replication.figures().failed_commands);
  info.add("slave_priority", config.replica_priority);
  info.add("slave_read_only", config.replica_read_only ? 1 : 0);
  info.add("replica_announced", config.replica_announced ? 1 : 0);
}

}  // namespace

ReplicationRole::Traffic Replication::traffic() const {
  const ReplicasFigures& figures = replicas_.figures();
  return {.replicas = replicas_.size(),
          .full_syncs = figures.full_syncs,
          .partial_syncs = figures.partial_syncs,
          .partial_syncs_refused = figures.partial_syncs_refused,
          .received_bytes = figures_.received_bytes,
          .sent_bytes = figures.sent_bytes,
          .tail_bytes = replicas_.tail().capacity()};
}

void Replication::add_info(InfoText& info) const {
  const Storage& storage = environment_.storage;
  const Config& config = environment_.config.now();
  info.begin("Replication");
  info.add("role", is_replica() || !config.replicaof.host.empty() ? "slave" : "master");
  if (!storage.is_open()) return info.add("connected_slaves", 0);
  const Journal& journal = storage.journal();
  if (is_replica()) add_primary(info, *this, config, journal);
  const Replicas& replicas = replicas_;
  info.add("connected_slaves", replicas.size());
  if (config.min_replicas_to_write > 0 && config.min_replicas_max_lag > 0) {
    info.add("min_slaves_good_slaves", replicas.in_touch(seconds(config.min_replicas_max_lag)));
  }
  std::size_t index = 0;
  replicas.for_each([&](std::uint64_t id, const Replica& replica) {
    const bool online = replica.state_name() == "online";
    info.line("slave{}:ip={},port={},state={},offset={},lag={}", index++, replicas.address_of(id, replica), replica.port,
              replica.state_name(), replica.acked, online ? seconds_since(replica.last_ack) : 0);
  });
  const bool has_previous = !storage.previous_replid().empty();
  info.add("master_failover_state", failover_.state_name());
  info.add("master_replid", journal.replid());
  info.add("master_replid2", has_previous ? storage.previous_replid() : ReplicationId(40, '0'));
  info.add("master_repl_offset", journal.end());
  // Redis names the first byte that the histories do not share.
  info.add("second_repl_offset",
           has_previous ? static_cast<std::int64_t>(storage.previous_replid_end().bytes()) + 1 : std::int64_t{-1});
  // Redis knows two names; whoever was away for longer looks for his among these.
  std::string older;
  for (const Journal::OlderHistory& history : journal.older_histories()) {
    if (history.replid != storage.previous_replid()) fmt::format_to(std::back_inserter(older), "{}{}:{}", older.empty() ? "" : ",", history.replid, history.end);
  }
  if (!older.empty()) info.add("master_older_replids", older);
  // The journal is the backlog, all of it.
  info.add("repl_backlog_active", 1);
  info.add("repl_backlog_size", config.repl_backlog_size);
  info.add("repl_backlog_first_byte_offset", journal.start() + 1);
  info.add("repl_backlog_histlen", journal.end() - journal.start());
  info.add("replicas_let_go", replicas.figures().let_go);
  const DigestCheck::Figures& compared = digests().figures();
  info.add("digest_ranges_compared", compared.ranges);
  info.add("digest_keys_compared", compared.keys);
  info.add("digest_ranges_passed_over", compared.passed_over);
  info.add("digest_ranges_that_differ", compared.differ);
  if (!compared.last_difference.empty()) info.add("digest_last_difference", compared.last_difference);
  info.add("lost_writes_files", figures_.lost_writes_files);
  info.add("lost_writes_bytes", figures_.lost_writes_bytes);
}

void Replication::role(Call& call) const {
  RespWriter& reply = call.reply();
  const Storage& storage = environment_.storage;
  const auto offset = storage.is_open() ? static_cast<std::int64_t>(storage.journal().end().bytes()) : 0;
  if (is_replica()) {
    std::string_view state = "connect";
    if (link_is_up()) {
      state = "connected";
    } else if (full_sync_in_progress()) {
      state = "sync";
    } else if (link_) {
      state = link_->phase() == PrimaryLink::Phase::connecting ? "connecting" : "handshake";
    }
    reply.array(5);
    reply.bulk("slave");
    reply.bulk(primary_->host);
    reply.integer(primary_->port);
    reply.bulk(state);
    return reply.integer(link_is_up() ? offset : -1);
  }
  reply.array(3);
  reply.bulk("master");
  reply.integer(offset);
  const auto mark = reply.begin_array();
  std::size_t count = 0;
  replicas_.for_each([&](std::uint64_t id, const Replica& replica) {
    if (replica.state_name() != "online") return;
    ++count;
    reply.array(3);
    reply.bulk(replicas_.address_of(id, replica));
    reply.bulk(std::to_string(replica.port));
    reply.bulk(std::to_string(replica.acked.bytes()));
  });
  reply.end_array(mark, count);
}

}  // namespace stele
