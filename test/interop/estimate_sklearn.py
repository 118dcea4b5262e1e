#!/usr/bin/python3
"""Estimated performance against scikit-learn: isotonic calibration, confusion matrix and rankings by
sample weights; and what it sees (a shift of the features) and cannot see (the SEA concept drift)."""
import math

import numpy as np
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from cluster import cluster

SEED = 20261127
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


def weighted(p, score, metric):
    """A metric of scikit-learn over both halves of every row: positive by p, negative by the rest."""
    truth = np.repeat([1, 0], len(p))
    return metric(truth, np.concatenate([score, score]), sample_weight=np.concatenate([p, 1 - p]))


def estimates(p, score, threshold):
    called = (score >= threshold).astype(int)
    return {
        "accuracy": weighted(p, called, metrics.accuracy_score),
        "precision": weighted(p, called, metrics.precision_score),
        "recall": weighted(p, called, metrics.recall_score),
        "f1": weighted(p, called, metrics.f1_score),
        "specificity": weighted(1 - p, 1 - called, metrics.recall_score),
        "roc_auc": weighted(p, score, metrics.roc_auc_score),
        "average_precision": weighted(p, score, metrics.average_precision_score),
    }


def errors(p, score, threshold, step=1e-5):
    """Standard errors by numeric derivatives: sqrt(sum of p (1 - p) (d metric / d p)^2)."""
    squares = dict.fromkeys(estimates(p, score, threshold), 0.0)
    for i in range(len(p)):
        up, down = p.copy(), p.copy()
        up[i] += step
        down[i] -= step
        high, low = estimates(up, score, threshold), estimates(down, score, threshold)
        for name in squares:
            squares[name] += p[i] * (1 - p[i]) * ((high[name] - low[name]) / (2 * step))**2
    return {name: math.sqrt(value) for name, value in squares.items()}


def sea(rng, n, theta, low=0.0, high=10.0):
    """Street and Kim's concept: two features that matter, one that does not, and a tenth of noise."""
    x = rng.uniform(0, 10, size=(n, 3))
    x[:, 0] = rng.uniform(low, high, size=n)
    label = x[:, 0] + x[:, 1] <= theta
    return x.astype(np.float32), label ^ (rng.random(n) < 0.1)


def store(conn, name, x, label, part):
    conn.execute(f"CREATE TABLE {name} (id int, x1 real, x2 real, x3 real, y boolean, part text)")
    with conn.cursor().copy(f"COPY {name} FROM STDIN") as copy:
        for i in range(len(x)):
            copy.write_row([i] + [float(v) for v in x[i]] + [bool(label[i]), part(i)])


def ask(conn, query, **options):
    arguments = "".join(f", {k} => %({k})s" for k in options)
    rows = conn.execute(f"SELECT metric, value, std_error, n FROM mlops.estimated_performance('sea', %(query)s{arguments})",
                        dict(options, query=query)).fetchall()
    return {row[0]: row[1:] for row in rows}


def statuses(conn, table):
    """Status of every column of a table against the references of the training, in order."""
    return dict(conn.execute(f"SELECT name, status FROM mlops.drift('sea', 'SELECT * FROM {table}') WHERE role <> 'dataset'").fetchall())


def fetch(conn, sql):
    return np.array(conn.execute(sql).fetchall(), dtype=np.float64).T


def compare(conn, table, threshold, knots):
    """All estimates of a table against scikit-learn's; returns them."""
    score, label, ours = fetch(conn, f"SELECT mlops.predict('sea', t), y::int, mlops.predict_calibrated('sea', t) FROM {table} t")
    p = knots.predict(score)
    close(f"calibration of {table}", np.abs(p - ours).max(), 0)
    got = ask(conn, f"SELECT x1, x2, x3 FROM {table}")
    for name, value in estimates(p, score, threshold).items():
        close(f"{name} of {table}", got[name][0], value)
        check(f"rows of {name} of {table}", got[name][2] == len(score))
    return got, np.mean((score >= threshold) == (label == 1))


