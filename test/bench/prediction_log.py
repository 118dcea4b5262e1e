#!/usr/bin/python3
"""predict_logged against the same INSERT into a plain table, by pgbench.

Usage: prediction_log.py [SECONDS [REPEATS [CLIENTS...]]]: seconds of one run (4), repeats (5), numbers of connections
(1 8 64).  The plain table has the log's columns, identity and index, and the reference writes predict()'s answer to it.
Works and reference alternate; fsync is off, so that nothing waits for a disk.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

import numpy as np
import xgboost

from cluster import cluster
from measure import alternate, print_ratios

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
REPEATS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
CLIENTS = [int(a) for a in sys.argv[3:]] or [1, 8, 64]
SEED = 1
ROW = "0.5::float8, 0.25::float8, 0.75::float8"
WORKS = {
    "INSERT of predict() into a plain table": "INSERT INTO plain (model, version, arm, key, prediction, class, predicted_by) VALUES ('m', 1, 'champion', "
                                              f":k::text, mlops.predict('m', {ROW}), 'yes', current_user::regrole) RETURNING id",
    "predict_logged": f"SELECT * FROM mlops.predict_logged('m', :k::text, {ROW})",
    "predict_logged with features": f"SELECT * FROM mlops.predict_logged('m', :k::text, {ROW})",
    "predict_logged with a split": f"SELECT * FROM mlops.predict_logged('split', :k::text, {ROW})",
    "predict_logged with a shadow of every row": f"SELECT * FROM mlops.predict_logged('shadow', :k::text, {ROW})",
}


def prepare(conn):
    """Three models of the same bytes, two of them with traffic; the plain table."""
    rng = np.random.default_rng(SEED)
    X = rng.random((2000, 3), dtype=np.float32)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 6, "nthread": 1}, xgboost.DMatrix(X, X[:, 0] + X[:, 1] > X[:, 2]), 50)
    for name in ("m", "split", "shadow"):
        conn.execute("SELECT mlops.register_model(%s, %s, signature => %s)",
                     [name, bytes(booster.save_raw("ubj")), '{"features": ["a", "b", "c"], "classes": ["no", "yes"]}'])
        conn.execute("SELECT mlops.set_alias(%s, 'challenger', 1)", [name])
    conn.execute("""SELECT mlops.set_traffic('split', '{"champion": 0.5, "challenger": 0.5}'), mlops.set_traffic('shadow', shadow => '{"challenger": 1}')""")
    conn.execute("CREATE TABLE plain (LIKE mlops.prediction_log)")
    conn.execute("ALTER TABLE plain ALTER id ADD GENERATED ALWAYS AS IDENTITY (CACHE 64), ALTER predicted_at SET DEFAULT now(), ALTER shadow SET DEFAULT false")
    conn.execute("CREATE INDEX ON plain (model, key, predicted_at)")


def run_pgbench(connect, name, clients):
    """Transactions per second."""
    script = os.path.join(connect.base, "work.sql")
    with open(script, "w") as file:
        file.write(f"\\set k random(1, 1000000)\n{WORKS[name]};\n")
    options = "-c mlops.log_features=on" if "features" in name else ""
    output = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(SECONDS), "-f", script,
                             "-h", connect.base, "-p", str(connect.port), "-U", "postgres", "postgres"],
                            check=True, capture_output=True, text=True, env={**os.environ, "PGOPTIONS": options}).stdout
    return float(re.search(r"tps = ([0-9.]+)", output).group(1))


with cluster(port=54345, max_connections=100, shared_buffers="256MB", max_wal_size="4GB") as open_connection:
    with open_connection() as connection:
        prepare(connection)
    for n in CLIENTS:
        figures = alternate({name: name for name in WORKS}, REPEATS, lambda name: run_pgbench(open_connection, name, n))
        print_ratios(f"{n} connections, single rows", figures, next(iter(WORKS)), "tps", faster_is_less=False)
