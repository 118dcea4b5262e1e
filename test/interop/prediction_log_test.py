#!/usr/bin/python3
"""The log of predictions through psycopg, which sends text without a type: libxgboost says what is
predicted, scikit-learn and SciPy what the realized performance and the comparison of arms must be."""
import json
import sys

import numpy as np
import xgboost
from scipy import stats
from sklearn import metrics

from cluster import cluster

SEED = 20261128
N = 400
passed = failed = 0
largest = 0.0


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name} {detail}")


def close(name, got, wanted, tolerance=1e-9):
    global largest
    difference = abs(got - wanted) / max(abs(wanted), 1e-3)
    largest = max(largest, difference)
    check(name, difference <= tolerance, f"{got!r}, not {wanted!r}")


def train(conn, name, X, y, **params):
    """Two versions, champion and challenger; their predictions of X."""
    predictions = []
    for version, rounds in ((1, 3), (2, 12)):
        booster = xgboost.train({"max_depth": 3, "nthread": 1, "tree_method": "hist", **params}, xgboost.DMatrix(X[:N], y[:N]), rounds)
        signature = {"features": ["a", "b", "c"]}
        if "num_class" in params:
            signature["classes"] = ["low", "middle", "high"]
        elif params["objective"].startswith("binary"):
            signature["classes"] = ["no", "yes"]
        conn.execute("SELECT mlops.register_model(%s, %s, signature => %s)", [name, bytes(booster.save_raw("ubj")), json.dumps(signature)])
        predictions.append(booster.predict(xgboost.DMatrix(X[N:])))
    conn.execute("SELECT mlops.set_alias(%s, 'challenger', 2)", [name])
    conn.execute("SELECT mlops.set_traffic(%s, shadow => %s)", [name, '{"challenger": 1}'])
    return predictions


def log(conn, name, X, outcomes):
    """Predict and log every row, then say what came true; both through untyped parameters."""
    rows = []
    for i, x in enumerate(X[N:]):
        rows.append(conn.execute("SELECT * FROM mlops.predict_logged(%s, %s, %s)",
                                 [name, f"k{i}", json.dumps(dict(zip("abc", map(float, x))))]).fetchone())
    found = [conn.execute("SELECT mlops.record_outcome(%s, %s, %s)", [name, f"k{i}", outcome]).fetchone()[0] for i, outcome in enumerate(outcomes)]
    check(f"{name}: outcomes find prediction and shadow", set(found) == {2}, set(found))
    check(f"{name}: version and arm", {r[3:] for r in rows} == {(1, "champion")})
    check(f"{name}: ids", len({r[0] for r in rows}) == len(rows))
    return rows


def realized(conn, name):
    return {(row[1], row[4]): row[5] for row in conn.execute("SELECT * FROM mlops.prediction_performance(%s)", [name])}


def compare(conn, name):
    return {row[0]: row[1:] for row in conn.execute("SELECT * FROM mlops.compare_logged(%s, %s)", [name, name + "@challenger"])}


def check_pair(name, got, first, second, scale=(1, 1), values=None):
    """A comparison against paired losses of rows; with the normal quantile of a 95 % interval."""
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    values = values or (first.mean(), second.mean())
    error = stats.sem(second / scale[1] - first / scale[0]) * stats.norm.ppf(0.975)
    difference = values[1] - values[0]
    for what, number, wanted in zip(("baseline", "challenger", "difference", "ci_low", "ci_high"), got[:5],
                                    (*values, difference, difference - error, difference + error)):
        close(f"{name} {what}", number, wanted, 1e-7)
    check(f"{name} n", got[5] == len(first), got[5])


def test_binary(conn, X, score):
    truth = (score > 0.3).astype(int)
    one, two = train(conn, "binary", X, truth, objective="binary:logistic")
    labels = np.array(["no", "yes"])[truth[N:]]
    rows = log(conn, "binary", X, labels)
    check("binary: libxgboost's predictions", [r[1] for r in rows] == one.astype(float).tolist())
    check("binary: classes", [r[2] for r in rows] == np.where(one >= 0.5, "yes", "no").tolist())
    performance, comparison, truth = realized(conn, "binary"), compare(conn, "binary"), truth[N:]
    for version, p in ((1, one.astype(float)), (2, two.astype(float))):
        close(f"accuracy {version}", performance[version, "accuracy"], metrics.accuracy_score(truth, p >= 0.5))
        close(f"log_loss {version}", performance[version, "log_loss"], metrics.log_loss(truth, p))
        close(f"brier_score {version}", performance[version, "brier_score"], metrics.brier_score_loss(truth, p))
        close(f"f1 {version}", performance[version, "f1"], metrics.f1_score(truth, p >= 0.5))
    losses = [[metrics.log_loss([t], [q], labels=[0, 1]) for t, q in zip(truth, p.astype(float))] for p in (one, two)]
    check_pair("log_loss", comparison["log_loss"], *losses)
    check_pair("brier_score", comparison["brier_score"], *((truth - p.astype(float)) ** 2 for p in (one, two)))
    check_pair("accuracy", comparison["accuracy"], *((truth == (p >= 0.5)) for p in (one, two)))
    check("binary: metrics compared", set(comparison) == {"accuracy", "brier_score", "log_loss"}, set(comparison))


