#!/usr/bin/python3
"""The performance aggregates against scikit-learn's metrics.

Every aggregate, unweighted and weighted, on scikit-learn's real tables and on seeded random rows with
ties, one class, one row and weights of 0; the largest relative differences are printed.  Where
scikit-learn divides by zero and says 0, ours is NULL.
"""
import math
import sys
import warnings
from fractions import Fraction

import numpy as np
from sklearn import datasets, metrics
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from cluster import cluster

SEED = 20
TOLERANCE = 1e-12

warnings.simplefilter("ignore")
rng = np.random.default_rng(SEED)
passed = failed = 0
largest = {}


def check(name, got, wanted, detail="", tolerance=TOLERANCE):
    global passed, failed
    if got is None or wanted is None or math.isnan(wanted):
        same = got is None and (wanted is None or math.isnan(wanted))
    else:
        difference = abs(got - wanted) / max(abs(wanted), 1e-3)
        largest[name] = max(largest.get(name, 0), difference)
        same = difference <= tolerance
    if same:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name} {detail}: {got!r}, not {wanted!r}")


def fail_if(name, condition, detail=""):
    global passed, failed
    if condition:
        failed += 1
        print(f"not ok {name} {detail}")
    else:
        passed += 1


def draw_weight(n):
    kind = rng.integers(3)
    if kind == 0:
        return rng.integers(0, 3, n).astype(float)
    return rng.random(n) * 10 + 0.01 if kind == 1 else 2.0 ** rng.integers(-5, 5, n)


def call(conn, sql, columns, rows):
    """One row of results over rows, which arrive as a table r with these columns."""
    names = [c.split()[0] for c in columns]
    conn.execute("DROP TABLE IF EXISTS r")
    conn.execute(f"CREATE TEMP TABLE r ({', '.join(columns)})")
    with conn.cursor().copy(f"COPY r ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    return conn.execute(f"SELECT {sql} FROM r").fetchone()


def defined(condition, function, *args, **options):
    return function(*args, **options) if condition else None


def divisor(y, hard, w, positive, metric):
    w = np.ones(len(y)) if w is None else w
    actual, called, negative = w[y == positive].sum(), w[hard == positive].sum(), w[y != positive].sum()
    return {"precision": called, "recall": actual, "f1": actual + called, "specificity": negative}[metric] > 0


SCORES = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}


def specificity(y, hard, sample_weight=None):
    return metrics.recall_score(~y, ~hard, sample_weight=sample_weight)


def calibration_error(y, p, w):
    """Ten bins of equal width, closed above."""
    w = np.ones(len(y)) if w is None else w
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    return np.abs(np.bincount(bins, w * (p - y), minlength=10)).sum() / w.sum()


