"""The sessions of a soak: what users, jobs and accidents do."""
import math
import os
import signal
import subprocess
import time

import psycopg

from world import Actor, children, make_model, postmaster

TREES, DEPTH = 16, 9
RUNS_UNDER_WAY = 10
TRAIN = "SELECT mlops.train(%s, %s, 'big', key => '{id}', num_boost_round => %s, params => %s, promote => %s)"
FLOWERS = "SELECT * FROM flower"


class Steps:
    """Versions of model "step", whose answers are known, and which of them may be the champion right now."""

    def __init__(self):
        self.history = []               # offsets, in the order in which they became champion or might have
        self.settled = 0                # all before this one are gone

    def allowed(self, since):
        """Answers for a = 0 of every version that may have been champion since then."""
        return {TREES * offset for offset in self.history[since:]}


class Promoter(Actor):
    """Registers, promotes and deletes versions of "step"; in transactions that end in all ways."""
    pause = (0.02, 0.2)
    kind = "promoter"

    def __init__(self, world, steps):
        super().__init__(world)
        self.steps, self.offsets, self.next_offset = steps, {}, 1

    def opened(self):
        self.settle("ROLLBACK", self.label)
        self.settle_champion()

    def settle_champion(self):
        """The alias as it is now ends all doubt."""
        rows = self.sql("SELECT version FROM mlops.alias WHERE model = 'step' AND alias = 'champion'")
        if rows:
            offset = self.offset(rows[0][0])
            if self.steps.history[-1:] != [offset]:
                self.steps.history.append(offset)
            self.steps.settled = len(self.steps.history) - 1

    def offset(self, version):
        """Offset of a version; it is in the description, in case the answer to its registration was lost."""
        if version not in self.offsets:
            self.offsets[version] = int(self.value("SELECT description FROM mlops.model_version WHERE model = 'step' AND version = %s", [version]))
        return self.offsets[version]

    def step(self):
        versions = [v for (v,) in self.sql("SELECT version FROM mlops.model_version WHERE model = 'step' AND deleted_at IS NULL ORDER BY version")]
        if len(versions) < 4 or (len(versions) < 8 and self.random.random() < 0.1):
            self.doing = "register"
            self.next_offset += 1
            self.sql("SELECT mlops.register_model('step', %s, signature => '{\"features\": [\"a\"]}', description => %s)",
                     [make_model(TREES, DEPTH, self.next_offset), str(self.next_offset)])
            self.world.count("versions registered")
        elif len(versions) > 5 and self.random.random() < 0.2:
            self.doing = "delete"
            champion = self.value("SELECT version FROM mlops.alias WHERE model = 'step' AND alias = 'champion'")
            victim = self.random.choice([v for v in versions if v != champion])
            self.sql("SELECT mlops.delete_model_version(%s)", [f"step/{victim}"])
            self.world.count("versions deleted")
        else:
            self.promote(self.random.choice(versions))

    def promote(self, version):
        way = self.random.choice(("plain", "plain", "plain", "rollback", "savepoint", "prepared"))
        self.doing = f"promote {way}"
        self.steps.history.append(self.offset(version))
        statement = f"SELECT mlops.set_alias('step', 'champion', {version})"
        if way == "plain":
            self.sql(statement)
        elif way == "rollback":
            self.sql(f"BEGIN; {statement}; ROLLBACK")
        elif way == "savepoint":
            self.sql(f"BEGIN; SAVEPOINT s; {statement}; ROLLBACK TO s; {statement}; COMMIT")
        else:
            self.sql(f"BEGIN; {statement}; PREPARE TRANSACTION '{self.label}'")
            self.sql(f"COMMIT PREPARED '{self.label}'")
        self.settle_champion()
        self.world.count("promotions")


