#!/usr/bin/python3
"""Training from query to version, against XGBoost on the matrix in memory plus one scan of the table.

Usage: train.py [ROWS [MAINTENANCE_WORK_MEM [REPEATS]]]; 28 float4 columns, binary target, 50 rounds, one thread.

Reference: XGBoost's QuantileDMatrix and train in memory on 80 % of the rows, as many as our run trains on (it judges
by the others), and an aggregate over all values of the table.  Reference and run alternate; each figure is the least
of all repeats.  Both are given as wall-clock and as CPU seconds, because other work on the machine disturbs the second
less.  The CPU time of a run is what the postmaster inherits from its children: executor, trainer and dispatcher.
"""
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import xgboost

from cluster import cluster
from measure import cpu_seconds

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
MEMORY = sys.argv[2] if len(sys.argv) > 2 else "64MB"
REPEATS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
COLUMNS, ROUNDS = 28, 50
PARAMS = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": 6, "eta": 0.1, "nthread": 1}


def watch(pids, peaks, done):
    """Keep the highest RssAnon of the processes, in MB."""
    while not done.wait(0.02):
        for pid in list(pids):
            try:
                with open(f"/proc/{pid}/status") as status:
                    for line in status:
                        if line.startswith("RssAnon:"):
                            peaks[pid] = max(peaks.get(pid, 0), int(line.split()[1]) // 1024)
            except OSError:
                pass


def train(spy, submit, postmaster):
    """Train in SQL; return wall and CPU seconds, the environment of the run and the executor's peak memory."""
    pids, peaks, done = set(), {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(pids, peaks, done), daemon=True)
    watcher.start()
    cpu, wall = cpu_seconds(postmaster, inherited=True), time.monotonic()
    run = submit.execute("SELECT mlops.train('bench', 'SELECT * FROM big', 'label', key => '{id}', num_boost_round => %s, params => %s)",
                         [ROUNDS, json.dumps({"max_depth": 6, "eta": 0.1, "nthread": 1})]).fetchone()[0]
    status, ended = "queued", None
    while True:
        workers = spy.execute("SELECT pid, backend_type FROM pg_stat_activity"
                              " WHERE backend_type IN ('mlops run', 'mlops dispatcher')").fetchall()
        pids.update(pid for pid, kind in workers if kind == "mlops run")
        if ended is None:
            status, error, environment = spy.execute("SELECT status, error, environment FROM mlops.run WHERE id = %s", [run]).fetchone()
            if status not in ("queued", "running"):
                ended = time.monotonic()
        elif not workers:
            break
        time.sleep(0.02)
    cpu = cpu_seconds(postmaster, inherited=True) - cpu
    done.set()
    watcher.join()
    if status != "succeeded":
        raise SystemExit(f"run {status}: {error}")
    return (ended - wall, cpu), environment, max(peaks.values(), default=None)


def scan(conn):
    """Read every value of the table once; return wall and CPU seconds."""
    pid = conn.execute("SELECT pg_backend_pid()").fetchone()[0]
    cpu, wall = cpu_seconds(pid), time.monotonic()
    conn.execute("SELECT " + ", ".join(f"sum(f{c})" for c in range(COLUMNS)) + ", count(label) FROM big")
    return time.monotonic() - wall, cpu_seconds(pid) - cpu


def reference(X, y):
    """Train in memory; return wall and CPU seconds."""
    cpu, wall = time.process_time(), time.monotonic()
    xgboost.train(PARAMS, xgboost.QuantileDMatrix(X, y, nthread=1), ROUNDS)
    return time.monotonic() - wall, time.process_time() - cpu


def least(times):
    return [min(column) for column in zip(*times)]


with cluster(shared_buffers="1GB", maintenance_work_mem=MEMORY, max_wal_size="8GB", autovacuum="off",
             mlops__max_threads="4", mlops__trainer_memory="16GB") as connect:
    with open(os.path.join(connect.data, "postmaster.pid")) as file:
        postmaster = int(file.readline())
    with connect("analyst") as conn, connect() as spy:
        columns = ", ".join(f"((hashint4extended(i, {c}) & 1048575) / 1048576.0)::real AS f{c}" for c in range(COLUMNS))
        conn.execute(f"CREATE TABLE big AS SELECT i AS id, {columns}, (hashint4extended(i, 0) & 1048575) / 1048576.0 "
                     f"+ (hashint4extended(i, 1) & 1048575) / 1048576.0 > 1 AS label FROM generate_series(1, {ROWS}) i")
        conn.execute("VACUUM ANALYZE big")
        conn.execute("SET max_parallel_workers_per_gather = 0")

        rng = np.random.default_rng(1)
        X = rng.random((int(ROWS * 0.8), COLUMNS), dtype=np.float32)
        y = (X[:, 0] + X[:, 1] > 1).astype(np.float32)
        ours, theirs, scans = [], [], []
        for repeat in range(REPEATS):
            theirs.append(reference(X, y))
            scans.append(scan(conn))
            times, environment, peak = train(spy, conn, postmaster)
            ours.append(times)
            print(f"{repeat + 1}: query to version {times[0]:.2f} s, CPU {times[1]:.2f} s; "
                  f"XGBoost {theirs[-1][0]:.2f} s, CPU {theirs[-1][1]:.2f} s; scan {scans[-1][0]:.2f} s, CPU {scans[-1][1]:.2f} s")
            print(f"   phases {environment}; peak RssAnon of the executor {peak} MB", flush=True)
        for i, name in enumerate(("wall", "CPU")):
            run, trained, scanned = (least(times)[i] for times in (ours, theirs, scans))
            print(f"{name}: query to version {run:.2f} s, XGBoost in memory {trained:.2f} s + scan {scanned:.2f} s; "
                  f"ratio {run / (trained + scanned):.2f}")