def test_two_classes(conn, name, y, p, w, threshold=0.5):
    """Labels as boolean, integer and text; scores are probabilities."""
    hard = p >= threshold
    rows = [(bool(a), int(a), "yes" if a else "no", bool(h), "yes" if h else "no", float(s), float(x), float(t))
            for a, h, s, x, t in zip(y, hard, p, w, np.log(p + 1e-9) * 7)]
    columns = ["y boolean", "i int", "t text", "h boolean", "c text", "s float8", "w float8", "m float8"]
    expected, sql = [], []

    def add(metric, calls, wanted):
        for c in calls:
            sql.append(c)
            expected.append((metric, wanted))

    for weight, tail in ((None, ""), (w, ", w")):
        total = len(y) if weight is None else weight.sum()
        some = total > 0
        ones = np.ones(len(y)) if weight is None else weight
        both = ones[y].sum() > 0 and ones[~y].sum() > 0
        keep = ones > 0
        add("accuracy", [f"mlops.accuracy(y, h{tail})", f"mlops.accuracy(i, h{tail})", f"mlops.accuracy(t, c{tail})"],
            defined(some, metrics.accuracy_score, y, hard, sample_weight=weight))
        add("balanced_accuracy", [f"mlops.balanced_accuracy(t, c{tail})"],
            defined(both, metrics.balanced_accuracy_score, y[keep], hard[keep],
                    sample_weight=None if weight is None else weight[keep]))
        varied = both and ones[hard].sum() > 0 and ones[~hard].sum() > 0
        add("matthews_corrcoef", [f"mlops.matthews_corrcoef(t, c{tail})"],
            defined(varied, metrics.matthews_corrcoef, y, hard, sample_weight=weight))
        for metric, score in dict(SCORES, specificity=specificity).items():
            calls = [f"mlops.{metric}(t, c, 'yes'{tail})", f"mlops.{metric}(y, h, 't'{tail})",
                     f"mlops.{metric}(i, i * 0 + h::int, '1'{tail})"]
            if weight is None:
                calls += [f"mlops.{metric}(y, h)", f"mlops.{metric}(i, h)"]
            if metric != "specificity":
                calls.append(f"mlops.{metric}(t, c, 'yes', NULL{tail})")
            add(metric, calls, defined(divisor(y, hard, weight, True, metric), score, y, hard, sample_weight=weight))
        for metric, score in (("log_loss", lambda a, b, sample_weight: metrics.log_loss(
                a, b, sample_weight=sample_weight, labels=[False, True])),
                              ("brier_score", lambda a, b, sample_weight: metrics.brier_score_loss(
                                  a, b, sample_weight=sample_weight, pos_label=True)),
                              ("calibration_error", lambda a, b, sample_weight: calibration_error(a, b, sample_weight))):
            calls = [f"mlops.{metric}(t, s, 'yes'{tail})", f"mlops.{metric}(y, s, NULL{tail})"]
            if weight is None:
                calls += [f"mlops.{metric}(y, s)", f"mlops.{metric}(i, s)"]
            add(metric, calls, defined(some, score, y, p, sample_weight=weight))
        for metric, score, known in (("roc_auc", metrics.roc_auc_score, both),
                                     ("average_precision", metrics.average_precision_score, ones[y].sum() > 0)):
            for s, values in (("s", p), ("m", np.log(p + 1e-9) * 7)):
                calls = [f"mlops.{metric}(t, {s}, 'yes'{tail})", f"mlops.{metric}(y, {s}, NULL{tail})"]
                if weight is None:
                    calls.append(f"mlops.{metric}(i, {s})")
                add(metric, calls, defined(known, score, y, values, sample_weight=weight))
    got = call(conn, ", ".join(sql), columns, rows)
    for (metric, wanted), value, c in zip(expected, got, sql):
        check(metric, value, wanted, f"{name}: {c}")
    for weight, tail in ((None, ""), (w, ", w")):
        check_binned(conn, name, y, p, weight, tail)


def take_bins(p):
    """The bins as documented: sixteenths of a halving of the distance to 0 or 1."""
    distance = np.where(p > 0.5, 1 - p, p)
    mantissa, exponent = np.frexp(np.maximum(distance, 2.0 ** -18))
    bins = np.where(distance < 2.0 ** -17, 0, 1 + (exponent + 16) * 16 + np.floor((mantissa * 2 - 1) * 16)).astype(int)
    return np.where(p > 0.5, 514 - bins, bins)


def check_binned(conn, name, y, p, w, tail):
    """Equal to scikit-learn's on the bins; and within the documented bound of the exact value."""
    got = conn.execute(f"""SELECT mlops.roc_auc_binned(t, s, 'yes'{tail}), mlops.average_precision_binned(t, s, 'yes'{tail}),
        mlops.roc_auc(t, s, 'yes'{tail}), mlops.average_precision(t, s, 'yes'{tail}) FROM r""").fetchone()
    weight = np.ones(len(y)) if w is None else w
    positive, negative = weight[y].sum(), weight[~y].sum()
    bins = take_bins(p)
    check("roc_auc_binned", got[0], defined(positive * negative > 0, metrics.roc_auc_score, y, bins, sample_weight=w), name)
    check("average_precision_binned", got[1],
          defined(positive > 0, metrics.average_precision_score, y, bins, sample_weight=w), name)
    positives = np.bincount(bins, weight * y, minlength=515)[::-1]
    negatives = np.bincount(bins, weight * ~y, minlength=515)[::-1]
    if positive * negative > 0:
        bound = (positives * negatives).sum() / 2 / positive / negative
        fail_if("bound of roc_auc_binned", abs(got[0] - got[2]) > bound + 1e-12, f"{name}: {got[0] - got[2]}, {bound}")
    if positive > 0:
        found, called = np.cumsum(positives), np.cumsum(positives + negatives)
        with np.errstate(invalid="ignore", divide="ignore"):
            best = np.nan_to_num(found / (called - negatives))
            worst = np.nan_to_num((found - positives) / (called - positives))
        bound = (positives / positive * (best - worst)).sum()
        fail_if("bound of average_precision_binned", abs(got[1] - got[3]) > bound + 1e-12, f"{name}: {got[1] - got[3]}, {bound}")


