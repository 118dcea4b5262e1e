#!/usr/bin/python3
"""Everything at once for a chosen time: what fails, and what grows?

Usage: soak.py [MINUTES [SEED]]

Sessions submit, cancel, retrain, compare, promote, predict, write watched rows, make and drop models, monitors, databases
and the extension.  Others kill trainers (SIGKILL), cancel and terminate executors, dispatchers, the launcher and sessions; in the
first 60 % of the time the server is crashed and restarted, too.  Every answer is checked, invariants are checked every second,
and at the end, when the queue is empty, every run must have ended as it should.  An error counts unless its session was hit.

Memory is measured in the calm part after the last restart, per process, by what it shares with no file (Anonymous in smaps_rollup).
The seed fixes what each session draws, not how the sessions meet.  Exit status 1 on a failure or growth beyond bounds.
SOAK_LOG=FILE keeps the server's log.
"""
import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

import psycopg

from actors import (DEPTH, FLOWERS, TRAIN, TREES, Bystander, Canceler, Cleaner, Killer, Predictor, Promoter, Resetter, Roamer, Short,
                    Side, Steps, Submitter, Watcher, Writer)
from checks import COUNTED, Checker, Growth, Log, anonymous_kb, count_files
from cluster import cluster
from world import World, children, make_model, postmaster

MINUTES = float(sys.argv[1]) if len(sys.argv) > 1 else 60
SEED = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else int(time.time())
CACHE_MB, WORKERS = 2, 16
DRAIN_S = 300

SETUP = f"""
    GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO analyst;
    CREATE TABLE ledger (n bigint); GRANT ALL ON ledger TO analyst;
    CREATE TABLE wide AS SELECT i FROM generate_series(1, 1000) i; ALTER TABLE wide SET (parallel_workers = {WORKERS});
    SET SESSION AUTHORIZATION analyst;
    SELECT setseed(0.25);
    CREATE TABLE flower AS SELECT i AS id, random() AS a, random() AS b, random() AS c, (ARRAY['red', 'green', 'blue'])[1 + i % 3] AS colour
        FROM generate_series(1, 3000) i;
    ALTER TABLE flower ADD big boolean;
    UPDATE flower SET big = a + b * c + CASE colour WHEN 'red' THEN 0.2 ELSE 0 END > 0.8;
    CREATE TABLE point AS SELECT (i % {2**DEPTH}) + 0.25 AS a FROM generate_series(1, 500) i;
    CREATE FUNCTION troubled(a float8) RETURNS float8 LANGUAGE plpgsql AS $$
        DECLARE p float8;
        BEGIN
            FOR i IN 1 .. 20 LOOP
                BEGIN p := mlops.predict('step', jsonb_build_object('wrong', a)); EXCEPTION WHEN SQLSTATE 'ML004' THEN NULL; END;
            END LOOP;
            RETURN mlops.predict('step', ARRAY[a + 0.5]);
        END $$;
    CREATE TABLE live (at timestamptz DEFAULT now(), a float8, b float8, label boolean);
    CREATE TABLE brief (a float8, b float8);
    CREATE FUNCTION write_in_loop(n int) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            FOR i IN 1 .. n LOOP
                BEGIN
                    INSERT INTO live (a, b) VALUES (i, 2);
                    IF i % 5 = 0 THEN RAISE 'no'; END IF;
                    INSERT INTO ledger VALUES (1);
                EXCEPTION WHEN raise_exception THEN NULL; END;
            END LOOP;
        END $$;
    CREATE TABLE seen AS SELECT (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b FROM generate_series(1, 3000) i;
"""


def set_up(connect, steps):
    with connect() as conn:
        conn.execute(SETUP)
        one_leaf = make_model(1, 0, 7).replace(b'"num_feature": "1"', b'"num_feature": "2"')
        conn.execute("SELECT mlops.register_model('watched', %s, signature => '{\"features\": [\"a\", \"b\"]}')", [one_leaf])
        conn.execute("SELECT mlops.set_reference('watched', 'SELECT * FROM seen')")
        conn.execute("SELECT mlops.create_monitor('live', 'watched', 'live', time_column => 'at', window_size => '1 minute')")
        conn.execute("SELECT mlops.create_monitor('pulled', 'watched', query => 'SELECT a, b FROM seen WHERE $1 < $2', window_size => '1 minute')")
        conn.execute("SELECT mlops.register_model('step', %s, signature => '{\"features\": [\"a\"]}', description => '1')", [make_model(TREES, DEPTH, 1)])
        steps.history.append(1)


