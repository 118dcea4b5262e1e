#!/usr/bin/python3
"""Predictions in SQL against libxgboost on a matrix in memory, Python's usual way, and a primary-key lookup.

Usage: serve.py [ROWS [SECONDS [REPEATS]]]: rows of the scans (28 real columns; 1,000,000), seconds of one pgbench run (4),
repeats of everything (5).  Works and references alternate; a line gives the median, the least and the greatest figure,
and how many times as fast as the reference the work is (in brackets: the same by single repeats).
"""
import io
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import xgboost

from cluster import cluster
from measure import alternate, print_ratios

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 4
REPEATS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
COLUMNS, TREES = 28, 100
SEED = 1
NAMES = [f"x{c}" for c in range(COLUMNS)]


def make_rows(n):
    """Rows of 28 numbers, every one in the class of its first two and some noise."""
    rng = np.random.default_rng(SEED)
    X = rng.random((n, COLUMNS), dtype=np.float32)
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(0, 0.3, n) > 0.8).astype(np.float32)
    return X, y


def train_model(X, y, trees, depth):
    return xgboost.train({"objective": "binary:logistic", "tree_method": "hist", "max_depth": depth, "eta": 0.1, "nthread": 1},
                         xgboost.DMatrix(X, y, feature_names=NAMES), trees)