def main():
    rng = np.random.default_rng(SEED)
    with cluster(port=54334) as connect, connect("analyst") as conn:
        x, label = sea(rng, 20000, 8)
        store(conn, "clean", x, label, lambda i: "test" if i % 2 else "train")
        conn.execute("CALL mlops.train_wait('sea', 'SELECT * FROM clean', 'y', key => '{id}', num_boost_round => 30,"
                     " params => '{\"max_depth\": 3}', split => 'column', split_by => 'part', threshold => '0.45')")
        score, label = fetch(conn, "SELECT mlops.predict('sea', t), y::int FROM clean t WHERE part = 'test'")
        knots = IsotonicRegression(out_of_bounds="clip").fit(score, label)

        for name, theta, low, high in [("same", 8, 0, 10), ("moved", 8, 3, 10), ("narrow", 8, 2, 5), ("concept", 12, 0, 10)]:
            store(conn, name, *sea(rng, 5000, theta, low, high), lambda i: "new")
        found = {name: compare(conn, name, 0.45, knots) for name in ["same", "moved", "narrow", "concept"]}

        # standard errors, on rows few enough for derivatives
        conn.execute("CREATE TABLE few AS SELECT * FROM same WHERE id < 150")
        score, = fetch(conn, "SELECT mlops.predict('sea', t) FROM few t")
        got = ask(conn, "SELECT x1, x2, x3 FROM few")
        for name, value in errors(knots.predict(score), score, 0.45).items():
            close(f"standard error of {name}", got[name][1], value, 1e-5)

        # stored scores, and the mergeable form, say the same
        conn.execute("CREATE TABLE stored AS SELECT id, mlops.predict('sea', t) AS p, mlops.predict_calibrated('sea', t) AS q FROM same t")
        check("stored scores", ask(conn, "SELECT p FROM stored UNION ALL SELECT NULL", score="p") == found["same"][0])
        merged = conn.execute("SELECT metric, value, std_error, n FROM mlops.estimate_metrics((SELECT mlops.estimate_merge(e)"
                              " FROM (SELECT mlops.estimate(p, q, 0.45) e FROM stored GROUP BY id % 7) s))").fetchall()
        check("merged windows", len(merged) == 5 and all(found["same"][0][row[0]] == row[1:] for row in merged))

        # three standard errors hold while calibrated probabilities are right; concept drift goes unseen
        for name in ["same", "moved", "narrow"]:
            (estimate, error, _), real = found[name][0]["accuracy"], found[name][1]
            check(f"accuracy of {name} estimated", abs(estimate - real) < 4 * error, f"{estimate} +- {error}, real {real}")
        (estimate, error, _), real = found["concept"][0]["accuracy"], found["concept"][1]
        before = found["same"][0]["accuracy"][0]
        check("concept drift: the estimate is quiet", abs(estimate - before) < 4 * error, f"{estimate}, {before}")
        check("concept drift: the truth is not", real < before - 0.15, f"{real}, {before}")
        # inputs and predictions are quiet as well; a shift of the features is seen, the guilty one first
        status = statuses(conn, "concept")
        check("concept drift: inputs are quiet", {status[name] for name in ["x1", "x2", "x3", "prediction"]} == {"ok"}, status)
        check("concept drift: labels are not", status["y"] == "drift", status)
        status = statuses(conn, "moved")
        check("a shift is seen", [n for n in status if n in ("x1", "x2", "x3")][0] == "x1" and status["x1"] == "drift" and
              status["x2"] == status["x3"] == "ok", status)
        print(f"seed {SEED}: largest relative difference {largest:.2g}; accuracy under concept drift: "
              f"estimated {estimate:.3f} +- {error:.3f}, realized {real:.3f}")
    print(f"estimate_sklearn: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
