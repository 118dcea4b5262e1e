#!/usr/bin/python3
"""Profiles of every column against SELECT avg(c1), ..., avg(c28) on the same table.

Usage: profile.py [ROWS [REPEATS]]: rows of the table (28 float8 columns; 2,000,000), repeats of everything (5).  Works and
reference alternate; a line gives the median, the least and the greatest figure, and how many times as fast as the
reference the work is (in brackets: the same by single repeats).  CPU seconds are those of the server process, without
workers; on a busy machine they say more than wall-clock seconds.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

from cluster import cluster
from measure import alternate, cpu_seconds, print_ratios

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
REPEATS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
COLUMNS = 28
SHAPES = ["random()", "random() + random() + random()", "-ln(1 - random())", "exp(6 * random())"]
NAMES = [f"c{c}" for c in range(1, COLUMNS + 1)]
REFERENCE = "avg of each column"


def make_table(conn):
    conn.execute("SELECT setseed(0.5)")
    columns = ", ".join(f"{SHAPES[c % len(SHAPES)]} AS {name}" for c, name in enumerate(NAMES))
    conn.execute(f"CREATE UNLOGGED TABLE big WITH (autovacuum_enabled = off) AS SELECT {columns} FROM generate_series(1, {ROWS})")
    conn.execute("VACUUM ANALYZE big")
    for cells in (20, 100):
        conn.execute(f"CREATE TABLE row_{cells} AS SELECT mlops.reference(b, {cells}) AS r FROM (SELECT * FROM big LIMIT 100000) b")
        conn.execute(f"CREATE TABLE each_{cells} AS SELECT " +
                     ", ".join(f"mlops.column_profile(r, '{name}') AS {name}" for name in NAMES) + f" FROM row_{cells}")


def make_queries():
    separate = "SELECT " + ", ".join(f"mlops.rows(mlops.profile({name}, (SELECT {name} FROM each_{{0}})))" for name in NAMES) + " FROM big"
    whole = "SELECT mlops.profile(big, (SELECT r FROM row_{0})) IS NULL FROM big"
    return {
        REFERENCE: "SELECT " + ", ".join(f"avg({name})" for name in NAMES) + " FROM big",
        "profile of each column, 20 cells": separate.format(20),
        "profile of whole rows, 20 cells": whole.format(20),
        "profile of each column, 100 cells": separate.format(100),
        "profile of whole rows, 100 cells": whole.format(100),
    }


def time_cpu(conn, query):
    pid = conn.info.backend_pid
    before = cpu_seconds(pid)
    conn.execute(query)
    return cpu_seconds(pid) - before


def main():
    with cluster(shared_buffers="1GB", max_parallel_workers_per_gather=2, max_wal_size="4GB", jit="off") as connect, connect() as conn:
        make_table(conn)
        queries = make_queries()
        for workers in (0, 2):
            conn.execute(f"SET max_parallel_workers_per_gather = {workers}")
            works = {name: lambda query=query: conn.execute(query) for name, query in queries.items()}
            figures = alternate(works, REPEATS)
            print_ratios(f"{ROWS} rows x {COLUMNS} float8 columns, {workers} workers", figures, REFERENCE, "s")
        conn.execute("SET max_parallel_workers_per_gather = 0")
        works = {name: lambda query=query: time_cpu(conn, query) for name, query in queries.items()}
        figures = alternate(works, REPEATS, lambda work: work())
        print_ratios("the same without workers, CPU time", figures, REFERENCE, "s")


main()
