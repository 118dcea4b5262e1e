"""What must hold all the time, and what must not grow."""
import collections
import os
import re
import statistics
import threading

from world import Actor, children, postmaster

BAD_LOG = re.compile(r"PANIC|TRAP:|cache lookup failed|refcount leak|reference leak|leaked|temporary file leak|was terminated by signal (?!9)"
                     r"|could not open relation|unexpected (?:chunk|node|message)|invalid memory alloc|corrupt|could not read block|stuck spinlock")
COUNTED = """SELECT (SELECT coalesce(sum(n_rows), 0) FROM mlops.drift_window WHERE monitor = 'live')
    + (SELECT coalesce(sum(n_rows), 0) FROM mlops.drift_state WHERE monitor = 'live'), (SELECT coalesce(sum(n), 0) FROM ledger)"""
LAUNCHER_S, ORPHAN_S, STUCK_S, STARVED_S = 30, 60, 200, 240


class Log:
    """The server's log, read as it grows."""

    def __init__(self, path):
        self.path, self.position, self.lines = path, 0, 0
        self.kinds = collections.Counter()

    def read(self, fail):
        with open(self.path, errors="replace") as file:
            file.seek(self.position)
            text = file.read()
        end = text.rfind("\n") + 1
        self.position += len(text[:end].encode(errors="surrogateescape"))
        for line in text[:end].splitlines():
            self.lines += 1
            if BAD_LOG.search(line):
                fail("log", line)
            message = re.search(r"\] (?:\S+ )?(LOG|WARNING|ERROR|FATAL|PANIC):\s+(.*)", line)
            if message:
                self.kinds[message[1] + ": " + re.sub(r"\d+(\.\d+)?", "N", message[2])[:100]] += 1


