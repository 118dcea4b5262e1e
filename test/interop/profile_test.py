#!/usr/bin/python3
"""Profiles of real and random tables: NumPy and SciPy say what edges, counts, means and deviations are."""
import json
import math
import sys
from fractions import Fraction

import numpy as np
from scipy import stats
from sklearn import datasets

from cluster import cluster

SEED = 20_240_501
passed = failed = 0
largest = {}


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name} {detail}")


def check_near(name, actual, expected, tolerance, scale=None):
    """Compare, and remember the largest difference of each kind."""
    scale = abs(expected) if scale is None else scale
    difference = abs(actual - expected) / scale if scale > 0 else abs(actual - expected)
    kind = name.split(" of ")[0]
    largest[kind] = max(largest.get(kind, 0), difference)
    check(name, difference <= tolerance, f"{actual!r} instead of {expected!r}")


def fill_table(conn, name, columns, kind="float8"):
    conn.execute(f"DROP TABLE IF EXISTS {name}")
    conn.execute(f"CREATE TABLE {name} (" + ", ".join(f'"{c}" {kind}' for c in columns) + ")")
    with conn.cursor().copy(f"COPY {name} FROM STDIN") as copy:
        for row in zip(*columns.values()):
            copy.write_row([None if v is None else v if isinstance(v, str) else float(v) for v in row])


def expected_edges(x, cells):
    """The documented rule, from NumPy's quantiles and counts of distinct values."""
    n = len(x)
    ordered = np.sort(x) + 0.0
    values, counts = np.unique(ordered, return_counts=True)
    below = lambda v: np.nextafter(v, -np.inf)
    if len(values) <= cells:
        return np.unique(np.concatenate([below(values), values]))
    ranks = [math.ceil(Fraction(j * n, cells)) for j in range(1, cells)]
    quantiles = ordered[np.array(ranks) - 1]
    for j, q in enumerate(quantiles, 1):
        if j * n % cells:
            assert q == np.quantile(ordered, j / cells, method="inverted_cdf")
    heavy = values[counts * cells >= n]
    return np.unique(np.concatenate([[below(ordered[0])], quantiles, below(heavy), heavy, [ordered[-1]]]))


def check_column(conn, table, column, x, cells):
    """A reference of one column, and everything read off it."""
    name = f"{table}.{column} in {cells}"
    profile, = conn.execute(f'SELECT mlops.reference("{column}", {cells})::text FROM {table}').fetchone()
    finite = x[np.isfinite(x)]
    image = json.loads(profile)
    edges = np.array([-np.inf if e is None else e for e in image["edges"]])
    check(f"edges of {name}", np.array_equal(edges, expected_edges(finite, cells)))
    bins = np.searchsorted(edges, finite, side="left")
    check(f"counts of {name}", np.array_equal(image["counts"], np.bincount(bins, minlength=len(edges) + 1)))
    check(f"special cells of {name}", [image["nan"], image["inf"], image["-inf"]] ==
          [np.isnan(x).sum(), (x == np.inf).sum(), (x == -np.inf).sum()])
    check(f"extremes of {name}", (image["min"], image["max"]) == (finite.min(), finite.max()))
    means = stats.binned_statistic(bins, finite, "mean", bins=np.arange(len(edges) + 2) - 0.5).statistic
    scale = np.abs(finite).max()
    for cell, count, mean in conn.execute("SELECT cell, count, mean FROM mlops.histogram(%s::mlops.profile) WHERE kind IN ('atom', 'interval')",
                                          [profile]):
        check(f"empty cell of {name}", (mean is None) == (count == 0))
        if count:
            check_near(f"mean of a cell of {name}", mean, means[cell - 1], 1e-13, scale)
    mean, deviation = conn.execute("SELECT mlops.mean(p), mlops.stddev(p) FROM CAST(%s AS mlops.profile) p", [profile]).fetchone()
    exact = sum(map(Fraction, finite.tolist())) / len(finite)
    check_near(f"mean of {name}", mean, float(exact), 1e-13, scale)
    if len(finite) > 1:
        variance = sum((Fraction(v) - exact) ** 2 for v in finite.tolist()) / (len(finite) - 1)
        allowed = variance / 10**12 + (Fraction(finite.max()) - Fraction(finite.min())) ** 2 / 2**44
        check(f"deviation of {name}", abs(Fraction(deviation) ** 2 - variance) <= allowed, f"{deviation!r}")
    for j in range(1, cells):
        q, = conn.execute("SELECT mlops.quantile(%s::mlops.profile, %s)", [profile, j / cells]).fetchone()
        lower = edges[edges < q].max(initial=-np.inf)
        low, high = np.searchsorted(np.sort(finite), [lower, q], side="right")
        check(f"quantile of {name}", low <= math.ceil(j / cells * len(finite)) and (q >= finite.min()) and high >= low)
        if len(np.unique(finite)) == len(finite) and j * len(finite) % cells:
            check(f"quantile at an edge of {name}", q == np.quantile(finite, j / cells, method="inverted_cdf"), f"{j}: {q}")