class Predictor(Actor):
    """Predicts with "step" in every form; each answer must be that of a version that was champion meanwhile."""
    pause = (0.0, 0.02)
    kind = "predictor"

    def __init__(self, world, steps, number, killable=False):
        super().__init__(world, number)
        self.steps, self.killable = steps, killable
        if killable:
            self.kind = None

    def step(self):
        form = self.random.choice(("array", "array", "row", "jsonb", "scan", "batch", "block", "explain", "cursor", "repeatable", "logged", "wrong"))
        self.doing = form
        since = self.steps.settled
        if form == "wrong":
            try:
                self.sql("SELECT mlops.predict('step', '{\"b\": 1}'::jsonb)")
                self.require(False, "no error without a feature")
            except psycopg.Error as error:
                if error.sqlstate != "ML004":
                    raise
            return
        a = self.random.randrange(2**DEPTH)
        answers = getattr(self, form)(a)
        allowed = self.steps.allowed(since)
        for answer in answers:
            self.require(answer in allowed, f"{form} of {a} answered {answer}, not one of {sorted(allowed)}")
        self.world.count("predictions", len(answers))

    def array(self, a):
        return [self.value("SELECT mlops.predict('step', ARRAY[%s + 0.5])", [a]) - TREES * a]

    def row(self, a):
        return [self.value("SELECT mlops.predict('step', r) FROM (SELECT %s::float8 + 0.5 AS a) r", [a]) - TREES * a]

    def jsonb(self, a):
        return [self.value("SELECT mlops.predict('step', jsonb_build_object('a', %s::int))", [a]) - TREES * a]

    def logged(self, a):
        return [self.value("SELECT prediction FROM mlops.predict_logged('step', 'key', %s::float8)", [a]) - TREES * a]

    def scan(self, a):
        """Of one statement all rows have one version."""
        n, low, high = self.sql("SELECT count(*), min(p), max(p) FROM (SELECT mlops.predict('step', t) - %s * floor(a) AS p FROM point t) s", [TREES])[0]
        self.require(n == 500, f"{n} rows")
        return [low, high] if low == high else [math.nan]

    def batch(self, a):
        rows = self.sql("SELECT DISTINCT prediction - %s * floor(key::float8) FROM mlops.predict_batch('step', 'SELECT a FROM point', 'a')", [TREES])
        return [row[0] for row in rows] if len(rows) == 1 else [math.nan]

    def block(self, a):
        """Subtransactions, in which errors come and go."""
        return [self.value("SELECT troubled(%s)", [a]) - TREES * a]

    def explain(self, a):
        """Contributions add up to the prediction of the same statement."""
        return [self.value("SELECT round(sum(contribution)) FROM mlops.explain('step', %s::float8)", [a]) - TREES * a]

    def cursor(self, a):
        """Read partly, then closed."""
        with self.conn.transaction():
            self.sql("DECLARE c CURSOR FOR SELECT mlops.predict('step', t) - 16 * floor(a) FROM point t")
            rows = [row[0] for row in self.sql("FETCH 20 FROM c")]
        return rows

    def repeatable(self, a):
        """One snapshot, one version, however often and long."""
        with self.conn.transaction():
            self.sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            first = self.array(a)[0]
            self.world.stop.wait(0.2)
            second = self.row(a)[0]
        self.require(first == second, f"repeatable read saw {first}, then {second}")
        return [first]


class Roamer(Actor):
    """Predicts with any trained version that there is: the answer of a version never changes."""
    kind = "roamer"
    user = "postgres"
    pause = (0.0, 0.1)
    known = {}                          # (model, version): answer; shared by all

    def step(self):
        self.doing = "choose"
        rows = self.sql("SELECT model, version FROM mlops.model_version WHERE model <> 'step' AND deleted_at IS NULL AND signature::text LIKE '%%colour%%' ORDER BY random() LIMIT 5")
        for model, version in rows:
            self.doing = f"predict {model}/{version}"
            try:
                answer = self.value("SELECT sum(mlops.predict(%s, f)) FROM (SELECT * FROM flower ORDER BY id LIMIT 20) f", [f"{model}/{version}"])
            except psycopg.Error as error:
                if error.sqlstate == "ML001":           # deleted in between
                    continue
                raise
            self.require(Roamer.known.setdefault((model, version), answer) == answer,
                         f"{model}/{version} answered {answer}, before {Roamer.known[model, version]}")
            self.world.count("predictions by version")