class Checker(Actor):
    """Looks for what must not be, every second or two."""
    user = "postgres"
    kind = "checker"
    pause = (0.5, 1.5)

    def __init__(self, world, log):
        super().__init__(world)
        self.log, self.since, self.round = log, {}, 0

    def lasts(self, what, holds, limit):
        """Whether a condition holds for longer than a limit, the server being up."""
        now = self.world.now()
        if not holds:
            self.since.pop(what, None)
            return False
        begin = self.since.setdefault(what, now)
        if self.world.disturbed(begin):
            self.since[what] = now
        return now - self.since[what] > limit

    def step(self):
        self.round += 1
        self.doing = "log"
        self.log.read(self.world.fail)
        self.doing = "check the ledger"
        counted, written = self.sql(COUNTED)[0]
        self.require(counted == written, f"{written} watched rows were counted as {counted}")
        errors = self.sql("SELECT last_error FROM mlops.monitor_state WHERE n_errors > 0 AND monitor = 'live'")
        self.require(not errors, f"monitor: {errors}")
        self.doing = "check processes"
        kinds = collections.Counter(kind for (kind,) in self.sql("SELECT backend_type FROM pg_stat_activity"))
        self.require(not self.lasts("launcher", kinds["mlops launcher"] == 0, LAUNCHER_S), "no launcher")
        self.require(kinds["mlops launcher"] <= 1, "two launchers")
        self.require(not self.lasts("executors", kinds["mlops run"] > 8, 10), f"{kinds['mlops run']} executors")
        self.doing = "check runs"
        running = {row[0]: row[1:] for row in self.sql(
            "SELECT id, attempt, EXISTS (SELECT FROM pg_locks WHERE locktype = 'userlock' AND objsubid = 1 AND objid = id"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) FROM mlops.run WHERE status = 'running'")}
        for run in [key[1] for key in self.since if key[0] == "orphan" and key[1] not in running]:
            del self.since["orphan", run]
        for run, (attempt, locked) in running.items():
            self.require(not self.lasts(("orphan", run), not locked, ORPHAN_S), f"run {run}, attempt {attempt} is running without its lock")
        late = self.value("SELECT coalesce(max(extract(epoch FROM now() - not_before)), 0) FROM mlops.run WHERE status = 'queued'")
        self.require(not self.lasts("queue", late > STARVED_S, 10), f"a run waits for {late} s")
        self.doing = "check versions"
        wrong = self.sql("SELECT model, version FROM mlops.model_version v LEFT JOIN mlops.model_blob b USING (digest)"
                         " WHERE deleted_at IS NULL AND (b.digest IS NULL" + (" OR sha256(b.bytes) <> digest OR octet_length(b.bytes) <> size)" if self.round % 10 == 0 else ")"))
        self.require(not wrong, f"versions without their bytes: {wrong}")
        wrong = self.sql("SELECT r.id, r.status, r.version FROM mlops.run r LEFT JOIN mlops.model_version v ON v.model = r.model AND v.version = r.version"
                         " WHERE r.kind = 'train' AND (v.version IS NULL) = (r.status = 'succeeded')"
                         " UNION ALL SELECT run_id, 'versions', count(*) FROM mlops.model_version WHERE run_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1")
        self.require(not wrong, f"runs and versions do not match: {wrong}")
        wrong = self.sql("SELECT model, count(DISTINCT digest) FROM mlops.model_version WHERE model LIKE 'quick%%' GROUP BY 1 HAVING count(DISTINCT digest) <> 1")
        self.require(not wrong, f"equal trainings gave different models: {wrong}")
        self.require(not self.sql("SELECT id FROM mlops.run WHERE model = 'ghost'"), "a run that was rolled back is there")
        self.doing = "check sessions"
        for actor in self.world.actors:
            idle = self.world.now() - actor.last_done
            self.require(actor is self or idle < STUCK_S or self.world.disturbed(actor.last_done),
                         f"{actor.label} is stuck for {idle:.0f} s in {actor.doing}")


def anonymous_kb(pid):
    """Private memory of a process in kB, and its open files."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        memory = int(re.search(r"^Anonymous:\s+(\d+)", file.read(), re.M)[1])
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


def count_files(data):
    """Files of a data directory outside of tables and WAL: {group: (files, kB)}."""
    groups = collections.defaultdict(lambda: [0, 0])
    for folder, _, files in os.walk(data):
        place = os.path.relpath(folder, data)
        if re.match(r"(base/\d+|global|pg_wal)(/|$)", place):
            continue
        group = "/".join(place.split("/")[:3])
        for name in files:
            try:
                size = os.path.getsize(os.path.join(folder, name))
            except OSError:
                continue
            groups[group][0] += 1
            groups[group][1] += size // 1024
    return {group: tuple(figures) for group, figures in groups.items()}


class Growth(threading.Thread):
    """Measures every few seconds; growth is that of single processes in the calm part, after a warm-up."""

    # kB that a process of a kind may grow in the measured part.  Caches fill up late: before ten minutes
    # of measuring eight times as much is allowed.
    BOUNDS = collections.defaultdict(lambda: 1024, {"postmaster": 256, "launcher": 256, "roamer": 4096})

    def __init__(self, world, interval):
        super().__init__(daemon=True)
        self.world, self.interval = world, interval
        self.samples = collections.defaultdict(list)        # (kind, pid): [(s, kB, files)]
        self.calm_at = None
        self.files = []                                     # [(s, {group: (files, kB)})]

    def processes(self):
        """(kind, pid) of what is measured."""
        main = postmaster(self.world.connect.data)
        yield "postmaster", main
        for pid in children(main):
            try:
                with open(f"/proc/{pid}/cmdline") as file:
                    title = file.read().rstrip("\0 ")
            except OSError:
                continue
            for kind in ("launcher", "checkpointer", "background writer", "walwriter", "autovacuum launcher"):
                if title.startswith(f"postgres: {'mlops ' if kind == 'launcher' else ''}{kind}"):
                    yield kind, pid
        for actor in self.world.actors:
            if actor.kind and actor.pid:
                yield actor.kind, actor.pid

    def sample(self):
        now = self.world.now()
        for kind, pid in list(self.processes()):
            try:
                self.samples[kind, pid].append((now, *anonymous_kb(pid)))
            except (OSError, TypeError):
                pass
        self.files.append((now, count_files(self.world.connect.data)))
        if self.calm_at is None and self.world.calm.is_set():
            self.calm_at = now

    def run(self):
        while not self.world.stop.is_set():
            try:
                self.sample()
            except OSError:             # between two postmasters
                pass
            self.world.stop.wait(self.interval)

    def report(self, fail):
        """Print growth per kind of process, and fail beyond the bounds."""
        end = self.samples and max(s[-1][0] for s in self.samples.values() if s)
        begin = (self.calm_at or 0) + 0.25 * (end - (self.calm_at or 0))
        print(f"\nprivate memory and files of processes, from {begin:.0f} s to {end:.0f} s (the server was not restarted meanwhile)")
        print(f"  {'process':20} {'lives':>6} {'first kB':>9} {'last kB':>9} {'growth':>8} {'kB/min':>8} {'bound':>6} {'files':>6}")
        kinds = collections.defaultdict(list)
        for (kind, pid), samples in self.samples.items():
            samples = [s for s in samples if s[0] >= begin]
            if len(samples) >= 4 and samples[-1][0] - samples[0][0] > 0.9 * (end - begin):
                kinds[kind].append(samples)
        for kind, lives in sorted(kinds.items()):
            worst = max(lives, key=lambda s: middle(s[-3:]) - middle(s[:3]))
            growth = middle(worst[-3:]) - middle(worst[:3])
            files = worst[-1][2] - worst[0][2]
            bound = self.BOUNDS[kind] * (8 if end - begin < 600 else 1)
            print(f"  {kind:20} {len(lives):6} {middle(worst[:3]):9.0f} {middle(worst[-3:]):9.0f} {growth:8.0f} {slope(worst):8.1f} {bound:6} {files:+6}")
            if growth > bound:
                fail("growth", f"{kind} grew by {growth:.0f} kB")
            if files > 64 and kind not in ("background writer", "checkpointer"):     # tables are among them; those two write all
                fail("growth", f"{kind} has {files} more open files")
        names = sorted({name for _, files in self.files for name in files})
        first = next((f for s, f in self.files if s >= begin), self.files[-1][1])
        print("\nfiles outside of tables and WAL, then and at the end, and the most at any time")
        for name in names:
            most = max(files.get(name, (0, 0)) for _, files in self.files)
            line = [first.get(name, (0, 0)), self.files[-1][1].get(name, (0, 0)), most]
            print(f"  {name:45} " + "   ".join(f"{n:5} files {kb:7} kB" for n, kb in line))


def middle(samples):
    return statistics.median(s[1] for s in samples)


def slope(samples):
    """Least squares, kB per minute."""
    times, values = [s[0] / 60 for s in samples], [s[1] for s in samples]
    mean_t, mean_v = statistics.fmean(times), statistics.fmean(values)
    spread = sum((t - mean_t) ** 2 for t in times)
    return sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values)) / spread if spread else 0.0