def check_real(conn):
    """scikit-learn's tables, every column."""
    for name in ("breast_cancer", "diabetes", "wine", "iris"):
        X = getattr(datasets, f"load_{name}")().data
        columns = {f"c{i}": X[:, i] for i in range(X.shape[1])}
        fill_table(conn, name, columns)
        for column, x in columns.items():
            check_column(conn, name, column, x, 20)
        check_column(conn, name, "c0", X[:, 0], 7)
        whole = conn.execute(f"SELECT name, profile::text FROM mlops.profiles((SELECT mlops.reference(t) FROM {name} t))").fetchall()
        single = [(c, conn.execute(f"SELECT mlops.reference({c})::text FROM {name}").fetchone()[0]) for c in columns]
        check(f"whole rows of {name}", whole == single)
    digits = datasets.load_digits().data
    fill_table(conn, "digits", {f"c{i}": digits[:, i] for i in range(0, 64, 7)})
    for i in range(0, 64, 7):
        check_column(conn, "digits", f"c{i}", digits[:, i], 10)


def check_random(conn):
    """Distributions with long tails, heavy values, few values, and numbers at the ends of the range."""
    rng = np.random.default_rng(SEED)
    n = 5003
    columns = {
        "normal": rng.normal(size=n), "lognormal": rng.lognormal(sigma=3, size=n), "cauchy": rng.standard_cauchy(n),
        "exponential": rng.exponential(size=n), "uniform": rng.random(n), "integers": rng.integers(0, 1000, n).astype(float),
        "few": rng.integers(-3, 4, n).astype(float), "coin": (rng.random(n) < 0.03).astype(float),
        "zeros": np.where(rng.random(n) < 0.53, 0, rng.exponential(size=n)), "rounded": np.round(rng.normal(size=n), 1),
        "constant": np.full(n, 42.0), "tiny": rng.normal(size=n) * 1e-280, "huge": rng.normal(size=n) * 1e300,
        "late": 1.7e9 + rng.random(n) * 1e-2, "two": np.where(rng.random(n) < 0.5, 1e-9, 1e9),
        "special": np.where(rng.random(n) < 0.1, np.inf, np.where(rng.random(n) < 0.1, -np.inf, np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)))),
    }
    fill_table(conn, "random", columns)
    for column, x in columns.items():
        for cells in (20, 100) if column in ("normal", "zeros", "rounded") else (20,):
            check_column(conn, "random", column, x, cells)


