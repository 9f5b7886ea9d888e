#!/usr/bin/env python3
"""Compares stele-server with Debian's redis-server: throughput, CPU per command, memory, restart, stalls.

Both servers get the same persistence settings, fresh directories and free loopback ports. Throughput works run in
turns, A B A B, and medians are reported, so that a slow minute of the machine hits both. The figure that matters most is
the server's CPU time per command: user + system of all its threads and of children it has waited for, from
/proc/PID/stat before and after a run, over the number of requests. It holds on a busy machine, where requests per second
do not.

    tests/bench/bench.py                        everything; the memory and restart works take minutes
    tests/bench/bench.py --quick                small counts, to see that it works
    tests/bench/bench.py --works set_p1,get_p1 --rounds 5 --requests 2000000

Writes build/bench/results.md and results.json. Goals are printed with pass or fail; the exit code is 0 either way.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from replication_works import REPLICATION, ReplicationWorks

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")

# name: (what it is, redis-benchmark arguments, appendfsync, share of --requests, stele/redis goals: CPU per command at
# most, requests per second at least)
THROUGHPUT = {
    "set_p1": ("SET, -P 1, everysec", ["-t", "set", "-P", "1"], "everysec", 1.0, 1.0, 1.0),
    "get_p1": ("GET, -P 1, everysec", ["-t", "get", "-P", "1"], "everysec", 1.0, 1.0, 1.0),
    "incr_p1": ("INCR, -P 1, everysec", ["-t", "incr", "-P", "1"], "everysec", 1.0, 1.0, 1.0),
    "set_p16": ("SET, -P 16, everysec", ["-t", "set", "-P", "16"], "everysec", 2.0, 1.0, 1.5),
    "incr_p16": ("INCR, -P 16, everysec", ["-t", "incr", "-P", "16"], "everysec", 2.0, 1.0, 1.5),
    "get_p16": ("GET, -P 16, everysec", ["-t", "get", "-P", "16"], "everysec", 2.0, 1.0, 1.1),
    "set_always": ("SET, -P 1, always", ["-t", "set", "-P", "1"], "always", 0.2, 1.0, 1.5),
}
# One command's elements under one key: (what it is, keys, elements each, command of the key and the numbers of elements)
ELEMENTS = [
    ("hash, listpack", 20_000, 50, lambda key, i: ["HSET", key, *(x for n in i for x in (f"field:{n:06d}", f"value:{n:06d}"))]),
    ("hash, hashtable", 1, 1_000_000, lambda key, i: ["HSET", key, *(x for n in i for x in (f"field:{n:06d}", f"value:{n:06d}"))]),
    ("set, intset", 20_000, 50, lambda key, i: ["SADD", key, *(100_000 + n for n in i)]),
    ("set, hashtable", 1, 1_000_000, lambda key, i: ["SADD", key, *(f"member:{n:06d}" for n in i)]),
    ("small set of strings (7.0: hashtable)", 20_000, 50, lambda key, i: ["SADD", key, *(f"member:{n:06d}" for n in i)]),
    ("sorted set, listpack", 20_000, 50, lambda key, i: ["ZADD", key, *(x for n in i for x in (n, f"member:{n:06d}"))]),
    ("sorted set, skiplist", 1, 1_000_000, lambda key, i: ["ZADD", key, *(x for n in i for x in (n, f"member:{n:06d}"))]),
    ("list, one node", 20_000, 50, lambda key, i: ["RPUSH", key, *(f"element:{n:06d}" for n in i)]),
    ("list, quicklist", 1, 1_000_000, lambda key, i: ["RPUSH", key, *(f"element:{n:06d}" for n in i)]),
]
OTHER = {
    "default_p1": "redis-benchmark's default set, no pipeline",
    "default_p16": "redis-benchmark's default set, pipeline of 16",
    "elements": "memory per element, by type and encoding",
    "memory": "memory per key, 10-byte keys and 100-byte values, all resident",
    "restart": "kill -9 to the first answered GET",
    "stall": "longest stall of a 1 ms pinger during BGSAVE",
    "snapshots": "RDB files of --keys strings and a fifth as many hashes: load, BGSAVE, its memory, GETs meanwhile",
    "replay": "going back in time: commands a second of `stele-aof to-rdb`, against DEBUG LOADAOF",
}
VALUE_BYTES = 100


class Server:
    """One server process in a fresh directory. A context manager: killed by pid and removed at the end."""

    def __init__(self, name, executable, argv0, args):
        self.name, self.executable, self.argv0, self.args = name, executable, argv0, args
        self.directory = tempfile.mkdtemp(prefix="stele-bench-")
        self.port = free_port()
        self.process = None

    def __enter__(self):
        try:
            self.spawn()
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill9()
        shutil.rmtree(self.directory, ignore_errors=True)

    def spawn(self):
        data = os.path.join(self.directory, "data")
        os.makedirs(data, exist_ok=True)
        argv = [self.argv0, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", data, "--save", "",
                "--appendonly", "yes", *self.args]
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(argv, executable=self.executable, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True)

    def wait_ready(self, deadline_seconds=600):
        end = time.monotonic() + deadline_seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                with Connection(self.port) as connection:
                    if connection.run("PING") == "PONG":
                        return
            except (OSError, RedisError):
                pass
            time.sleep(0.002)
        log = pathlib.Path(self.directory, "log").read_text(errors="replace")
        raise RuntimeError(f"{self.name} did not start:\n{log[-3000:]}")

    def kill9(self):
        if self.process is None or self.process.poll() is not None:
            return
        os.killpg(self.process.pid, signal.SIGKILL)  # its own session: a child that saves goes as well
        self.process.wait()

    def cpu_seconds(self):
        """User and system time of all threads, and of the children that were waited for (redis forks to save)."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def pss_bytes(self):
        """Of the process and its children; what they share counts once."""
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total = 0
        for each in [str(pid), *children]:
            try:
                text = pathlib.Path(f"/proc/{each}/smaps_rollup").read_text()
            except OSError:  # a child that has just ended
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) * 1024
        return total

    def info(self, field):
        with Connection(self.port) as connection:
            match = re.search(rf"^{field}:(.*?)\r?$", connection.run("INFO", "all"), re.M)
        return match.group(1) if match else ""