def test_margins(conn, X, score):
    """binary:logitraw predicts margins, whose probabilities count."""
    truth = (score > 0.3).astype(int)
    margins = train(conn, "raw", X, truth, objective="binary:logitraw")
    rows = log(conn, "raw", X, np.array(["no", "yes"])[truth[N:]])
    check("raw: libxgboost's predictions", [r[1] for r in rows] == margins[0].astype(float).tolist())
    performance, comparison, truth = realized(conn, "raw"), compare(conn, "raw"), truth[N:]
    p = [1 / (1 + np.exp(-m.astype(float))) for m in margins]
    for version in (1, 2):
        close(f"raw log_loss {version}", performance[version, "log_loss"], metrics.log_loss(truth, p[version - 1]))
        close(f"raw accuracy {version}", performance[version, "accuracy"], metrics.accuracy_score(truth, p[version - 1] >= 0.5))
    check_pair("raw brier_score", comparison["brier_score"], *((truth - q) ** 2 for q in p))


def test_multiclass(conn, X, score):
    truth = np.digitize(score, [-0.7, 0.7])
    one, two = train(conn, "multiclass", X, truth, objective="multi:softprob", num_class=3)
    names = np.array(["low", "middle", "high"])
    rows = log(conn, "multiclass", X, names[truth[N:]])
    check("multiclass: no number", {r[1] for r in rows} == {None})
    check("multiclass: classes", [r[2] for r in rows] == names[one.argmax(1)].tolist())
    performance, comparison, truth = realized(conn, "multiclass"), compare(conn, "multiclass"), truth[N:]
    for version, p in ((1, one), (2, two)):
        close(f"multiclass accuracy {version}", performance[version, "accuracy"], metrics.accuracy_score(truth, p.argmax(1)))
        close(f"multiclass f1_macro {version}", performance[version, "f1_macro"], metrics.f1_score(truth, p.argmax(1), average="macro"))
    check_pair("multiclass log_loss", comparison["log_loss"], *(-np.log(p.astype(float)[np.arange(N), truth]) for p in (one, two)))
    check_pair("multiclass accuracy", comparison["accuracy"], *(p.argmax(1) == truth for p in (one, two)))


def test_regression(conn, X, score):
    one, two = (p.astype(float) for p in train(conn, "number", X, score, objective="reg:squarederror"))
    rows = log(conn, "number", X, [repr(float(v)) for v in score[N:]])
    check("number: libxgboost's predictions", [r[1] for r in rows] == one.tolist())
    performance, comparison, truth = realized(conn, "number"), compare(conn, "number"), score[N:]
    squares = [(truth - p) ** 2 for p in (one, two)]
    roots = tuple(metrics.mean_squared_error(truth, p) ** 0.5 for p in (one, two))
    for version, p in ((1, one), (2, two)):
        close(f"mse {version}", performance[version, "mse"], metrics.mean_squared_error(truth, p))
        close(f"mae {version}", performance[version, "mae"], metrics.mean_absolute_error(truth, p))
        close(f"r2 {version}", performance[version, "r2"], metrics.r2_score(truth, p))
    check_pair("mae", comparison["mae"], *(abs(truth - p) for p in (one, two)))
    check_pair("mse", comparison["mse"], *squares)
    check_pair("rmse", comparison["rmse"], *squares, scale=[2 * r for r in roots], values=roots)


def test_windows(conn):
    """Windows, arms, times, and who sees them."""
    def ask(sql, *parameters):
        return conn.execute(sql, parameters).fetchall()
    conn.execute("UPDATE mlops.prediction_log SET predicted_at = '2026-03-01 12:00+00' WHERE model = 'number' AND key < 'k2'")
    windows = ask("SELECT window_start, sum(n) FROM mlops.prediction_performance('number') WHERE metric = 'mse' AND NOT shadow GROUP BY 1 ORDER BY 1")
    check("windows", len(windows) == 2 and sum(w[1] for w in windows) == N, windows)
    check("a part of them", ask("SELECT count(DISTINCT window_start), min(version), max(arm) FROM mlops.prediction_performance(%s, %s, %s, '1 hour') WHERE NOT shadow",
                               "number", "2026-03-01", "2026-03-02") == [(1, 1, "champion")])
    check("compared within a time", ask("SELECT DISTINCT n FROM mlops.compare_logged('number/1', 'number/2', until => '2026-04-01')") == [(windows[0][1],)])
    check("no pairs with itself shadowed", ask("SELECT count(*) FROM mlops.compare_logged('number', 'binary')") == [(0,)])
    conn.execute("SET ROLE analyst")
    check("nothing without the right", ask("SELECT count(*) FROM mlops.prediction_performance('number')") == [(0,)])
    conn.execute("RESET ROLE")


rng = np.random.default_rng(SEED)
features = rng.normal(0, 1, (2 * N, 3)).astype(np.float32)
target = features[:, 0] * features[:, 1] + features[:, 2] + rng.normal(0, 0.3, 2 * N)
with cluster(port=54337) as connect, connect() as connection:
    for test in (test_binary, test_margins, test_multiclass, test_regression):
        test(connection, features, target)
    test_windows(connection)
print(f"seed {SEED}, largest relative difference {largest:.1e}")
print(f"prediction_log: {passed} passed, {failed} failed")
sys.exit(failed > 0)