def test_classes(conn, name, y, proba, classes, w):
    """Several classes, by text, integer and enum-like labels; probabilities in columns of classes."""
    hard = classes[proba.argmax(axis=1)]
    rows = [(int(a), f"c{a}", int(h), f"c{h}", "{" + ",".join(repr(float(v)) for v in q) + "}", float(x))
            for a, h, q, x in zip(y, hard, proba, w)]
    columns = ["y int", "t text", "h int", "c text", "q float8[]", "w float8"]
    names = "'{" + ",".join(f"c{c}" for c in classes) + "}'"
    expected, sql = [], []
    for weight, tail in ((None, ""), (w, ", w")):
        if weight is not None and weight.sum() == 0:
            continue
        keep = np.ones(len(y), bool) if weight is None else weight > 0
        sql += [f"mlops.accuracy(t, c{tail})", f"mlops.balanced_accuracy(y, h{tail})", f"mlops.matthews_corrcoef(y, h{tail})",
                f"mlops.log_loss(t, q, {names}{tail})"]
        # scikit-learn warns of labels that occur only without weight; ours does as if they were not there
        expected += [("accuracy", metrics.accuracy_score(y, hard, sample_weight=weight)),
                     ("balanced_accuracy", defined(len(set(y[keep])) > 1, metrics.balanced_accuracy_score, y[keep], hard[keep],
                                                   sample_weight=None if weight is None else weight[keep])),
                     ("matthews_corrcoef", defined(len(set(y[keep])) > 1 and len(set(hard[keep])) > 1,
                                                   metrics.matthews_corrcoef, y, hard, sample_weight=weight)),
                     ("log_loss of classes", metrics.log_loss(y, proba, labels=classes, sample_weight=weight))]
        for metric, score in SCORES.items():
            for average in ("macro", "micro", "weighted"):
                sql.append(f"mlops.{metric}(t, c, NULL, '{average}'{tail})")
                expected.append((f"{metric} {average}", score(y, hard, average=average, sample_weight=weight)))
            for c in classes[:3]:
                sql.append(f"mlops.{metric}(y, h, '{c}'{tail})")
                expected.append((f"{metric} of a class",
                                 defined(divisor(y, hard, weight, c, metric), score, y == c, hard == c, sample_weight=weight)))
    got = call(conn, ", ".join(sql), columns, rows)
    for (metric, wanted), value, c in zip(expected, got, sql):
        check(metric, value, wanted, f"{name}: {c}")
    values = dict(conn.execute("SELECT metric, value FROM mlops.metrics((SELECT mlops.performance(t, c) FROM r))").fetchall())
    check("metrics f1_macro", values["f1_macro"], metrics.f1_score(y, hard, average="macro"), name)
    check("metrics f1_weighted", values["f1_weighted"], metrics.f1_score(y, hard, average="weighted"), name)
    check("metrics recall_macro", values["recall_macro"], metrics.recall_score(y, hard, average="macro"), name)


def test_numbers(conn, name, y, p, w):
    rows = [(float(a), float(b), float(c)) for a, b, c in zip(y, p, w)]
    scores = {"mse": metrics.mean_squared_error, "mae": metrics.mean_absolute_error,
              "rmse": lambda a, b, sample_weight: math.sqrt(metrics.mean_squared_error(a, b, sample_weight=sample_weight)),
              "mape": metrics.mean_absolute_percentage_error, "r2": metrics.r2_score}
    expected, sql = [], []
    for weight, tail in ((None, ""), (w, ", w")):
        for metric, score in scores.items():
            some = len(y) > (metric == "r2") and (weight is None or weight.sum() > 0)
            sql.append(f"mlops.{metric}(y, p{tail})")
            expected.append((metric, defined(some, score, y, p, sample_weight=weight)))
    got = call(conn, ", ".join(sql), ["y float8", "p float8", "w float8"], rows)
    for (metric, wanted), value, c in zip(expected, got, sql):
        check(metric, value, wanted, f"{name}: {c}")


def jackknife(metric, n):
    """Standard error from the derivatives of a metric by the weights of the rows."""
    moved = np.empty(n)
    for i in range(n):
        step = np.zeros(n)
        step[i] = 1e-4
        moved[i] = (metric(1 + step) - metric(1 - step)) / 2e-4
    return moved ** 2


