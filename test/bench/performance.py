#!/usr/bin/python3
"""The performance aggregates against avg() over the same table: wall-clock time serial and with two workers, and
CPU time of the backend, serial.

Usage: performance.py [ROWS [REPEATS]]: 2,000,000 rows; 5 repeats.  Works and the reference alternate; a line gives the
median, the least and the greatest time, and the reference's time as a multiple of it (in brackets: by single repeats).
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

from cluster import cluster
from measure import alternate, cpu_seconds, print_ratios, time_work

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
REPEATS = int(sys.argv[2]) if len(sys.argv) > 2 else 5

WORKS = {
    "avg(s)": "avg(s)",
    "avg((v - q) * (v - q))": "avg((v - q) * (v - q))",
    "accuracy of booleans": "mlops.accuracy(y, s > 0.5)",
    "accuracy of texts": "mlops.accuracy(l, p)",
    "f1 of booleans": "mlops.f1(y, s > 0.5)",
    "f1 of three classes": "mlops.f1(l, p, NULL, 'macro')",
    "mse": "mlops.mse(v, q)",
    "mse, rmse, mae, mape, r2": "mlops.mse(v, q), mlops.rmse(v, q), mlops.mae(v, q), mlops.mape(v, q), mlops.r2(v, q)",
    "mse with weights": "mlops.mse(v, q, w)",
    "log_loss": "mlops.log_loss(y, s)",
    "log_loss, brier_score, calibration_error":
        "mlops.log_loss(y, s), mlops.brier_score(y, s), mlops.calibration_error(y, s)",
    "roc_auc_binned": "mlops.roc_auc_binned(y, s)",
    "roc_auc, average_precision": "mlops.roc_auc(y, s), mlops.average_precision(y, s)",
    "performance of two classes": "mlops.performance(y, s > 0.5, s, NULL)",
}

with cluster(shared_buffers="512MB", max_parallel_workers=2) as connect, connect() as conn:
    conn.execute(f"""CREATE TABLE result AS SELECT random() < 0.4 AS y, random() AS s, random() * 0.7 + 0.1 AS w,
        random() * 100 AS v, random() * 100 AS q, (ARRAY['a', 'b', 'c'])[1 + i % 3] AS l,
        (ARRAY['a', 'b', 'c'])[1 + i / 2 % 3] AS p FROM generate_series(1, {ROWS}) i""")
    conn.execute("VACUUM ANALYZE result")
    conn.execute("SET jit = off")
    conn.execute("SET work_mem = '256MB'")

    def time_cpu(work):
        before = cpu_seconds(conn.info.backend_pid)
        work()
        return cpu_seconds(conn.info.backend_pid) - before

    works = {name: lambda sql=sql: conn.execute(f"SELECT {sql} FROM result").fetchone() for name, sql in WORKS.items()}
    for workers, clock, measure in ((0, "wall clock", time_work), (0, "CPU", time_cpu), (2, "wall clock", time_work)):
        conn.execute(f"SET max_parallel_workers_per_gather = {workers}")
        print_ratios(f"{ROWS} rows, {workers} workers, {clock}", alternate(works, REPEATS, measure), "avg(s)", "ms", 1000)