def schedule(world):
    """When the server is crashed and restarted: at least one of each, in the first 60 % of the time."""
    random, seconds = world.random("schedule"), world.minutes * 60
    n = max(3, round(world.minutes / 4))
    ways = ["crash", "fast", "immediate"] + random.choices(("crash", "crash", "crash", "fast", "immediate"), k=n - 3)
    return sorted((seconds * 0.6 * (i + random.uniform(0.2, 0.8)) / n, way) for i, way in enumerate(ways))


def judge_runs(world, conn):
    """Every run has ended in a way that its model's name and its accidents allow."""
    rows = conn.execute("SELECT id, kind, coalesce(model, ''), status, attempt, crashes, sqlstate, error,"
                        " extract(epoch FROM now() - submitted_at)::float8, extract(epoch FROM now() - ended_at)::float8 FROM mlops.run ORDER BY id").fetchall()
    for run, kind, model, status, attempt, crashes, sqlstate, error, begin, end in rows:
        world.count(f"runs that are {status}")
        hits, now = world.hit_runs[run], world.now()
        disturbed = world.disturbed(now - begin - 1, now if end is None else now - end + 1)
        said = f"run {run} ({kind} {model}) is {status}, attempt {attempt}, crashes {crashes}, {sqlstate} {error}; accidents: {hits or 'none'}"
        good = status == "succeeded"
        if model == "bad":
            good = status == "failed" and sqlstate == "22012"
        if kind == "monitor" and sqlstate == "ML008":          # dropped above, while it was pulled
            good = status == "failed"
        if status == "canceled":
            good = bool(hits & {"cancel"})
        if status == "failed" and not good:
            good = (sqlstate == "57P01" and "terminate" in hits) or (sqlstate == "ML006" and "trainer" in hits)
        if status == "quarantined":
            good = disturbed and crashes >= 3
        if attempt > 1 or crashes > 0:
            good = good and (disturbed or "terminate" in hits)      # before it could leave a result
        if not good:
            world.fail("runs", said)


def drain(world, connect, log):
    """Let the queue run empty, then look at what is left."""
    deadline = time.monotonic() + DRAIN_S
    conn = connect()

    def until(what, query, wanted):
        while time.monotonic() < deadline:
            found = conn.execute(query).fetchone()[0]
            if found == wanted:
                return
            conn.execute("SELECT mlops.tick()")
            time.sleep(0.2)
        world.fail("drain", f"{what}: {found} instead of {wanted}")

    for (gid,) in conn.execute("SELECT gid FROM pg_prepared_xacts").fetchall():
        conn.execute(f"ROLLBACK PREPARED '{gid}'")
    conn.execute("DROP DATABASE IF EXISTS side WITH (FORCE)")
    conn.execute("SELECT mlops.drop_monitor(name) FROM mlops.monitor WHERE name <> 'live'")
    conn.execute("UPDATE mlops.run SET not_before = now() WHERE status = 'queued'")
    until("unfinished runs", "SELECT count(*) FROM mlops.run WHERE status IN ('queued', 'running')", 0)
    for rounds in (2, 3, 5, 8):
        conn.execute("SET SESSION AUTHORIZATION analyst")
        conn.execute(TRAIN, [f"quick_{rounds}", FLOWERS, rounds, "{}", "never"])
        conn.execute("RESET SESSION AUTHORIZATION")
    until("last good runs", "SELECT count(*) FROM (SELECT status FROM mlops.run ORDER BY id DESC LIMIT 4) r WHERE status = 'succeeded'", 4)
    judge_runs(world, conn)
    until("deltas not counted", "SELECT count(*) FROM mlops.drift_state", 0)
    counted, written = conn.execute(COUNTED).fetchone()
    world.count("watched rows", int(written))
    if counted != written:
        world.fail("drain", f"{written} watched rows were counted as {counted}")
    until("workers", "SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('mlops dispatcher', 'mlops run')", 0)
    until("locks of others", "SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()", 0)
    until("cancel requests", "SELECT count(*) FROM mlops.cancel_request", 0)
    until("worker slots taken", f"SELECT {WORKERS} - free_slots()", 2)      # the launchers of mlops and of logical replication
    main = postmaster(connect.data)
    trainers = [pid for child in children(main) for pid in children(child)]
    if trainers:
        world.fail("drain", f"processes are left: {trainers}")
    files = count_files(connect.data)
    for group, (n, kb) in files.items():
        if group.startswith("base/pgsql_tmp") and (group != "base/pgsql_tmp/pgsql_tmp_mlops" and n > 0 or kb > CACHE_MB * 1024 + 1024):
            world.fail("drain", f"{n} files of {kb} kB are left in {group}")
    if files.get("pg_dynshmem", (0, 0))[0] > 8:         # the server's own, such as statistics
        world.fail("drain", f"{files['pg_dynshmem'][0]} segments of shared memory are left")
    bases = {int(name) for name in os.listdir(os.path.join(connect.data, "base")) if name.isdigit()}
    known = {oid for (oid,) in conn.execute("SELECT oid::bigint FROM pg_database").fetchall()}
    if len(bases - known) > world.counts["databases torn by a crash"]:      # whose folders PostgreSQL leaves
        world.fail("drain", f"folders of databases that are gone: {bases - known}")
    log.read(world.fail)
    print(f"\nat the end: workers, locks, requests, trainers, run folders: none; postmaster {anonymous_kb(main)[0]} kB, {anonymous_kb(main)[1]} open files")
    conn.close()