def spread(squares):
    n = len(squares)
    return math.sqrt(squares.sum() * n / (n - 1)) if n > 1 else math.nan


def test_errors(conn, n):
    """Standard errors of metrics() by the derivatives of scikit-learn's metrics."""
    y = rng.random(n) < 0.4
    y[:4] = [True, False, True, False]
    p = np.round(np.clip(rng.random(n) * 0.7 + y * 0.3, 0.001, 0.999), 2)
    hard = p >= 0.5
    ones = lambda f: lambda v: f(y, hard, sample_weight=v)
    bins = take_bins(p)
    metric_of = {
        "accuracy": ones(metrics.accuracy_score), "balanced_accuracy": ones(metrics.balanced_accuracy_score),
        "precision": ones(metrics.precision_score), "recall": ones(metrics.recall_score), "f1": ones(metrics.f1_score),
        "specificity": ones(specificity),
        "log_loss": lambda v: metrics.log_loss(y, p, sample_weight=v),
        "brier_score": lambda v: metrics.brier_score_loss(y, p, sample_weight=v),
        "average_precision": lambda v: metrics.average_precision_score(y, bins, sample_weight=v),
    }
    call(conn, "1", ["y boolean", "h boolean", "s float8"], [(bool(a), bool(b), float(c)) for a, b, c in zip(y, hard, p)])
    got = {r[0]: r for r in conn.execute(
        "SELECT * FROM mlops.metrics((SELECT mlops.performance(y, h, s, NULL) FROM r))").fetchall()}
    for metric, f in metric_of.items():
        check("error of " + metric, got[metric][2], spread(jackknife(f, n)), "", 1e-4)
        check("value of " + metric, got[metric][1], f(np.ones(n)))
        fail_if("rows of " + metric, got[metric][3] != n)
    squares = jackknife(lambda v: metrics.roc_auc_score(y, bins, sample_weight=v), n)
    check("error of roc_auc", got["roc_auc"][2], math.hypot(spread(squares[y]), spread(squares[~y])), "", 1e-4)

    t, c = rng.integers(0, 4, n), rng.integers(0, 4, n)
    call(conn, "1", ["t text", "c text"], [(str(a), str(b)) for a, b in zip(t, c)])
    got = {r[0]: r for r in conn.execute("SELECT * FROM mlops.metrics((SELECT mlops.performance(t, c) FROM r))").fetchall()}
    for metric, f in {
            "precision_macro": lambda v: metrics.precision_score(t, c, average="macro", sample_weight=v),
            "recall_macro": lambda v: metrics.recall_score(t, c, average="macro", sample_weight=v),
            "f1_macro": lambda v: metrics.f1_score(t, c, average="macro", sample_weight=v),
            "f1_weighted": lambda v: metrics.f1_score(t, c, average="weighted", sample_weight=v)}.items():
        check("error of " + metric, got[metric][2], spread(jackknife(f, n)), "", 1e-4)

    y, p = rng.normal(size=n) + 5, rng.normal(size=n) + 5
    call(conn, "1", ["y float8", "p float8"], [(float(a), float(b)) for a, b in zip(y, p)])
    got = {r[0]: r for r in conn.execute("SELECT * FROM mlops.metrics((SELECT mlops.performance(y, p) FROM r))").fetchall()}
    for metric, f in {
            "mse": lambda v: metrics.mean_squared_error(y, p, sample_weight=v),
            "rmse": lambda v: math.sqrt(metrics.mean_squared_error(y, p, sample_weight=v)),
            "mae": lambda v: metrics.mean_absolute_error(y, p, sample_weight=v),
            "mape": lambda v: metrics.mean_absolute_percentage_error(y, p, sample_weight=v)}.items():
        check("error of " + metric, got[metric][2], spread(jackknife(f, n)), "", 1e-4)


