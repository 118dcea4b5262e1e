#!/usr/bin/python3
"""What a connection costs that predicts with a large model: its first prediction and its memory.

Usage: cache.py [TREES [CONNECTIONS [REPEATS]]]; TREES complete random trees of depth 12, 28 features (640: 100 MB).

Reference: the same with a model of 10 trees of depth 4, in alternation.  The first prediction of a new connection
includes loading the library.  Times are the client's wall clock and the server process's CPU time, median and least
of the repeats.  Memory is what the processes do not share with others (Private_Clean and Private_Dirty in
/proc/PID/smaps_rollup), with all connections open, after all have scored 100 rows.
"""
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

import numpy as np

from cluster import cluster

TREES = int(sys.argv[1]) if len(sys.argv) > 1 else 640
CONNECTIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 100
REPEATS = int(sys.argv[3]) if len(sys.argv) > 3 else 50
COLUMNS, SEED = 28, 7


def make_model(trees, depth, random):
    """JSON of complete trees with random splits, as XGBoost writes it."""
    inner, n = 2**depth - 1, 2 ** (depth + 1) - 1
    index = np.arange(n)
    shape = {"left_children": np.where(index < inner, 2 * index + 1, -1),
             "right_children": np.where(index < inner, 2 * index + 2, -1),
             "parents": np.where(index == 0, 2147483647, (index - 1) // 2)}
    shape.update(dict.fromkeys(("default_left", "base_weights", "loss_changes", "sum_hessian", "split_type"), 0 * index))
    same = ",".join(f'"{name}":[{",".join(map(str, values))}]' for name, values in shape.items())
    same += ',"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"tree_param":' + json.dumps(
        {"num_nodes": str(n), "num_feature": str(COLUMNS), "num_deleted": "0", "size_leaf_vector": "0"})
    documents = []
    for tree in range(trees):
        features = ",".join(map(str, np.where(index < inner, random.integers(0, COLUMNS, n), 0)))
        values = ",".join(np.char.mod("%.4f", random.normal(size=n)))
        documents.append(f'{{"id":{tree},{same},"split_indices":[{features}],"split_conditions":[{values}]}}')
    return ('{"version":[1,7,4],"learner":{"attributes":{},"feature_names":[],"feature_types":[],"learner_model_param":'
            f'{{"base_score":"0E0","num_class":"0","num_feature":"{COLUMNS}","num_target":"1","boost_from_average":"1"}},'
            '"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}},"gradient_booster":{"name":"gbtree",'
            f'"model":{{"gbtree_model_param":{{"num_trees":"{trees}","num_parallel_tree":"1","size_leaf_vector":"0"}},'
            f'"tree_info":{[0] * trees},"trees":[{",".join(documents)}]}}}}}}}}').encode()


def cpu(pid):
    """CPU milliseconds of a process."""
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e6


def memory(pids):
    """Kilobytes that each of the processes shares with nobody, and the sum of their proportional shares."""
    private, shares = [], 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            fields = {line.split(":")[0]: int(line.split()[1]) for line in rollup if line.endswith("kB\n")}
        private.append(fields["Private_Clean"] + fields["Private_Dirty"])
        shares += fields["Pss"]
    return private, shares


def first_prediction(connect, model):
    """Wall and CPU milliseconds of the first prediction of a connection."""
    with connect() as conn:
        pid = conn.info.backend_pid
        conn.execute("SELECT * FROM rows LIMIT 1").fetchall()
        spent, start = cpu(pid), time.monotonic()
        conn.execute(f"SELECT mlops.predict('{model}', r) FROM rows r LIMIT 1").fetchall()
        wall = (time.monotonic() - start) * 1000
        return wall, cpu(pid) - spent


def main():
    random = np.random.default_rng(SEED)
    print(f"seed {SEED}")
    with cluster(max_connections=CONNECTIONS + 20, mlops__cache_size="1GB") as connect:
        conn = connect()
        names = ", ".join(f"random() - 0.5 AS f{i}" for i in range(COLUMNS))
        conn.execute(f"SELECT setseed(0.5); CREATE TABLE rows AS SELECT {names} FROM generate_series(1, 100)")
        signature = json.dumps({"features": [f"f{i}" for i in range(COLUMNS)]})
        for model, shape in (("small", (10, 4)), ("large", (TREES, 12))):
            conn.execute("SELECT mlops.register_model(%s, %b, %s::jsonb)", [model, make_model(*shape, random), signature])
            start = time.monotonic()
            conn.execute(f"SELECT mlops.predict('{model}', r) FROM rows r LIMIT 1").fetchall()
            print(f"{model}: first prediction of the server (builds) {(time.monotonic() - start) * 1000:.1f} ms")
        folder = os.path.join(connect.data, "base/pgsql_tmp/pgsql_tmp_mlops")
        print("files: " + ", ".join(f"{os.path.getsize(os.path.join(folder, f)) / 1e6:.1f} MB" for f in os.listdir(folder)))
        conn.close()

        times = {"small": [], "large": []}
        for _ in range(REPEATS):
            for model in times:
                times[model].append(first_prediction(connect, model))
        for kind, column in (("wall", 0), ("CPU", 1)):
            figures = {model: [sample[column] for sample in samples] for model, samples in times.items()}
            median = {model: statistics.median(values) for model, values in figures.items()}
            print(f"first prediction of a connection, {kind}: small {median['small']:.2f} (least {min(figures['small']):.2f}) ms,"
                  f" large {median['large']:.2f} (least {min(figures['large']):.2f}) ms,"
                  f" difference {median['large'] - median['small']:.2f} ms")

        for model in ("small", "large"):
            open_connections = [connect() for _ in range(CONNECTIONS)]
            for one in open_connections:
                one.execute(f"SELECT sum(mlops.predict('{model}', r)) FROM rows r").fetchall()
            private, shares = memory([one.info.backend_pid for one in open_connections])
            print(f"{CONNECTIONS} connections, {model}: private {statistics.median(private) / 1024:.2f} MB each"
                  f" (most {max(private) / 1024:.2f}), {sum(private) / 1024:.0f} MB in sum, {shares / 1024:.0f} MB with shares")
            for one in open_connections:
                one.close()


main()
