#!/usr/bin/python3
"""What a monitor costs the writers of a table, and what evaluating its windows takes.

Usage: monitor.py [ROWS [REPEATS [SECONDS]]]: rows of one bulk statement (1,000,000, of 28 real columns), repeats of
everything (5), seconds of one pgbench run (5).  The reference is the same statement on a table whose statement trigger
has a transition table and does nothing; a table without triggers is there, too.  Works and references alternate.
Bulk statements are measured in processor seconds of their backend, writers of single rows in transactions per second.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

import numpy as np
import xgboost

from cluster import cluster
from measure import alternate, cpu_seconds, print_ratios, time_work

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
REPEATS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
SECONDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
COLUMNS, FEATURES, HOURS = 28, 100, 24 * 365
SEED = 1
TABLES = {"empty trigger": "t_empty", "monitor": "t_monitor", "no trigger": "t_plain"}


def register(conn, name, columns):
    """A model of so many numbers, with references of 10,000 rows."""
    rng = np.random.default_rng(SEED)
    X = rng.random((1000, columns), dtype=np.float32)
    booster = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, xgboost.DMatrix(X, X[:, 0]), 2)
    names = ", ".join(f'"c{i}"' for i in range(columns))
    conn.execute("SELECT mlops.register_model(%s, %s, signature => %s::jsonb)",
                 [name, bytes(booster.save_raw("ubj")), f'{{"features": [{names}]}}'])
    values = ", ".join(f"random() + random() AS c{i}" for i in range(columns))
    conn.execute(f"SELECT mlops.set_reference('{name}/1', 'SELECT {values} FROM generate_series(1, 10000)')")


def build_trigger(connect):
    """The empty trigger's library."""
    library = os.path.join(connect.base, "empty_trigger.so")
    include = subprocess.run(["pg_config", "--includedir-server"], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["cc", "-O2", "-fPIC", "-shared", f"-I{include}", "-o", library,
                    os.path.join(os.path.dirname(__file__), "empty_trigger.c")], check=True)
    os.chmod(library, 0o755)
    return library


def prepare(connect, conn):
    """Rows, and three tables to write them to."""
    register(conn, "m", COLUMNS)
    values = ", ".join(f"random() + random() AS c{i}" for i in range(COLUMNS))
    conn.execute(f"CREATE UNLOGGED TABLE source AS SELECT {values} FROM generate_series(1, {ROWS})")
    conn.execute(f"COPY source TO '{connect.base}/source.csv'")
    for table in TABLES.values():
        conn.execute(f"CREATE TABLE {table} (LIKE source)")
    conn.execute(f"CREATE FUNCTION empty_trigger() RETURNS trigger LANGUAGE c AS '{build_trigger(connect)}'")
    conn.execute("CREATE TRIGGER e AFTER INSERT ON t_empty REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION empty_trigger()")
    conn.execute("SELECT mlops.create_monitor('m', 'm', 't_monitor')")


def measure_statement(conn, statement, table):
    """Processor seconds of a bulk statement, into an empty table."""
    conn.execute(f"TRUNCATE {table}")
    conn.execute("CHECKPOINT")
    pid = conn.info.backend_pid
    start = cpu_seconds(pid)
    conn.execute(statement.format(table=table))
    return cpu_seconds(pid) - start


def run_pgbench(connect, table):
    """Transactions per second of 64 writers of single rows."""
    script = os.path.join(connect.base, "write.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"INSERT INTO {table} VALUES ({', '.join(['0.5'] * COLUMNS)});\n")
    output = subprocess.run(["pgbench", "-n", "-M", "prepared", "-c", "64", "-j", "2", "-T", str(SECONDS), "-f", script,
                             "-h", connect.base, "-p", str(connect.port), "-U", "postgres", "postgres"],
                            check=True, capture_output=True, text=True).stdout
    return float(re.search(r"tps = ([0-9.]+)", output).group(1))


def evaluate_year(conn):
    """A year of hourly windows of 100 features: the next window, and all of them anew."""
    register(conn, "wide", FEATURES)
    conn.execute("CREATE TABLE wide AS SELECT timestamptz '2025-01-01 00:00Z' AS at, " +
                 ", ".join(f"0.5::float8 AS c{i}" for i in range(FEATURES)) + " LIMIT 0")
    conn.execute("SELECT mlops.create_monitor('year', 'wide', 'wide', time_column => 'at', window_size => '1 hour')")
    row = ", ".join("random() + random()" for _ in range(FEATURES))
    conn.execute(f"INSERT INTO wide SELECT '2025-01-01 00:00Z', {row} FROM generate_series(1, 500)")
    conn.execute("SELECT mlops.check_monitor('year')")
    conn.execute("""INSERT INTO mlops.drift_window (monitor, version, window_start, window_end, n_rows, due_at)
        SELECT monitor, version, window_start + i * interval '1 hour', window_end + i * interval '1 hour', n_rows, now()
        FROM mlops.drift_window, generate_series(1, %s) i WHERE monitor = 'year'""", [HOURS - 1])
    conn.execute("""INSERT INTO mlops.drift_profile SELECT p.monitor, p.version, p.window_start + i * interval '1 hour', p.role, p.name, p.profile
        FROM mlops.drift_profile p, generate_series(1, %s) i WHERE monitor = 'year'""", [HOURS - 1])
    conn.execute("VACUUM ANALYZE")
    whole = time_work(lambda: conn.execute("SELECT mlops.check_monitor('year')"))
    conn.execute("VACUUM ANALYZE")
    conn.execute(f"INSERT INTO wide SELECT '2026-01-01 00:00Z', {row} FROM generate_series(1, 500)")
    one = time_work(lambda: conn.execute("SELECT mlops.check_monitor('year')"))
    rows = conn.execute("SELECT count(*) FROM mlops.drift_history WHERE monitor = 'year'").fetchone()[0]
    history = time_work(lambda: conn.execute("SELECT avg(psi) FROM mlops.drift_history WHERE monitor = 'year' AND feature = 'c7'").fetchall())
    print(f"\nHourly windows of a year, {FEATURES} features ({rows} rows of drift_history)")
    print(f"  the next window, counted and evaluated   {one:8.3f} s")
    print(f"  all {HOURS} windows                         {whole:8.3f} s")
    print(f"  the year of one feature from drift_history {history:6.3f} s", flush=True)


with cluster(port=54347, max_connections=100, shared_buffers="512MB", max_wal_size="8GB", autovacuum="off") as open_connection:
    with open_connection() as connection:
        prepare(open_connection, connection)
        for title, text in {"INSERT ... SELECT": "INSERT INTO {table} SELECT * FROM source",
                            "COPY": f"COPY {{table}} FROM '{open_connection.base}/source.csv'"}.items():
            print_ratios(f"{title} of {ROWS} rows of {COLUMNS} columns",
                         alternate(TABLES, REPEATS, lambda table: measure_statement(connection, text, table)), "empty trigger", "s")
        print_ratios("64 writers of single rows", alternate(TABLES, REPEATS, lambda table: run_pgbench(open_connection, table)),
                     "no trigger", "tps", faster_is_less=False)
        evaluate_year(connection)