def check_current(conn):
    """Counts of other rows on the cells of a reference, as whole rows, merged in pieces, and in float32."""
    rng = np.random.default_rng(SEED + 1)
    reference, current = rng.normal(size=4001), rng.normal(0.3, 1.2, size=3001)
    current[:20] = 1e6
    fill_table(conn, "reference", {"x": reference})
    fill_table(conn, "current", {"x": current})
    edges = expected_edges(reference, 10)
    text, = conn.execute("SELECT mlops.profile(x, (SELECT mlops.reference(x) FROM reference))::text FROM current").fetchone()
    image = json.loads(text)
    check("counts of current rows", image["counts"] == np.bincount(np.searchsorted(edges, current), minlength=12).tolist())
    mean, deviation = conn.execute("SELECT mlops.mean(p), mlops.stddev(p) FROM CAST(%s AS mlops.profile) p", [text]).fetchone()
    check_near("mean of current rows", mean, math.fsum(current) / len(current), 1e-13)
    check_near("deviation of current rows", deviation, current.std(ddof=1), 1e-9)
    # a reference from float32 rows counts every value as its float32
    single = np.round(rng.random(1000), 2).astype(np.float32)
    fill_table(conn, "singles", {"x": single.astype(float)})
    text, = conn.execute("SELECT mlops.reference(x, 500)::text FROM singles").fetchone()
    text = text.replace('"single": false', '"single": true')
    decimals = [f"{v:.2f}" for v in single]
    for kind in ("float8", "numeric", "float4"):
        conn.execute("DROP TABLE IF EXISTS decimals")
        conn.execute(f"CREATE TABLE decimals AS SELECT v::{kind} AS x FROM unnest(%s::text[]) v", [decimals])
        same, = conn.execute("SELECT mlops.column_profile(mlops.profile(d, (SELECT mlops.profile_set('x', p) FROM CAST(%s AS mlops.profile) p)), 'x')::text FROM decimals d",
                             [text]).fetchone()
        check(f"float32 of {kind}", same == text)


def check_labels(conn):
    """The most frequent labels, by bytes, against Python's own counting."""
    rng = np.random.default_rng(SEED + 2)
    for n_labels, cells in ((5, 50), (300, 50), (3000, 7)):
        pool = [chr(97 + i % 26) * (1 + i // 26 % 5) + "é" * (i % 2) + str(i // 130) for i in range(n_labels)]
        labels = [pool[int(i)] for i in np.minimum(rng.geometric(min(1, 4 / n_labels), 5000), n_labels) - 1]
        labels = [None if rng.random() < 0.05 else label for label in labels]
        fill_table(conn, "labels", {"x": labels}, "text")
        image = json.loads(conn.execute(f"SELECT mlops.reference(x, {cells})::text FROM labels").fetchone()[0])
        values, counts = np.unique([label.encode() for label in labels if label is not None], return_counts=True)
        kept = sorted(sorted(range(len(values)), key=lambda i: (-counts[i], values[i]))[:cells], key=lambda i: values[i])
        check(f"labels of {n_labels}", [label.encode() for label in image["labels"]] == [values[i] for i in kept])
        check(f"counts of {n_labels}", image["counts"] == [counts[i] for i in kept])
        check(f"others of {n_labels}", image["other"] == counts.sum() - sum(counts[i] for i in kept) and
              image["null"] == labels.count(None) and image["dropped"] == (len(values) > cells))


def check_binary(conn):
    """What the binary protocol carries is the text after one byte."""
    query = "SELECT mlops.reference(normal), mlops.reference(r) FROM random r"
    for text, binary in zip(conn.execute(query).fetchone(), conn.cursor(binary=True).execute(query).fetchone()):
        check("binary output", binary == b"\x01" + text.encode())


def main():
    print(f"profile_test.py: seed {SEED}")
    with cluster() as connect, connect() as conn:
        check_real(conn)
        check_random(conn)
        check_current(conn)
        check_labels(conn)
        check_binary(conn)
    print("largest relative differences: " + ", ".join(f"{kind} {value:.1e}" for kind, value in sorted(largest.items())))
    print(f"{passed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
