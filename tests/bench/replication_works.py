"""The works of bench.py about replication: a primary and a replica of the same kind, stele and Redis in turns."""

import contextlib
import os
import re
import signal
import statistics
import subprocess
import time

REPLICATION = {
    "replicated_p1": "SET with a replica, -P 1",
    "replicated_p16": "SET with a replica, -P 16",
    "full_sync": "a full sync of --keys keys",
    "catch_up": "a replica that was away for --behind MB of stream",
    "lag": "writes until they are seen on the replica, while SETs with -P 16 keep everything busy",
}
# What keeps Redis from doing at once what is measured here.
PRIMARY_ARGS = ["--repl-diskless-sync-delay", "0", "--client-output-buffer-limit", "replica 0 0 0"]


def offset(server):
    return int(server.info("master_repl_offset"))


def wait_until(condition, what, deadline_seconds=900, pause=0.005):
    end = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what} did not come to pass")
        time.sleep(pause)


def is_in_step(primary, replica):
    return replica.info("master_link_status") == "up" and offset(replica) >= offset(primary)


class ReplicationWorks:
    """Mixed into Bench."""

    @contextlib.contextmanager
    def pair(self, name, extra=()):
        """A primary and a replica that has all it has."""
        with self.server(name, extra=[*PRIMARY_ARGS, *extra]) as primary:
            with self.server(name, extra=[*PRIMARY_ARGS, *extra, "--replicaof", "127.0.0.1", str(primary.port)]) as replica:
                wait_until(lambda: is_in_step(primary, replica), f"{name}: in step")
                yield primary, replica

    def replicated_p1(self):
        self.replicated("1", 1.0)

    def replicated_p16(self):
        self.replicated("16", 2.0)

    def replicated(self, pipeline, share):
        requests = max(1000, int(self.options.requests * share))
        arguments = ["-t", "set", "-P", pipeline]
        rates, cpus, ends = ({"stele": [], "redis": []} for _ in range(3))
        with self.pair("stele") as stele, self.pair("redis") as redis:
            pairs = {"stele": stele, "redis": redis}
            for primary, _ in pairs.values():
                self.redis_benchmark(primary, arguments, max(1000, requests // 10))
            for _ in range(self.options.rounds):
                for name, servers in pairs.items():
                    primary, replica = servers
                    before = sum(server.cpu_seconds() for server in servers)
                    began = time.monotonic()
                    rates[name].append(self.redis_benchmark(primary, arguments, requests))
                    wait_until(lambda: is_in_step(primary, replica), f"{name}: in step")
                    ends[name].append(requests / (time.monotonic() - began))
                    cpus[name].append((sum(server.cpu_seconds() for server in servers) - before) * 1e6 / requests)
        middle = statistics.median
        title = REPLICATION[f"replicated_p{pipeline}"]
        self.add(f"{title}: requests per second", "1/s", middle(rates["stele"]), middle(rates["redis"]), ratio_at_least=1.2)
        self.rows[-1]["rounds"] = {"cpu_us": cpus, "per_second": rates, "per_second_until_in_step": ends}
        self.add(f"{title}: the same, until the replica has it all", "1/s", middle(ends["stele"]), middle(ends["redis"]))
        self.add(f"{title}: CPU per command, both servers", "us", middle(cpus["stele"]), middle(cpus["redis"]))

    def full_sync(self):
        keys = self.options.keys
        taken = {"stele": [], "redis": []}
        with contextlib.ExitStack() as stack:
            primaries = {name: stack.enter_context(self.server(name, extra=PRIMARY_ARGS)) for name in taken}
            for primary in primaries.values():
                self.load_keys(primary.port, 0, keys, b"v" * 100)
            for _ in range(max(1, min(3, self.options.rounds))):
                for name, primary in primaries.items():
                    with self.server(name, extra=PRIMARY_ARGS) as replica, self.connect(replica.port) as connection:
                        began = time.monotonic()
                        connection.run("REPLICAOF", "127.0.0.1", primary.port)
                        # Redis does not answer while it loads.
                        wait_until(lambda: is_in_step(primary, replica), f"{name}: the full sync")
                        taken[name].append(time.monotonic() - began)
                        if connection.run("DBSIZE") != keys:
                            raise RuntimeError(f"{name}: the replica has {connection.run('DBSIZE')} keys")
        self.add(f"{REPLICATION['full_sync'].replace('--keys', str(keys))}", "s", statistics.median(taken["stele"]),
                 statistics.median(taken["redis"]), ratio_goal=0.5)
        self.rows[-1]["rounds"] = taken

    def catch_up(self):
        """The replica stands still while the primary is written to and its link is cut; then it goes on from where it was."""
        megabytes = self.options.behind
        rates = {"stele": [], "redis": []}
        writes = megabytes * (1 << 20) // 160
        for _ in range(max(1, min(3, self.options.rounds))):
            for name in rates:
                # Redis' backlog is in memory; here it is the journal.
                backlog = ["--repl-backlog-size", f"{2 * megabytes + 64}mb"] if name == "redis" else []
                with self.pair(name, backlog) as (primary, replica):
                    os.kill(replica.process.pid, signal.SIGSTOP)
                    with self.connect(primary.port) as connection:
                        connection.run("CLIENT", "KILL", "TYPE", "replica")
                        full = int(primary.info("sync_full"))
                        before = offset(primary)
                        self.redis_benchmark(primary, ["-t", "set", "-P", "64"], writes)
                        behind = offset(primary) - before
                        os.kill(replica.process.pid, signal.SIGCONT)
                        began = time.monotonic()
                        wait_until(lambda: is_in_step(primary, replica), f"{name}: caught up")
                        rates[name].append(behind / (time.monotonic() - began) / 2**20)
                        if int(primary.info("sync_full")) != full:
                            raise RuntimeError(f"{name}: it took a full sync")
        self.add(f"{REPLICATION['catch_up'].replace('--behind', str(megabytes))}", "MB/s", statistics.median(rates["stele"]),
                 statistics.median(rates["redis"]), ratio_at_least=1.5)
        self.rows[-1]["rounds"] = rates

    def lag(self):
        figures = {"stele": [], "redis": []}
        program = self.helper("lag")
        with self.pair("stele") as stele, self.pair("redis") as redis:
            for _ in range(self.options.rounds):
                for name, (primary, replica) in {"stele": stele, "redis": redis}.items():
                    argv = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(primary.port), "-n", "1000000000", "-c", "50", "-d", "100",
                            "-r", str(self.options.keyspace), "-P", "16", "-t", "set", "-q"]
                    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as load:
                        time.sleep(1)
                        seconds = "2" if self.options.quick else "8"
                        done = subprocess.run([str(program), str(primary.port), str(replica.port), seconds], capture_output=True,
                                              text=True, check=True)
                        load.terminate()
                    figures[name].append([int(word) for word in re.findall(r"\d+", done.stdout)])
        for title, index, goal in (("p50", 1, None), ("p99", 2, 10.0), ("the longest", 3, None)):
            milliseconds = {name: statistics.median(each[index] for each in of) / 1000 for name, of in figures.items()}
            self.add(f"{REPLICATION['lag']}: {title}", "ms", milliseconds["stele"], milliseconds["redis"], stele_goal=goal)
        self.rows[-1]["rounds"] = figures