class Submitter(Actor):
    """Submits runs of every kind; what must become of a run follows from its model's name."""
    kind = "submitter"
    pause = (0.05, 0.6)

    def opened(self):
        self.settle("COMMIT", self.label)

    def step(self):
        if self.value("SELECT count(*) FROM mlops.progress") >= RUNS_UNDER_WAY:
            return
        way = self.random.choice(("quick",) * 6 + ("auto", "slow", "bad", "ghost", "prepared", "retrain", "compare", "many"))
        self.doing = way
        rounds = self.random.choice((2, 3, 5, 8))
        quick = [f"quick_{rounds}", FLOWERS, rounds, "{}", "never"]
        if way == "quick":
            self.sql(TRAIN, quick)
        elif way == "auto":
            self.sql(TRAIN, ["auto", FLOWERS, rounds, "{}", "if_not_worse"])
        elif way == "slow":
            self.sql(TRAIN, ["slow", FLOWERS, 3, '{"num_parallel_tree": 200, "max_depth": 8, "subsample": 0.9}', "never"])
        elif way == "bad":
            self.sql(TRAIN, ["bad", "SELECT *, 1 / (id - 77) AS r FROM flower", 3, "{}", "never"])
        elif way == "ghost":
            with self.conn.transaction(force_rollback=True):
                self.sql(TRAIN, ["ghost", FLOWERS, 3, "{}", "never"])
        elif way == "prepared":
            self.conn.execute("BEGIN")
            self.sql(TRAIN, quick)
            self.sql(f"PREPARE TRANSACTION '{self.label}'")
            self.sql(f"COMMIT PREPARED '{self.label}'")
        elif way == "retrain":
            if self.value("SELECT count(*) FROM mlops.alias WHERE model = 'quick_3'"):
                self.sql("SELECT mlops.retrain('quick_3')")
        elif way == "compare":
            rows = self.sql("SELECT array_agg(version) FROM (SELECT version FROM mlops.model_version WHERE model = 'auto' AND deleted_at IS NULL ORDER BY version DESC LIMIT 2) v")
            if rows[0][0] and len(rows[0][0]) == 2:
                self.refs([f"auto/{version}" for version in rows[0][0]])
        else:
            self.sql("SELECT mlops.train('quick_2', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 2, params => '{}', promote => 'never') FROM generate_series(1, 3)")
        self.world.count(f"runs: {way}")

    def refs(self, refs):
        try:
            self.sql("SELECT * FROM mlops.compare(%s, 'SELECT * FROM flower', 'big')", [refs])
        except psycopg.Error as error:
            if error.sqlstate != "ML001":
                raise


class Cleaner(Actor):
    """Deletes versions and old rows of logs, so that what is stored stays small."""
    pause = (0.5, 2)

    def step(self):
        self.doing = "delete"
        rows = self.sql("SELECT model, version FROM mlops.model_version v WHERE model <> 'step' AND deleted_at IS NULL"
                        " AND NOT EXISTS (SELECT FROM mlops.alias a WHERE a.model = v.model AND a.version = v.version)"
                        " ORDER BY random() LIMIT greatest(0, (SELECT count(*) FROM mlops.model_version WHERE deleted_at IS NULL) - 30)")
        for model, version in rows:
            try:
                self.sql("SELECT mlops.delete_model_version(%s)", [f"{model}/{version}"])
                self.world.count("versions deleted")
            except psycopg.Error as error:
                if error.sqlstate not in ("ML001", "55006", "55000"):       # became champion in between
                    raise


class Canceler(Actor):
    """Cancels runs by their submitter."""
    pause = (0.3, 2)

    def step(self):
        self.doing = "cancel"
        rows = self.sql("SELECT run FROM mlops.progress ORDER BY random() LIMIT 1")
        if rows:
            self.world.hit_runs[rows[0][0]].add("cancel")
            if self.value("SELECT mlops.cancel(%s)", [rows[0][0]]):
                self.world.count("runs canceled")


