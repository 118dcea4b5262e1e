#!/usr/bin/python3
"""Training from query to version, against XGBoost on the matrix in memory plus one scan of the table.

Usage: train.py [ROWS [MAINTENANCE_WORK_MEM]]; 28 float4 columns, binary target, 50 rounds, one thread.
Prints times, their ratio, and the highest private memory of executor and trainer.
"""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import xgboost

from cluster import cluster

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
MEMORY = sys.argv[2] if len(sys.argv) > 2 else "64MB"
COLUMNS, ROUNDS = 28, 50
PARAMS = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": 6, "eta": 0.1, "nthread": 1}


def watch(pids, peaks, done):
    """Keep the highest RssAnon of the processes, in MB."""
    while not done.wait(0.02):
        for name, pid in list(pids.items()):
            try:
                with open(f"/proc/{pid}/status") as status:
                    for line in status:
                        if line.startswith("RssAnon:"):
                            peaks[name] = max(peaks.get(name, 0), int(line.split()[1]) // 1024)
            except OSError:
                pass


def train(connect):
    """Train in SQL; return seconds, the environment of the run and peak memories."""
    pids, peaks, done = {}, {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(pids, peaks, done))
    watcher.start()
    start = time.monotonic()
    with connect("analyst") as conn, connect() as spy:
        run = conn.execute("SELECT mlops.train('bench', 'SELECT * FROM big', 'label', key => '{id}', num_boost_round => %s, params => %s)",
                           [ROUNDS, '{"max_depth": 6, "eta": 0.1, "nthread": 1}']).fetchone()[0]
        while True:
            status, error, environment = spy.execute("SELECT status, error, environment FROM mlops.run WHERE id = %s", [run]).fetchone()
            if status not in ("queued", "running"):
                break
            for (pid,) in spy.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops run'").fetchall():
                pids["executor"] = pid
            time.sleep(0.05)
    seconds = time.monotonic() - start
    done.set()
    watcher.join()
    if status != "succeeded":
        raise SystemExit(f"run {status}: {error}")
    return seconds, environment, peaks


with cluster(shared_buffers="1GB", maintenance_work_mem=MEMORY, max_wal_size="8GB",
             mlops__max_threads="4", mlops__trainer_memory="16GB") as connect:
    with connect("analyst") as conn:
        columns = ", ".join(f"((hashint4extended(i, {c}) & 1048575) / 1048576.0)::real AS f{c}" for c in range(COLUMNS))
        conn.execute(f"CREATE TABLE big AS SELECT i AS id, {columns}, (hashint4extended(i, 0) & 1048575) / 1048576.0 "
                     f"+ (hashint4extended(i, 1) & 1048575) / 1048576.0 > 1 AS label FROM generate_series(1, {ROWS}) i")
        conn.execute("VACUUM ANALYZE big")
        start = time.monotonic()
        conn.execute("SET max_parallel_workers_per_gather = 0")
        conn.execute("SELECT " + ", ".join(f"sum(f{c})" for c in range(COLUMNS)) + ", count(label) FROM big")
        scan = time.monotonic() - start
        seconds, environment, peaks = train(connect)
        print(f"query to version: {seconds:.2f} s   phases {environment}")
        print(f"peak RssAnon: executor {peaks.get('executor')} MB")

        rng = np.random.default_rng(1)
        X = rng.random((int(ROWS * 0.8), COLUMNS), dtype=np.float32)
        y = (X[:, 0] + X[:, 1] > 1).astype(np.float32)
        start = time.monotonic()
        matrix = xgboost.QuantileDMatrix(X, y, nthread=1)
        xgboost.train(PARAMS, matrix, ROUNDS)
        reference = time.monotonic() - start
        print(f"XGBoost in memory: {reference:.2f} s + scan {scan:.2f} s; ratio {seconds / (reference + scan):.2f}")