FREE_SLOTS = """CREATE FUNCTION free_slots() RETURNS int LANGUAGE plpgsql AS $$
    DECLARE line text;
    BEGIN
        SET LOCAL max_parallel_workers = 64; SET LOCAL max_parallel_workers_per_gather = 64; SET LOCAL min_parallel_table_scan_size = 0;
        SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;
        FOR line IN EXPLAIN (ANALYZE, COSTS off, TIMING off) SELECT count(*) FROM wide LOOP
            IF line LIKE '%Workers Launched%' THEN RETURN substring(line FROM '\\d+')::int; END IF;
        END LOOP;
        RETURN -1;
    END $$"""


def main():
    print(f"soak of {MINUTES:g} minutes, seed {SEED}", flush=True)
    with cluster(54339, shared_preload_libraries="mlops", max_worker_processes=WORKERS, max_prepared_transactions=20, max_connections=80,
                 restart_after_crash="on", dynamic_shared_memory_type="mmap", mlops__monitor_interval=1, mlops__cache_size=CACHE_MB,
                 mlops__trainer_memory=2048, mlops__max_concurrent_runs=2, log_line_prefix="%m [%p] ") as connect:
        world, steps = World(connect, SEED, MINUTES), Steps()
        set_up(connect, steps)
        with connect() as conn:
            conn.execute(FREE_SLOTS)
        log = Log(os.path.join(connect.base, "log"))
        times = schedule(world)
        print("resets: " + ", ".join(f"{way} at {at:.0f} s" for at, way in times), flush=True)
        sessions = [Promoter(world, steps), Predictor(world, steps, 0), Predictor(world, steps, 1), Predictor(world, steps, 2, killable=True),
                    Roamer(world), Submitter(world, 0), Submitter(world, 1), Cleaner(world), Canceler(world), Writer(world, 0),
                    Writer(world, 1, killable=True), Watcher(world), Side(world), Short(world), Bystander(world), Killer(world), Resetter(world, times),
                    Checker(world, log)]
        growth = Growth(world, max(1, min(10, MINUTES / 2)))
        world.start = time.monotonic()
        for thread in [*sessions, growth]:
            thread.start()
        try:
            while world.now() < MINUTES * 60:
                time.sleep(1)
                if int(world.now()) % 300 == 0:
                    print(f"{world.now():.0f} s: {world.counts['FAILURES']} failures, {world.counts['predictions']} predictions,"
                          f" {world.counts['watched statements']} watched statements, load {os.getloadavg()[0]:.1f}", flush=True)
        finally:
            world.stop.set()
        for session in sessions:
            session.join(150)
            if session.is_alive():
                world.fail(session.label, f"does not end: {session.doing}")
        try:
            drain(world, connect, log)
        except psycopg.Error as error:
            world.fail("drain", f"{error.sqlstate}: {error}")
        growth.report(world.fail)
        report(world, log)
        if os.environ.get("SOAK_LOG"):
            shutil.copy(os.path.join(connect.base, "log"), os.environ["SOAK_LOG"])
    sys.exit(1 if world.failures else 0)


def report(world, log):
    print("\nwhat was done")
    for what, n in sorted(world.counts.items()):
        print(f"  {what:40} {n:9}")
    print(f"\nserver log: {log.lines} lines, {log.lines / MINUTES:.0f} a minute; the most frequent ones")
    for line, n in log.kinds.most_common(15):
        print(f"  {n:7}  {line}")
    print(f"\n{len(world.failures)} failures, seed {world.seed}")
    for at, who, reason in world.failures:
        print(f"  {at:8.1f} s  {who}: {re.sub(chr(10), ' | ', reason)}")


main()