def test_real(conn):
    """Models of scikit-learn on its own tables."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    p = LogisticRegression().fit(StandardScaler().fit_transform(X[:, :4]), y).predict_proba(StandardScaler().fit_transform(X[:, :4]))[:, 1]
    test_two_classes(conn, "breast_cancer", y.astype(bool), p, draw_weight(len(y)))
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_digits):
        X, y = load(return_X_y=True)
        X = StandardScaler().fit_transform(X)[:, :3]
        model = LogisticRegression(max_iter=500).fit(X, y)
        test_classes(conn, load.__name__, y, model.predict_proba(X), model.classes_, draw_weight(len(y)))
    X, y = datasets.load_diabetes(return_X_y=True)
    test_numbers(conn, "diabetes", y, LinearRegression().fit(X, y).predict(X), draw_weight(len(y)))
    X, Y = datasets.load_linnerud(return_X_y=True)
    for i in range(3):
        test_numbers(conn, "linnerud", Y[:, i], LinearRegression().fit(X, Y[:, i]).predict(X), draw_weight(len(Y)))


def test_random(conn, n):
    y = rng.random(n) < rng.choice([0.02, 0.5])
    if rng.random() < 0.2:
        y[:] = rng.random() < 0.5
    p = np.clip(rng.random(n) * 0.7 + y * 0.3 * rng.random(), 0, 1)
    if rng.random() < 0.5:
        p = np.round(p, 1)
    if rng.random() < 0.3:
        p = p ** 8              # many near 0
    w = np.zeros(n) if rng.random() < 0.1 else draw_weight(n)
    test_two_classes(conn, f"random {n}", y, p, w, rng.choice([0.5, 0.2, 2]))
    k = int(rng.integers(3, 9))
    labels = rng.integers(0, k, n)
    proba = rng.dirichlet(np.ones(k) * 0.5, n) + 0.3 * np.eye(k)[labels]
    test_classes(conn, f"random {n}", labels, proba / proba.sum(axis=1, keepdims=True), np.arange(k), draw_weight(n))
    y = np.round(rng.normal(size=n) * 3, 1 if rng.random() < 0.5 else 9) + rng.choice([0, 1e6])
    if rng.random() < 0.2:
        y[:] = 7
    p = y + rng.normal(size=n) * rng.choice([0, 1])
    test_numbers(conn, f"random {n}", y, p, draw_weight(n))


def test_exact_r2(conn, n):
    """Where rounding would eat the spread of the labels: against rational numbers."""
    y = rng.choice([1e6, 1e9]) + np.round(rng.normal(size=n), 3)
    p = y + rng.normal(size=n)
    w = 2.0 ** rng.integers(-40, 40, n)
    got = call(conn, "mlops.r2(y, p, w)", ["y float8", "p float8", "w float8"],
               [(float(a), float(b), float(c)) for a, b, c in zip(y, p, w)])[0]
    Y, E, W = [Fraction(float(v)) for v in y], [Fraction(float(v)) for v in y - p], [Fraction(float(v)) for v in w]
    mean = sum(a * b for a, b in zip(Y, W)) / sum(W)
    spread = sum(b * (a - mean) ** 2 for a, b in zip(Y, W))
    check("r2 of rational numbers", got, float(1 - sum(b * e * e for e, b in zip(E, W)) / spread))


def test_empty(conn):
    """No rows, and nothing but NULLs."""
    call(conn, "1", ["y boolean", "s float8", "h boolean", "v float8[]"], [(None, 0.5, True, None), (True, None, None, None)])
    sql = [f"mlops.{m}(y, h)" for m in ("accuracy", "balanced_accuracy", "matthews_corrcoef", "precision", "recall", "f1", "specificity")]
    sql += [f"mlops.{m}(y, s)" for m in ("log_loss", "brier_score", "calibration_error", "roc_auc", "average_precision",
                                        "roc_auc_binned", "average_precision_binned")]
    sql += [f"mlops.{m}(y::int::float8, s)" for m in ("mse", "rmse", "mae", "mape", "r2")]
    sql += ["mlops.performance(y, h, s, NULL)", "mlops.performance(y, h::text)", "mlops.log_loss(y, v, '{true,false}')"]
    for where in ("true", "false"):
        got = conn.execute(f"SELECT {', '.join(sql)} FROM r WHERE {where}").fetchone()
        for value, c in zip(got, sql):
            check("empty", value, None, c)


print(f"seed {SEED}")
with cluster() as connect, connect() as conn:
    test_real(conn)
    for n in (1, 2, 3, 10, 100, 1000) * 6:
        test_random(conn, n)
    for n in (10, 30, 60):
        test_errors(conn, n)
    for n in (2, 3, 10, 100) * 5:
        test_exact_r2(conn, n)
    test_empty(conn)
for name, difference in sorted(largest.items()):
    print(f"largest relative difference of {name}: {difference:.1e}")
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