class RedisError(Exception):
    pass


class Connection:
    """A blocking RESP2 connection, just enough for loading and looking."""

    def __init__(self, port, timeout=600):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def run(self, *args):
        self.socket.sendall(encode(*args))
        return self.read()

    def pipeline(self, requests):
        """Sends all of them and waits until they are done. Nobody looks at replies: reading them here takes longer than all else."""
        batch = [encode("CLIENT", "REPLY", "OFF")]
        for request in requests:
            batch.append(request)
            if len(batch) == 1000:
                self.socket.sendall(b"".join(batch))
                batch.clear()
        batch.append(encode("CLIENT", "REPLY", "ON"))
        self.socket.sendall(b"".join(batch))
        self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode(errors="replace"))
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return int(rest) if kind == b":" else rest.decode()


def encode(*args):
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, bytes) else str(arg).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def free_port():
    """Below the range of outgoing connections, which could take the port of a server that restarts."""
    while True:
        port = random.randint(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def load_keys(port, first, last, value):
    """SETs k000000000-like 10-byte keys [first, last)."""
    template = b"*3\r\n$3\r\nSET\r\n$10\r\nk%09d\r\n$" + b"%d\r\n%s\r\n" % (len(value), value)
    with Connection(port) as connection:
        connection.pipeline((template % i for i in range(first, last)))


class Bench(ReplicationWorks):
    def __init__(self, options):
        self.options = options
        stele = pathlib.Path(options.stele).resolve()
        self.programs = {"stele": (str(stele), "redis-server" if "redis" in stele.name else "stele-server"),
                         "redis": ("/usr/bin/redis-check-rdb", "redis-server")}
        if not os.access(stele, os.X_OK):
            sys.exit(f"{stele}: no such program; build it, or name one with --stele")
        self.rows = []

    def server(self, name, fsync="everysec", extra=()):
        executable, argv0 = self.programs[name]
        given = self.options.stele_args.split() if name == "stele" else []
        return Server(name, executable, argv0, ["--appendfsync", fsync, *extra, *given])

    def add(self, work, unit, stele, redis, ratio_goal=None, stele_goal=None, ratio_at_least=None):
        """One line of the table. Less is better, unless the goal is a ratio_at_least."""
        ratio = stele / redis if redis else None
        goal, passed = "", None
        if ratio_goal is not None:
            goal, passed = f"ratio <= {ratio_goal:g}", stele <= redis * ratio_goal
        if ratio_at_least is not None:
            goal, passed = f"ratio >= {ratio_at_least:g}", stele >= redis * ratio_at_least
        if stele_goal is not None:
            goal, passed = f"<= {stele_goal:g} {unit}", stele <= stele_goal
        self.rows.append({"work": work, "unit": unit, "stele": stele, "redis": redis, "ratio": ratio, "goal": goal,
                          "pass": passed})
        verdict = "" if passed is None else ("  pass" if passed else "  FAIL")
        print(f"{work}: stele {stele:.4g} {unit}, redis {redis:.4g} {unit}, ratio {self.shown(ratio)}{verdict}", flush=True)

    @staticmethod
    def shown(ratio):
        return "-" if ratio is None else f"{ratio:.2f}"

    @staticmethod
    def connect(port):
        return Connection(port)

    @staticmethod
    def load_keys(port, first, last, value):
        load_keys(port, first, last, value)

    def throughput(self, work):
        title, arguments, fsync, share, cpu_goal, rate_goal = THROUGHPUT[work]
        requests = max(1000, int(self.options.requests * share))
        rates, cpus = {"stele": [], "redis": []}, {"stele": [], "redis": []}
        with self.server("stele", fsync) as stele, self.server("redis", fsync) as redis:
            servers = {"stele": stele, "redis": redis}
            if "get" in arguments:  # something to be read: the keys that redis-benchmark names
                for server in servers.values():
                    self.redis_benchmark(server, ["-t", "set", "-P", "16"], requests)
            for server in servers.values():  # warms up, grows tables and buffers
                self.redis_benchmark(server, arguments, max(1000, requests // 10))
            for _ in range(self.options.rounds):
                for name, server in servers.items():
                    before = server.cpu_seconds()
                    rates[name].append(self.redis_benchmark(server, arguments, requests))
                    cpus[name].append((server.cpu_seconds() - before) * 1e6 / requests)
        middle = statistics.median
        self.add(f"{title}: CPU per command", "us", middle(cpus["stele"]), middle(cpus["redis"]), ratio_goal=cpu_goal)
        self.add(f"{title}: requests per second", "1/s", middle(rates["stele"]), middle(rates["redis"]),
                 ratio_at_least=rate_goal)
        self.rows[-1]["rounds"] = {"cpu_us": cpus, "per_second": rates}

    def redis_benchmark(self, server, arguments, requests):
        argv = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-n", str(requests), "-c", "50",
                "-d", str(VALUE_BYTES), "-r", str(self.options.keyspace), "--csv", *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith('"') and not line.startswith('"test"')]
        if done.returncode != 0 or len(lines) != 1:
            raise RuntimeError(f"{' '.join(argv)}:\n{done.stdout}{done.stderr}")
        return float(lines[0].split(",")[1].strip('"'))

    def default_p1(self):
        self.default_set(1, 1.0, 0.2)

    def default_p16(self):
        self.default_set(16, 1.1, 0.5)

    def default_set(self, pipeline, goal, share):
        requests = max(1000, int(self.options.requests * share))
        rates = {}
        with self.server("stele") as stele, self.server("redis") as redis:
            for number in range(self.options.rounds + 1):
                for name, server in (("stele", stele), ("redis", redis)):
                    with Connection(server.port) as connection:
                        connection.run("FLUSHALL", "SYNC")
                    for test, rate in self.default_tests(server, pipeline, requests if number else requests // 10).items():
                        if number:  # the first one warms up
                            rates.setdefault(test, {"stele": [], "redis": []})[name].append(rate)
        for test, rate in rates.items():
            self.add(f"{test}, -P {pipeline}", "1/s", statistics.median(rate["stele"]), statistics.median(rate["redis"]),
                     ratio_at_least=goal)

    def default_tests(self, server, pipeline, requests):
        argv = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(server.port), "-n", str(requests), "-c", "50",
                "-r", str(self.options.keyspace), "-P", str(pipeline), "--csv"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith('"') and not line.startswith('"test"')]
        if done.returncode != 0 or len(lines) < 15:
            raise RuntimeError(f"{' '.join(argv)}:\n{done.stdout}{done.stderr}")
        fields = [[field.strip('"') for field in line.split('","')] for line in lines]
        return {name: float(rate) for name, rate, *_ in fields}

    def elements(self):
        scale = max(1, 5_000_000 // self.options.keys)
        for title, keys, each, command in ELEMENTS:
            keys, each = (max(1, keys // scale), each) if keys > 1 else (keys, each // scale)
            used = {}
            for name in ("stele", "redis"):
                with self.server(name) as server, Connection(server.port) as connection:
                    # Buffers for commands of this size are there before it counts.
                    connection.run(*command("warm", range(min(each, 1000))))
                    connection.run("DEL", "warm")
                    before = int(server.info("used_memory"))
                    for key in range(keys):
                        for first in range(0, each, 1000):
                            connection.run(*command(f"key:{key:06d}", range(first, min(first + 1000, each))))
                    used[name] = (int(server.info("used_memory")) - before) / (keys * each)
            self.add(f"memory per element, {title}, {keys} x {each}", "B", used["stele"], used["redis"], ratio_goal=1.0)

    def memory(self):
        keys = self.options.keys
        rss, used = {}, {}
        for name in ("stele", "redis"):
            with self.server(name) as server:
                rss_before, used_before = server.rss_bytes(), int(server.info("used_memory") or 0)
                load_keys(server.port, 0, keys, b"v" * VALUE_BYTES)
                rss[name] = (server.rss_bytes() - rss_before) / keys
                used[name] = (int(server.info("used_memory") or 0) - used_before) / keys
        self.add(f"memory per key, RSS, {keys} keys", "B", rss["stele"], rss["redis"], ratio_goal=1.0)
        self.add(f"memory per key, used_memory, {keys} keys", "B", used["stele"], used["redis"])

    def restart(self):
        keys = self.options.keys
        seconds = {}
        for name in ("stele", "redis"):
            with self.server(name) as server:
                load_keys(server.port, 0, keys, b"v" * VALUE_BYTES)
                taken = []
                for _ in range(max(1, min(3, self.options.rounds))):
                    server.kill9()
                    started = time.monotonic()
                    server.spawn()
                    self.wait_for_get(server, f"k{keys // 2:09d}")
                    taken.append(time.monotonic() - started)
                seconds[name] = statistics.median(taken)
        self.add(f"kill -9 to the first answered GET, {keys} keys", "s", seconds["stele"], seconds["redis"], stele_goal=1.0)

    @staticmethod
    def wait_for_get(server, key, deadline_seconds=900):
        end = time.monotonic() + deadline_seconds
        while time.monotonic() < end and server.process.poll() is None:
            try:
                with Connection(server.port, timeout=deadline_seconds) as connection:
                    if connection.run("GET", key) is None:
                        raise RuntimeError(f"{server.name} lost {key}")
                    return
            except (OSError, RedisError):  # not listening yet, or -LOADING
                time.sleep(0.001)
        raise RuntimeError(f"{server.name} did not answer again")

    def replay(self):
        requests = max(1000, self.options.requests)
        rates = {}
        for name in ("stele", "redis"):
            with self.server(name, extra=["--auto-aof-rewrite-percentage", "0", "--enable-debug-command", "yes"]) as server:
                for command in ("set", "incr", "hset", "rpush"):
                    self.redis_benchmark(server, ["-t", command, "-P", "16"], requests)
                if name == "redis":
                    with Connection(server.port) as connection:
                        started = time.monotonic()
                        connection.run("DEBUG", "LOADAOF")
                        rates[name] = 4 * requests / (time.monotonic() - started)
                    continue
                tool = pathlib.Path(self.programs["stele"][0]).with_name("stele-aof")
                argv = [tool, "to-rdb", "--json", os.path.join(server.directory, "data"), os.path.join(server.directory, "then.rdb")]
                done = subprocess.run(argv, capture_output=True, text=True, check=True)
                rates[name] = json.loads(done.stdout)["commands_a_second"]
        self.add(f"replay of {4 * requests} SET, INCR, HSET, RPUSH to a moment", "1/s", rates["stele"], rates["redis"])
        goal = 500_000
        self.rows[-1]["goal"], self.rows[-1]["pass"] = f">= {goal} 1/s", rates["stele"] >= goal

    def stall(self):
        keys = min(self.options.keys, 1_000_000)
        worst = {}
        for name in ("stele", "redis"):
            with self.server(name) as server:
                load_keys(server.port, 0, keys, b"v" * VALUE_BYTES)
                idle = self.longest_ping_ms(server, lambda: time.sleep(2))

                def save():
                    with Connection(server.port) as connection:
                        before = connection.run("LASTSAVE")
                        time.sleep(1.1)  # LASTSAVE counts in seconds
                        connection.run("BGSAVE")
                        end = time.monotonic() + 600
                        while connection.run("LASTSAVE") == before and time.monotonic() < end:
                            time.sleep(0.02)

                worst[name] = max(0.0, self.longest_ping_ms(server, save) - idle)
        self.add(f"longest stall in BGSAVE of {keys} dirty keys, less the idle figure", "ms", worst["stele"], worst["redis"],
                 stele_goal=5.0)

    def snapshots(self):
        """Both servers from the same dump.rdb, without the append-only files, so that Redis looks at it."""
        rounds = max(1, min(3, self.options.rounds))
        figures = {"stele": {}, "redis": {}}
        with tempfile.TemporaryDirectory(prefix="stele-bench-") as folder:
            dump = self.make_dump(pathlib.Path(folder, "dump.rdb"))
            for number in range(rounds):
                for name in ("stele", "redis"):
                    for figure, value in self.snapshot_round(name, dump).items():
                        figures[name].setdefault(figure, []).append(value)
                    print(f"  round {number + 1}, {name}: " +
                          ", ".join(f"{figure} {values[-1]:.4g}" for figure, values in figures[name].items()), flush=True)
        size = f"{self.options.keys} strings, {self.options.keys // 5} hashes"
        middle = {name: {figure: statistics.median(values) for figure, values in of.items()} for name, of in figures.items()}
        rows = [("load", f"dump.rdb to the first answered GET, {size}", "s", {"ratio_goal": 0.5}),
                ("save", f"BGSAVE after 100,000 SETs, {size}", "s", {"ratio_goal": 0.8}),
                ("bytes", "size of the RDB file", "B", {"ratio_goal": 1.02}),
                ("memory", "memory that BGSAVE adds under 20,000 SETs a second (PSS, most of it)", "MB", {"stele_goal": 64}),
                ("p999", "GET, 10 clients, 10,000 a second: p99.9 in BGSAVE, of the idle figure", "x", {"stele_goal": 1.2}),
                ("longest", "the longest of them in BGSAVE, of the idle figure", "x", {"stele_goal": 1.2}),
                ("p999_idle", "p99.9 of them, idle", "us", {}),
                ("p999_busy", "p99.9 of them, in BGSAVE", "us", {}),
                ("longest_idle", "the longest of them, idle", "us", {}),
                ("longest_busy", "the longest of them, in BGSAVE", "us", {})]
        for figure, work, unit, goals in rows:
            self.add(work, unit, middle["stele"][figure], middle["redis"][figure], **goals)
            self.rows[-1]["rounds"] = {name: figures[name][figure] for name in figures}

    def make_dump(self, path):
        keys = self.options.keys
        print(f"  making an RDB file of {keys} strings and {keys // 5} hashes", flush=True)
        pool = random.Random(1).randbytes(1 << 20).hex().encode()  # text that hardly compresses

        def value(i, size):
            at = i * 131 % (len(pool) - size)
            return pool[at:at + size]

        def hash_of(i):
            pairs = [part for field in range(5) for part in (f"field:{field}", value(5 * i + field, 12))]
            return encode("HSET", f"hash:{i:09d}", *pairs)

        with self.server("redis", extra=["--appendonly", "no"]) as server:
            with Connection(server.port) as connection:
                template = b"*3\r\n$3\r\nSET\r\n$10\r\nk%09d\r\n$" + b"%d\r\n%%s\r\n" % VALUE_BYTES
                connection.pipeline((template % (i, value(i, VALUE_BYTES)) for i in range(keys)))
                connection.pipeline((hash_of(i) for i in range(keys // 5)))
                if connection.run("DBSIZE") != keys + keys // 5:
                    raise RuntimeError("not all keys were made")
                connection.run("SAVE")
            shutil.move(os.path.join(server.directory, "data", "dump.rdb"), path)
        return path

    def snapshot_round(self, name, dump):
        keys = self.options.keys
        server = self.server(name, extra=["--appendonly", "no"])
        data = pathlib.Path(server.directory, "data")
        data.mkdir()
        shutil.copy(dump, data)
        os.sync()
        out = {}
        try:
            started = time.monotonic()
            server.spawn()
            self.wait_for_get(server, f"k{keys // 2:09d}")
            out["load"] = time.monotonic() - started
            os.unlink(data / "dump.rdb")
            with Connection(server.port) as connection:
                time.sleep(1)
                while server.info("warming_up") == "1":
                    time.sleep(0.1)

                def change():
                    picked = random.Random(2)
                    line = b"*3\r\n$3\r\nSET\r\n$10\r\nk%09d\r\n$100\r\n" + b"w" * 100 + b"\r\n"
                    connection.pipeline((line % picked.randrange(keys) for _ in range(100_000)))

                change()
                started = time.monotonic()
                self.save(connection)
                out["save"] = time.monotonic() - started
                out["bytes"] = (data / "dump.rdb").stat().st_size
                latency = {"idle": self.get_latency(server, lambda: time.sleep(max(2.0, out["save"])))}
                change()
                latency["busy"] = self.get_latency(server, lambda: self.save(connection))
                for figure, index in (("p999", 3), ("longest", 4)):
                    out[f"{figure}_idle"], out[f"{figure}_busy"] = latency["idle"][index], latency["busy"][index]
                    out[figure] = latency["busy"][index] / max(1, latency["idle"][index])
                out["memory"] = self.memory_of_save(server, connection) / 2**20
        finally:
            server.__exit__()
        return out

    @staticmethod
    def save(connection):
        connection.run("BGSAVE")
        while True:
            info = connection.run("INFO", "persistence")
            if re.search(r"^rdb_bgsave_in_progress:0", info, re.M):
                if not re.search(r"^rdb_last_bgsave_status:ok", info, re.M):
                    raise RuntimeError("BGSAVE failed")
                return
            time.sleep(0.01)

    def get_latency(self, server, action):
        """bench_latency's figures while `action` runs."""
        argv = [str(self.helper("latency")), str(server.port), "10", "10000", str(self.options.keys)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(0.2)
            action()
            out, _ = process.communicate()
        return [int(word) for word in out.split()]

    def helper(self, name):
        """Python itself would be most of what it measures."""
        path = self.options.out / f"bench_{name}"
        source = ROOT / f"tests/bench/{name}_bench.cc"
        if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
            path.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["c++", "-std=c++20", "-O2", "-o", str(path), str(source)], check=True)
        return path

    def memory_of_save(self, server, connection):
        """Bytes that the server and its children need at most during BGSAVE under writes, beyond what they need under writes."""
        done = threading.Event()
        keys = self.options.keys

        def write():
            picked = random.Random(3)
            line = b"*3\r\n$3\r\nSET\r\n$10\r\nk%09d\r\n$100\r\n" + b"u" * 100 + b"\r\n"
            with Connection(server.port) as writer:
                while not done.is_set():
                    writer.pipeline((line % picked.randrange(keys) for _ in range(200)))
                    time.sleep(0.01)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            time.sleep(1)
            before = server.pss_bytes()
            most = [before]
            saved = threading.Event()

            def watch():
                while not saved.is_set():
                    most[0] = max(most[0], server.pss_bytes())
                    time.sleep(0.05)

            watcher = threading.Thread(target=watch)
            watcher.start()
            self.save(connection)
            saved.set()
            watcher.join()
        finally:
            done.set()
            writer.join()
        return most[0] - before

    @staticmethod
    def longest_ping_ms(server, action):
        """The longest PING, one each millisecond, while `action` runs."""
        done = threading.Event()
        longest = 0.0

        def ping():
            nonlocal longest
            with Connection(server.port) as connection:
                while not done.is_set():
                    began = time.perf_counter()
                    connection.run("PING")
                    longest = max(longest, (time.perf_counter() - began) * 1000)
                    time.sleep(0.001)

        pinger = threading.Thread(target=ping)
        pinger.start()
        try:
            action()
        finally:
            done.set()
            pinger.join()
        return longest

    def table(self):
        lines = ["| work | stele | redis | unit | stele/redis | goal | |", "|---|---:|---:|---|---:|---|---|"]
        for row in self.rows:
            verdict = "" if row["pass"] is None else ("pass" if row["pass"] else "**fail**")
            lines.append(f"| {row['work']} | {row['stele']:,.4g} | {row['redis']:,.4g} | {row['unit']} "
                         f"| {self.shown(row['ratio'])} | {row['goal']} | {verdict} |")
        return "\n".join(lines) + "\n"


def conditions(options):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{os.cpu_count()} cores ({model.group(1) if model else 'unknown'}), load {os.getloadavg()[0]:.1f} at the end; "
            f"{options.rounds} rounds of {options.requests} requests, 50 clients, {VALUE_BYTES}-byte values, "
            f"-r {options.keyspace}; {options.keys} keys")


def main():
    works = [*THROUGHPUT, *OTHER, *REPLICATION]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", default=",".join(works), help="of: " + ", ".join(works))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1_000_000, help="per run; -P 16 twice, always a fifth of it")
    parser.add_argument("--keys", type=int, default=5_000_000, help="of the memory and restart works; stall: at most 1 M")
    parser.add_argument("--keyspace", type=int, default=1_000_000, help="redis-benchmark -r")
    parser.add_argument("--behind", type=int, default=1024, help="MB of stream, of the catch_up work")
    parser.add_argument("--quick", action="store_true", help="2 rounds, 20,000 requests, 50,000 keys, 16 MB")
    parser.add_argument("--stele", default=os.environ.get("STELE_SERVER") or ROOT / "build/release/bin/stele-server")
    parser.add_argument("--stele-args", default="", help="more arguments for stele-server")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench")
    options = parser.parse_args()
    if options.stele == "redis":
        options.stele = "/usr/bin/redis-check-rdb"
    if options.quick:
        options.rounds, options.requests, options.keys, options.behind = 2, 20_000, 50_000, 16

    bench = Bench(options)
    chosen = options.works.split(",")
    for work in chosen:
        if work not in works:
            sys.exit(f"no work {work}; there are {', '.join(works)}")
    for work in chosen:
        if work in THROUGHPUT:
            bench.throughput(work)
        else:
            getattr(bench, work)()

    text = bench.table() + "\n" + conditions(options) + "\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.md").write_text(text)
    (options.out / "results.json").write_text(json.dumps({"conditions": conditions(options), "rows": bench.rows}, indent=1))
    print("\n" + text)
    return 0


if __name__ == "__main__":
    # A SIGTERM unwinds like Ctrl-C, so that the servers go with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
