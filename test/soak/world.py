"""What the sessions of a soak share: who disturbed whom and when, counts, failures."""
import collections
import contextlib
import json
import os
import random
import re
import threading
import time

import psycopg

STATEMENT_TIMEOUT_S = 120
LOST = {"57P01", "57P02", "57P03", "57014", "08006", "08003", None}     # what a session hears that was hit


class Broken(Exception):
    """Something that must not be: the reason."""


class World:
    """State of one soak; every field is guarded by mutex, or only ever appended to."""

    def __init__(self, connect, seed, minutes):
        self.connect, self.seed, self.minutes = connect, seed, minutes
        self.start = time.monotonic()
        self.stop, self.calm = threading.Event(), threading.Event()
        self.mutex = threading.Lock()
        self.counts = collections.Counter()
        self.failures, self.alike = [], collections.Counter()
        self.disturbances = []          # [begin, end or None] of restarts and crashes of the server
        self.hits = {}                  # pid: when it was canceled, terminated or killed
        self.hit_runs = collections.defaultdict(set)
        self.actors = []

    def now(self):
        return time.monotonic() - self.start

    def random(self, name):
        return random.Random(f"{self.seed} {name}")

    def count(self, what, n=1):
        with self.mutex:
            self.counts[what] += n

    def fail(self, who, reason):
        """Keep a failure; what is like it but for numbers is only counted."""
        with self.mutex:
            self.counts["FAILURES"] += 1
            kind = re.sub(r"\d+", "N", f"{who} {reason}")[:120]
            self.alike[kind] += 1
            if self.alike[kind] <= 3 and len(self.failures) < 200:
                self.failures.append((self.now(), who, reason))
                print(f"FAILURE at {self.now():.1f} s, seed {self.seed}, {who}: {reason}", flush=True)

    @contextlib.contextmanager
    def disturbance(self):
        """While the server goes down and comes back."""
        interval = [self.now(), None]
        self.disturbances.append(interval)
        try:
            yield
        finally:
            interval[1] = self.now()

    def disturbed(self, since, until=None):
        """Whether the server was down at some moment of an interval, with a second's margin."""
        until = self.now() if until is None else until
        return any(begin <= until + 1 and (end is None or end >= since - 1) for begin, end in self.disturbances)

    def hit(self, pid):
        self.hits[pid] = self.now()


class Actor(threading.Thread):
    """A session that does one thing over and over, and says what went wrong without an excuse."""
    user = "analyst"
    killable = False                    # may be canceled and terminated by the killer
    pause = (0.0, 0.05)
    kind = None                         # for the growth of memory; None: not measured

    def __init__(self, world, number=0):
        super().__init__(daemon=True)
        self.world, self.label = world, f"{type(self).__name__.lower()} {number}"
        self.random = world.random(self.label)
        self.conn = self.pid = None
        self.last_done = world.now()        # end of the previous step
        self.doing, self.unsettled = "", False
        world.actors.append(self)

    def open(self):
        self.pid = None
        self.conn = self.world.connect(self.user, application_name=self.label,
                                       options=f"-c statement_timeout={STATEMENT_TIMEOUT_S * 1000}")
        self.pid = self.conn.info.backend_pid
        self.opened()

    def opened(self):
        """After each connect, and after an error: settle what was left open."""

    def settle(self, how, gid):
        """End a prepared transaction if there is one."""
        if self.sql("SELECT FROM pg_prepared_xacts WHERE gid = %s", [gid]):
            self.sql(f"{how} PREPARED '{gid}'")

    def sql(self, query, arguments=None):
        """All rows of a statement."""
        cursor = self.conn.execute(query, arguments)
        return cursor.fetchall() if cursor.description else None

    def value(self, query, arguments=None):
        return self.conn.execute(query, arguments).fetchone()[0]

    def require(self, condition, reason):
        if not condition:
            raise Broken(reason)

    def run(self):
        while not self.world.stop.is_set():
            self.attempt()
            self.world.stop.wait(self.random.uniform(*self.pause))
        with contextlib.suppress(Exception):
            self.conn.close()

    def attempt(self):
        try:
            if self.conn is None:
                self.doing = "connect"
                self.open()
            elif self.unsettled:
                self.doing = "settle"
                self.opened()
            self.unsettled = True
            self.doing = "step"
            self.step()
            self.unsettled = False
            self.world.count(self.label.split()[0])
        except psycopg.Error as error:
            if not self.is_excused(error):
                self.world.fail(self.label, f"{self.doing}: {error.sqlstate}: {error}")
            with contextlib.suppress(Exception):
                self.conn.rollback()
            if self.conn is not None and (self.conn.closed or self.conn.broken or error.sqlstate is None):
                with contextlib.suppress(Exception):
                    self.conn.close()
                self.conn = None
        except Exception as error:
            self.world.fail(self.label, f"{self.doing}: {type(error).__name__}: {error}")
            self.conn = None
        self.last_done = self.world.now()

    def is_excused(self, error):
        if error.sqlstate not in LOST:
            return False
        return self.world.disturbed(self.last_done) or self.world.hits.get(self.pid, -9) >= self.last_done - 2


def make_model(trees, depth, offset):
    """JSON of equal complete trees over feature a; it predicts trees * (floor(a) + offset) for a in 0 .. 2^depth."""
    n, inner = 2 ** (depth + 1) - 1, 2**depth - 1
    values = []
    for node in range(n):
        level = (node + 1).bit_length() - 1
        place = node + 1 - 2**level
        values.append((2 * place + 1) * 2 ** (depth - level - 1) if node < inner else place + offset)
    columns = {"left_children": [2 * i + 1 if i < inner else -1 for i in range(n)],
               "right_children": [2 * i + 2 if i < inner else -1 for i in range(n)],
               "parents": [2147483647] + [(i - 1) // 2 for i in range(1, n)], "split_conditions": values,
               "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
               "tree_param": {"num_nodes": str(n), "num_feature": "1", "num_deleted": "0", "size_leaf_vector": "0"}}
    columns.update({name: [0] * n for name in ("split_indices", "default_left", "base_weights", "loss_changes", "split_type")})
    columns["sum_hessian"] = [2 ** (depth + 1 - (i + 1).bit_length()) for i in range(n)]
    learner = {"attributes": {}, "feature_names": [], "feature_types": [],
               "learner_model_param": {"base_score": "0E0", "num_class": "0", "num_feature": "1", "num_target": "1", "boost_from_average": "1"},
               "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
               "gradient_booster": {"name": "gbtree", "model": {
                   "gbtree_model_param": {"num_trees": str(trees), "num_parallel_tree": "1", "size_leaf_vector": "0"},
                   "tree_info": [0] * trees, "trees": [{"id": i, **columns} for i in range(trees)]}}}
    return json.dumps({"version": [1, 7, 4], "learner": learner}).encode()


def children(pid):
    """Processes that a process started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def postmaster(data):
    with open(os.path.join(data, "postmaster.pid")) as file:
        return int(file.readline())