def fill_table(conn, X):
    """The rows as a table "big", in the order of the matrix."""
    conn.execute("CREATE TABLE big (id int, " + ", ".join(f"{name} real" for name in NAMES) + ")")
    columns = [("id", ">i4")] + [(name, ">f4") for name in NAMES]
    fields = [("count", ">i2")]
    for name, kind in columns:
        fields += [(name + "_length", ">i4"), (name, kind)]
    binary = np.zeros(len(X), dtype=fields)
    binary["count"] = len(columns)
    for name, _ in columns:
        binary[name + "_length"] = 4
    binary["id"] = np.arange(len(X))
    for c, name in enumerate(NAMES):
        binary[name] = X[:, c]
    with conn.cursor().copy("COPY big FROM STDIN (FORMAT binary)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for start in range(0, len(X), 10_000):
            copy.write(binary[start:start + 10_000].tobytes())
        copy.write(b"\xff\xff")
    conn.execute("ALTER TABLE big ADD PRIMARY KEY (id)")
    conn.execute("CREATE TABLE scores (id int, score float8)")
    conn.execute("VACUUM ANALYZE big")
    return columns


def read_binary(data, columns):
    """What COPY TO (FORMAT binary) of rows without NULL sent, as a structured array."""
    fields = [("count", ">i2")]
    for name, kind in columns:
        fields += [(name + "_length", ">i4"), (name, kind)]
    return np.frombuffer(data, dtype=fields, offset=19, count=(len(data) - 21) // np.dtype(fields).itemsize)


def score_in_python(conn, booster, columns):
    """Python's usual way: fetch the table into a matrix, predict, copy the scores back."""
    data = io.BytesIO()
    with conn.cursor().copy("COPY big TO STDOUT (FORMAT binary)") as copy:
        for chunk in copy:
            data.write(chunk)
    rows = read_binary(data.getbuffer(), columns)
    X = np.column_stack([rows[name].astype(np.float32) for name in NAMES])
    scores = booster.inplace_predict(X, validate_features=False)
    conn.execute("TRUNCATE scores")
    with conn.cursor().copy("COPY scores FROM STDIN") as copy:
        for start in range(0, len(scores), 10_000):
            copy.write("".join(f"{i}\t{s!r}\n" for i, s in zip(rows["id"][start:start + 10_000].tolist(),
                                                               scores[start:start + 10_000].tolist())))


def score_in_sql(conn):
    conn.execute("TRUNCATE scores")
    conn.execute("INSERT INTO scores SELECT id, mlops.predict('bench', t) FROM big t")


def bench_scans(conn, booster, X, columns):
    """Whole tables: one process of ours, several, and blocks; libxgboost on the matrix; Python and back."""
    def query(sql, workers=0):
        def work():
            conn.execute(f"SET max_parallel_workers_per_gather = {workers}")
            conn.execute(sql)
        return work

    predicted = conn.execute("SELECT mlops.predict('bench', t) FROM big t WHERE id < 1000 ORDER BY id").fetchall()
    assert np.array_equal(np.array(predicted, dtype=np.float32)[:, 0], booster.inplace_predict(X[:1000], validate_features=False))
    call = "SELECT sum(mlops.predict('bench', {})) FROM big t"
    works = {
        "libxgboost, matrix in memory, one thread": lambda: booster.inplace_predict(X, validate_features=False),
        "sum(predict('m', t)), one process": query(call.format("t")),
        "sum(predict('m', x0, ... x27)), one process": query(call.format(", ".join(NAMES))),
        "sum(predict('m', t)), two workers": query(call.format("t"), 2),
        "predict_batch('m', 'SELECT ...', 'id')":
            query("SELECT sum(prediction) FROM mlops.predict_batch('bench', 'SELECT * FROM big', 'id')"),
        "predict_agg('m', t)": query("SELECT cardinality(mlops.predict_agg('bench', t)) FROM big t"),
        "for comparison: count(t), the rows built": query("SELECT count(t) FROM big t"),
        "for comparison: sum(x0 + ... + x27)": query("SELECT sum(" + " + ".join(NAMES) + ") FROM big"),
    }
    print_ratios(f"Scan of {len(X):,} rows, {TREES} trees, wall clock", alternate(works, REPEATS),
                 "libxgboost, matrix in memory, one thread", "us/row", 1e6 / len(X))
    usual = "Python: COPY out, inplace_predict, COPY back"
    print_ratios(f"Scores of {len(X):,} rows into a table, wall clock",
                 alternate({usual: lambda: score_in_python(conn, booster, columns),
                            "INSERT INTO ... SELECT predict": lambda: score_in_sql(conn)}, min(REPEATS, 3)), usual, "us/row", 1e6 / len(X))


def run_pgbench(connect, script, mode, clients):
    """Transactions per second."""
    output = subprocess.run(["pgbench", "-h", connect.base, "-p", str(connect.port), "-U", "analyst", "-n", "-M", mode, "-c", str(clients),
                             "-j", str(min(clients, 2)), "-T", str(SECONDS), "-f", script, "postgres"],
                            check=True, capture_output=True, text=True).stdout
    return float(re.search(r"tps = ([0-9.]+)", output).group(1))


def bench_pgbench(connect, folder):
    """Single rows by pgbench against a primary-key lookup."""
    random = f"\\set id random(0, {ROWS - 1})\n"
    one = "\\set a random(0, 1000)\n"
    all_values = "".join(f"\\set a{c} random(0, 1000)\n" for c in range(COLUMNS))
    literals = ", ".join(f"{c / COLUMNS:.3f}::float8" for c in range(1, COLUMNS))
    parameters = ", ".join(f":a{c}::float8" for c in range(COLUMNS))
    scripts = {
        "primary-key lookup": random + "SELECT x0 FROM big WHERE id = :id;\n",
        "SELECT 1": "SELECT 1;\n",
        "predict('m', $1, 27 literals)": one + f"SELECT mlops.predict('bench', :a::float8, {literals});\n",
        "predict('m', t) of the row looked up": random + "SELECT mlops.predict('bench', t) FROM big t WHERE id = :id;\n",
        "predict('m', $1, ... $28)": all_values + f"SELECT mlops.predict('bench', {parameters});\n",
        "score($1, ... $28), by create_function": all_values + f"SELECT bench_score({parameters});\n",
        "for comparison: greatest($1, ... $28)": all_values + f"SELECT greatest({parameters});\n",
    }
    for name, text in scripts.items():
        scripts[name] = os.path.join(folder, re.sub(r"\W+", "_", name) + ".sql")
        with open(scripts[name], "w") as file:
            file.write(text)
    for mode in ("prepared", "simple"):
        for clients in (1, 2, 8):
            figures = alternate(scripts, REPEATS, lambda script: run_pgbench(connect, script, mode, clients))
            print_ratios(f"pgbench -M {mode}, {clients} clients", figures, "primary-key lookup", "tps", faster_is_less=False)


with cluster(shared_buffers="1GB", max_wal_size="8GB", autovacuum="off") as connect:
    X, y = make_rows(ROWS)
    booster = train_model(X[:100_000], y[:100_000], TREES, 6)
    with connect("analyst") as conn:
        columns = fill_table(conn, X)
        conn.execute("SELECT mlops.register_model('bench', %s)", [bytes(booster.save_raw("ubj"))])
        conn.execute("SELECT mlops.create_function('bench', 'bench_score')")
        bench_scans(conn, booster, X, columns)
    bench_pgbench(connect, os.path.dirname(connect.data))