class Writer(Actor):
    """Writes to the watched table; a ledger in the same transaction says how many rows."""
    kind = "writer"
    pause = (0.0, 0.1)

    def __init__(self, world, number, killable=False):
        super().__init__(world, number)
        self.killable = killable
        if killable:
            self.kind = None

    def opened(self):
        self.settle("ROLLBACK", self.label)

    def insert(self, n):
        self.sql("INSERT INTO live (at, a, b, label) SELECT now() + (i %% 3) * interval '1 hour', i %% 100, i * 37 %% 101, i %% 2 = 0 FROM generate_series(1, %s) i", [n])
        self.sql("INSERT INTO ledger VALUES (%s)", [n])

    def step(self):
        way = self.random.choice(("one", "some", "many", "copy", "rollback", "savepoint", "loop", "prepared"))
        self.doing = f"write {way}"
        n = {"one": 1, "many": 2000}.get(way, self.random.randint(2, 50))
        if way == "prepared":
            self.conn.execute("BEGIN")
            self.insert(n)
            self.sql(f"PREPARE TRANSACTION '{self.label}'")
            self.sql(f"{self.random.choice(('COMMIT', 'ROLLBACK'))} PREPARED '{self.label}'")
        elif way == "loop":
            self.sql("SELECT write_in_loop(%s)", [n])
        else:
            with self.conn.transaction(force_rollback=way == "rollback"):
                if way == "savepoint":
                    with self.conn.transaction(force_rollback=True):
                        self.insert(n)
                if way == "copy":
                    with self.conn.cursor().copy("COPY live (a, b) FROM STDIN") as copy:
                        for i in range(n):
                            copy.write_row((i, i))
                    self.sql("INSERT INTO ledger VALUES (%s)", [n])
                else:
                    self.insert(n)
        self.world.count("watched statements")


class Watcher(Actor):
    """Makes, changes, pauses and drops monitors of a table that is written at the same time, and pulls queries."""
    pause = (0.2, 1)

    def step(self):
        self.doing = "make a monitor"
        self.sql("SELECT mlops.create_monitor('brief', 'watched', 'brief', window_size => '1 hour')")
        try:
            for statement in ("SELECT mlops.check_monitor('brief')", "SELECT mlops.pause_monitor('brief')", "SELECT mlops.pause_monitor('brief', false)",
                              "SELECT mlops.alter_monitor('brief', psi_threshold => 0.2)", "SELECT mlops.check_monitor('pulled')"):
                self.doing = statement
                self.sql("INSERT INTO brief SELECT i, i FROM generate_series(1, 20) i")
                if self.random.random() < 0.5:
                    self.sql(statement)
        finally:
            if not self.conn.closed:
                self.drop()

    def drop(self):
        self.sql("SELECT mlops.drop_monitor('brief')")
        self.world.count("monitors made and dropped")

    def opened(self):
        if self.value("SELECT count(*) FROM mlops.monitor WHERE name = 'brief'"):
            self.drop()


class Side(Actor):
    """A database of its own: made, used, its extension dropped, dropped itself, while its runs are under way."""
    user = "postgres"
    pause = (1, 4)

    def step(self):
        self.doing = "create database"
        self.sql("DROP DATABASE IF EXISTS side WITH (FORCE)")       # of a step that was interrupted
        self.sql("CREATE DATABASE side")
        for _ in range(self.random.randint(1, 3)):
            self.doing = "use a database"
            with self.world.connect(dbname="side", options="-c statement_timeout=120000") as conn:
                conn.execute("CREATE EXTENSION mlops; GRANT CREATE ON SCHEMA public TO analyst; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO analyst")
                conn.execute("CREATE TABLE IF NOT EXISTS t AS SELECT i AS id, (i * 7919 % 1000) / 1000.0 AS a, i % 3 = 0 AS y FROM generate_series(1, 500) i; ALTER TABLE t OWNER TO analyst")
                conn.execute("SET SESSION AUTHORIZATION analyst")
                conn.execute("SELECT mlops.train('m', 'SELECT * FROM t', 'y', key => '{id}', num_boost_round => i) FROM generate_series(1, 3) i")
                conn.execute("SELECT mlops.register_model('step', %s, signature => '{\"features\": [\"a\"]}')", [make_model(2, 4, 3)])
                answer = conn.execute("SELECT mlops.predict('step', 5.5)").fetchone()[0]
                self.require(answer == 16, f"the side database answered {answer}")
                self.world.stop.wait(self.random.uniform(0, 3))
                conn.execute("RESET SESSION AUTHORIZATION")
                self.doing = "drop extension"
                conn.execute("DROP EXTENSION mlops CASCADE")
                self.world.count("extensions dropped")
        self.doing = "drop database"
        self.sql(f"DROP DATABASE side {self.random.choice(('WITH (FORCE)', ''))}")
        self.world.count("databases dropped")

    def is_excused(self, error):
        if self.world.disturbed(self.last_done) and self.doing.endswith("database"):
            self.world.count("databases torn by a crash")
        # a worker is still there; it reads two tables that DROP locks in another order
        return super().is_excused(error) or error.sqlstate == "55006" or (error.sqlstate == "40P01" and self.doing == "drop extension")


