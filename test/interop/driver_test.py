#!/usr/bin/python3
"""Predictions through database drivers that nobody here wrote; libxgboost says what they must be.

Makes a cluster with models trained in Python and a table of rows with libxgboost's predictions,
then runs each driver's own test against it: driver_psycopg_test.py, driver_node_test.js and
driver_jdbc_test.java.  Each of them prints "name: N passed, N failed".
"""
import glob
import os
import socket
import subprocess
import sys

import numpy as np
import xgboost

from cluster import cluster

SEED = 20261126
N_ROWS = 300
CITIES = ["Bern", "Oslo", "Rome"]
HERE = os.path.dirname(os.path.abspath(__file__))


def make_mixed(conn, rng):
    """Model "driver" of an integer, a number, a boolean and a category; table row_mixed."""
    X = np.column_stack([rng.integers(-50, 50, N_ROWS), rng.normal(0, 10, N_ROWS), rng.integers(0, 2, N_ROWS),
                         rng.integers(0, len(CITIES), N_ROWS)]).astype(np.float32)
    y = X[:, 0] * (1 + X[:, 2]) + np.abs(X[:, 1]) + np.array([10, -20, 35])[X[:, 3].astype(int)]
    X[rng.random(X.shape) < 0.08] = np.nan
    matrix = xgboost.DMatrix(X, y, feature_types=["int", "float", "i", "c"], enable_categorical=True)
    booster = xgboost.train({"max_depth": 5, "tree_method": "hist", "nthread": 1}, matrix, 25)
    X[rng.random(N_ROWS) < 0.05, 3] = len(CITIES)  # a category that training did not see
    predictions = booster.predict(xgboost.DMatrix(X, feature_types=matrix.feature_types, enable_categorical=True))
    signature = """{"features": [{"name": "a", "type": "integer"}, {"name": "b", "type": "double precision"},
        {"name": "ok", "type": "boolean", "kind": "boolean"},
        {"name": "city", "type": "text", "kind": "category", "categories": ["Bern", "Oslo", "Rome"]}]}"""
    conn.execute("SELECT mlops.register_model('driver', %s, signature => %s)", [bytes(booster.save_raw("ubj")), signature])
    conn.execute("CREATE TABLE row_mixed (id int PRIMARY KEY, a int, b float8, ok boolean, city text, expected float8)")
    with conn.cursor().copy("COPY row_mixed FROM STDIN") as copy:
        for i, (row, expected) in enumerate(zip(X, predictions)):
            a, b, ok, city = (None if np.isnan(v) else float(v) for v in row)
            copy.write_row([i, None if a is None else int(a), b, None if ok is None else bool(ok),
                            None if city is None else [*CITIES, "Wien"][int(city)], float(expected)])
    return len(set(predictions))


def make_numbers(conn, rng):
    """Model "driver_number" of three numbers; table row_number, whose rows are arrays."""
    X = rng.normal(0, 1, (N_ROWS, 3)).astype(np.float32)
    y = X[:, 0] * X[:, 1] - X[:, 2]
    X[rng.random(X.shape) < 0.08] = np.nan
    matrix = xgboost.DMatrix(X, y, feature_names=["p", "q", "r"])
    booster = xgboost.train({"max_depth": 5, "nthread": 1}, matrix, 25)
    conn.execute("SELECT mlops.register_model('driver_number', %s)", [bytes(booster.save_raw("ubj"))])
    conn.execute("CREATE TABLE row_number (id int PRIMARY KEY, v float8[], expected float8)")
    with conn.cursor().copy("COPY row_number FROM STDIN") as copy:
        for i, (row, expected) in enumerate(zip(X, booster.predict(matrix))):
            copy.write_row([i, [None if np.isnan(v) else float(v) for v in row], float(expected)])
    return len(set(booster.predict(matrix)))


def find_port():
    """A TCP port that is free now: not every driver speaks through a socket file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(name, *command):
    """Run one driver's test; one that could not even start is a failed test."""
    try:
        status = subprocess.run(command, cwd=HERE, check=False).returncode
    except OSError as error:
        print(f"not ok {name} {error}")
        status = 2
    if status not in (0, 1):
        print(f"{name}: 0 passed, 1 failed")
    return status


port = find_port()
with cluster(port=port, listen_addresses="127.0.0.1") as connect:
    with connect("analyst") as connection:
        generator = np.random.default_rng(SEED)
        print(f"seed {SEED}")
        distinct = make_mixed(connection, generator), make_numbers(connection, generator)
        connection.execute("SELECT mlops.create_function('driver', 'driver_score')")
    good = min(distinct) > N_ROWS / 2
    print(f"fixture: {int(good)} passed, {int(not good)} failed")
    sys.stdout.flush()
    os.environ["NODE_PATH"] = os.pathsep.join(
        ["/usr/share/nodejs", *glob.glob("/usr/*lib/node_modules"), *glob.glob("/usr/local/lib/node_modules")])
    statuses = [
        run("psycopg", sys.executable, "driver_psycopg_test.py", connect.base, str(port)),
        run("node", "node", "driver_node_test.js", connect.base, str(port)),
        run("jdbc", "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", "/usr/share/java/postgresql.jar",
            "driver_jdbc_test.java", "127.0.0.1", str(port)),
    ]
sys.exit(not good or any(statuses))