class Short(Actor):
    """Connections that predict once."""
    pause = (0.1, 0.4)

    def step(self):
        self.conn.close()
        self.open()
        self.doing = "first prediction"
        self.value("SELECT mlops.predict('watched', 1.0, 2.0)")
        self.world.count("short connections")


class Bystander(Actor):
    """A session that has nothing to do with it all."""
    user = "postgres"
    kind = "bystander"
    pause = (0.2, 0.5)

    def step(self):
        self.doing = "SELECT 1"
        self.value("SELECT 1")


class Killer(Actor):
    """Kills trainers; cancels and terminates executors, dispatchers, the launcher and sessions."""
    user = "postgres"
    pause = (0.2, 2.5)
    spare = 0                           # leave the launcher in peace until then: it comes back within ten seconds

    def step(self):
        what = self.random.choice(("trainer", "trainer", "executor", "executor", "dispatcher", "dispatcher", "session", "session")
                                  + (() if self.world.calm.is_set() or self.world.now() < self.spare else ("launcher",)))   # measured when calm
        how = self.random.choice(("cancel", "terminate"))
        self.doing = f"{how} {what}"
        holders = dict(self.sql("SELECT pid, (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'userlock' AND objsubid = 1"
                                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"))
        if what == "trainer":
            self.kill_trainer(holders)
            return
        if what == "session":
            victims = [actor.pid for actor in self.world.actors if actor.killable and actor.pid]
        elif what == "executor":
            victims = list(holders)
        else:
            victims = [pid for (pid,) in self.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = %s", [f"mlops {what}"])]
        if not victims:
            return
        victim = self.random.choice(victims)
        if what == "launcher":
            self.spare = self.world.now() + 45
        if victim in holders:
            self.world.hit_runs[holders[victim]].add(how)
        self.world.hit(victim)
        self.sql(f"SELECT pg_{how}_backend(%s)", [victim])
        self.world.count(f"{how}: {what}")

    def kill_trainer(self, holders):
        trainers = [(pid, run) for executor, run in holders.items() for pid in children(executor)]
        if trainers:
            pid, run = self.random.choice(trainers)
            self.world.hit_runs[run].add("trainer")
            os.kill(pid, signal.SIGKILL)
            self.world.count("SIGKILL: trainer")


class Resetter(Actor):
    """Crashes and restarts of the server at given times; then calm."""
    user = "postgres"
    pause = (0.1, 0.1)

    def __init__(self, world, times):
        super().__init__(world)
        self.times = times              # [(time, way)]

    def step(self):
        self.doing = "wait"
        if not self.times:
            self.world.calm.set()
        elif self.world.now() >= self.times[0][0]:
            self.reset(self.times.pop(0)[1])

    def reset(self, way):
        self.doing = f"reset {way}"
        data = self.world.connect.data
        before = postmaster(data)
        if way == "crash":
            victims = self.sql("SELECT pid, backend_type FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                               " AND backend_type IN ('client backend', 'mlops run', 'mlops dispatcher', 'mlops launcher', 'checkpointer')")
            pid, kind = self.random.choice(victims)
            with self.world.disturbance():
                os.kill(pid, signal.SIGKILL)
                self.wait_for_server(self.conn)
            self.world.count(f"SIGKILL: {kind}")
            self.require(postmaster(data) == before, "the postmaster changed")
        else:
            with self.world.disturbance():
                subprocess.run(["pg_ctl", "-D", data, "-m", way, "-t", "120", "-w", "-l", os.path.join(self.world.connect.base, "log"), "restart"],
                               check=True, stdout=subprocess.DEVNULL)
                self.wait_for_server(self.conn)
            self.world.count(f"restart: {way}")
        self.conn.close()
        self.conn = None

    def wait_for_server(self, old):
        """Until the old session has ended and a new one works."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                old.execute("SELECT 1")
            except psycopg.Error:
                break
            time.sleep(0.05)
        while time.monotonic() < deadline:
            try:
                with self.world.connect() as conn:
                    conn.execute("SELECT 1")
                return
            except psycopg.Error:
                time.sleep(0.1)
        self.require(False, "the server did not come back")
