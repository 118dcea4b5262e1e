#!/usr/bin/python3
"""Our metrics against scikit-learn's, over seeded random inputs with ties, weights and rare classes.

Usage: metric_sklearn.py [path of metric_cli [inputs per task]].  What scikit-learn does not have
is compared with the definition written out: calibration error, concordance, DeLong's standard error.
The other standard errors are compared with the derivatives of scikit-learn's metrics by sample_weight.
"""
import math
import subprocess
import sys
import warnings

import numpy as np
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

TOLERANCE = 1e-12
REGRESSION, BINARY, MULTICLASS, RANKING, SURVIVAL = range(5)

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
cli = subprocess.Popen([sys.argv[1] if len(sys.argv) > 1 else "build/metric_cli"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
repeat = int(sys.argv[2]) if len(sys.argv) > 2 else 60
passed = failed = 0


def compute(task, score, label, weight=None, upper=None, group=None, objective="none", threshold=0.5,
            quantile=0.0, power=0.0):
    """Ask our program; returns {name: (value, standard error)}."""
    score = np.asarray(score, np.float32).reshape(len(label), -1)
    head = [task, objective, len(label), score.shape[1], int(weight is not None), int(upper is not None),
            int(group is not None), repr(float(threshold)), repr(float(quantile)), repr(float(power))]
    arrays = [(score, np.float32), (label, np.float32), (upper, np.float32), (weight, np.float32), (group, np.uint64)]
    cli.stdin.write((" ".join(map(str, head)) + "\n").encode() +
                    b"".join(np.ascontiguousarray(a, t).tobytes() for a, t in arrays if a is not None))
    cli.stdin.flush()
    out = {}
    while True:
        line = cli.stdout.readline()
        assert line, "metric_cli ended"
        fields = line.split()
        if not fields:
            return out
        out[fields[0].decode()] = (float(fields[1]), float(fields[2]))


def check(name, got, wanted, tolerance=TOLERANCE):
    global passed, failed
    same = (math.isnan(got) and math.isnan(wanted)) or got == wanted or \
        abs(got - wanted) <= tolerance * max(abs(wanted), 1e-3)
    if same:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name}: {got!r}, not {wanted!r}")


def attempt(function, *args, **kwargs):
    try:
        return float(function(*args, **kwargs))
    except ValueError:
        return math.nan


def mean_error(terms, weight):
    """Standard error of a weighted mean; sd / sqrt(n) without weights."""
    w = np.ones(len(terms)) if weight is None else weight
    n = (w > 0).sum()
    if n < 2:
        return math.nan
    mean = (w * terms).sum() / w.sum()
    return math.sqrt((w**2 * (terms - mean)**2).sum() * n / (n - 1)) / w.sum()


def draw_weight(n):
    kind = rng.integers(3)
    if kind == 0:
        return None
    if kind == 1:
        return rng.integers(0, 3, n).astype(np.float32)
    return (rng.random(n) * 10 + 0.01).astype(np.float32)


def as_double(a):
    return None if a is None else np.asarray(a, np.float64)


def test_regression(n):
    y = (rng.normal(size=n) * 3 + 10).astype(np.float32)
    p = (y + rng.normal(size=n)).astype(np.float32)
    if rng.random() < 0.2:
        y = np.round(y)
        p = np.round(p)
    if rng.random() < 0.1:
        y[:] = 5
    w = draw_weight(n)
    objective, power, alpha = "reg:squarederror", 0, 0
    choice = rng.integers(7)
    if choice:
        objective = ["", "reg:squaredlogerror", "count:poisson", "reg:gamma", "reg:tweedie",
                     "reg:quantileerror", "reg:absoluteerror"][choice]
        y, p = np.abs(y) + np.float32(0.5), np.abs(p) + np.float32(0.5)
        if choice in (2, 4):
            y = np.floor(y) * rng.integers(0, 2, n).astype(np.float32)
        power = float(rng.choice([0, 1.1, 1.9]))
        alpha = float(rng.choice([0, 0.1, 0.9]))
    out = compute(REGRESSION, p, y, w, objective=objective, power=power, quantile=alpha)
    y, p, w = as_double(y), as_double(p), as_double(w)
    if w is not None and w.sum() == 0:
        check("rmse without weight", out["rmse"][0], math.nan)
        return
    squares = (y - p)**2
    check("mse", out["mse"][0], metrics.mean_squared_error(y, p, sample_weight=w))
    check("rmse", out["rmse"][0], math.sqrt(metrics.mean_squared_error(y, p, sample_weight=w)))
    check("mae", out["mae"][0], metrics.mean_absolute_error(y, p, sample_weight=w))
    check("mape", out["mape"][0], metrics.mean_absolute_percentage_error(y, p, sample_weight=w))
    check("r2", out["r2"][0], attempt(metrics.r2_score, y, p, sample_weight=w))
    check("mse error", out["mse"][1], mean_error(squares, w), 1e-9)
    deviances = {
        "reg:squaredlogerror": ("mean_squared_log_error", metrics.mean_squared_log_error, {}),
        "count:poisson": ("mean_poisson_deviance", metrics.mean_poisson_deviance, {}),
        "reg:gamma": ("mean_gamma_deviance", metrics.mean_gamma_deviance, {}),
        "reg:tweedie": ("mean_tweedie_deviance", metrics.mean_tweedie_deviance, {"power": power or 1.5}),
        "reg:quantileerror": ("mean_pinball_loss", metrics.mean_pinball_loss, {"alpha": alpha or 0.5}),
        "reg:absoluteerror": ("mae", metrics.mean_absolute_error, {}),
    }
    if objective in deviances:
        name, function, options = deviances[objective]
        # terms of a deviance cancel: near zero only the absolute distance counts
        check(name, out[name][0], attempt(function, y, p, sample_weight=w, **options), 1e-11)
        if w is None:
            check(name + " loss", out["loss"][0], out[name][0], 1e-11)
    else:
        check("loss", out["loss"][0], squares.mean())


def roc_error(y, p, w):
    """DeLong's standard error, from the definition."""
    w = np.ones(len(y)) if w is None else w
    pos, neg = (y == 1) & (w > 0), (y != 1) & (w > 0)
    if pos.sum() < 2 or neg.sum() < 2:
        return math.nan
    above = (p[pos][:, None] > p[neg]) + 0.5 * (p[pos][:, None] == p[neg])
    wp, wn = w[pos], w[neg]
    auc = wp @ above @ wn / wp.sum() / wn.sum()
    by_pos = above @ wn / wn.sum() - auc
    by_neg = wp @ above / wp.sum() - auc
    m, n = pos.sum(), neg.sum()
    return math.sqrt(((wp * by_pos)**2).sum() / wp.sum()**2 * m / (m - 1) +
                     ((wn * by_neg)**2).sum() / wn.sum()**2 * n / (n - 1))


def calibration_error(y, p, w):
    w = np.ones(len(y)) if w is None else w
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    total = 0
    for b in range(10):
        i = bins == b
        if w[i].sum() > 0:
            total += w[i].sum() * abs(np.average(p[i], weights=w[i]) - np.average(y[i], weights=w[i]))
    return total / w.sum()


def defined(upper, value):
    """What scikit-learn calls 0 after a division by zero is NaN here."""
    return value if upper > 0 else math.nan


def take_series(out, name):
    found = []
    while f"{name}.{len(found)}" in out:
        found.append(out[f"{name}.{len(found)}"])
    return np.array(found).reshape(-1, 2)


def check_arrays(name, got, wanted):
    check(f"{name}: length", len(got), len(wanted))
    if len(got) == len(wanted):
        worst = np.abs(got - wanted) / np.maximum(np.abs(wanted), 1e-3)
        check(name, worst.max(initial=0), 0, 1e-9)  # 1e-9 of 1e-3


def check_isotonic(out, y, p, w):
    """Knots and interpolated values of scikit-learn's isotonic regression."""
    model = IsotonicRegression(out_of_bounds="clip", increasing=True).fit(p, y, sample_weight=w)
    knots = take_series(out, "knot")
    at = take_series(out, "at")[:, 0]
    check_arrays("interpolated", at, model.predict(np.arange(65) / 64))
    # where means of neighbours are equal but for rounding, either may pool them
    wanted = np.column_stack([model.X_thresholds_, model.y_thresholds_])
    if np.diff(np.unique(wanted[:, 1])).min(initial=1) > 1e-9:
        check_arrays("knots", knots, wanted)


def check_curve(out, y, p, w):
    """Counts by confusion matrix; all distinct scores, or 200 quantiles and the best F1."""
    cuts = take_series(out, "cut")
    negative = take_series(out, "cut_negative")[:, 0]
    distinct = np.unique(p)[::-1]
    if len(distinct) <= 200:
        check_arrays("thresholds", cuts[:, 0], distinct)
    else:
        check("thinned", 100 < len(cuts) <= 202 and np.isin(cuts[:, 0], distinct).all() and cuts[-1, 0] == distinct[-1], True)
        check("best F1 is kept", out["best_f1"][0] in cuts[:, 0] or y.sum() == 0, True)
        share = (p >= cuts[:, :1]).mean(axis=1)
        widest = np.diff(np.concatenate([[0], share])).max()
        check("evenly", widest <= 1 / 200 + np.unique(p, return_counts=True)[1].max() / len(p), True)
    for (threshold, positive), called in zip(cuts, negative):
        (tn, fp), (fn, tp) = metrics.confusion_matrix(y, p >= threshold, labels=[0, 1], sample_weight=w)
        if abs(tp - positive) > 1e-9 * max(tp, 1) or abs(fp - called) > 1e-9 * max(fp, 1):
            check(f"counts at {threshold}", positive, tp)
            return
    check("counts", 1, 1)


def test_binary(n):
    y = (rng.random(n) < rng.choice([0.02, 0.3, 0.5])).astype(np.float32)
    if rng.random() < 0.1:
        y[:] = rng.integers(2)
    p = np.clip(rng.random(n) * 0.6 + y * rng.random() * 0.4, 0, 1).astype(np.float32)
    if rng.random() < 0.4:
        p = np.round(p, 1)          # ties, 0 and 1 among them
    if rng.random() < 0.1:
        p[:] = 0.25
    w = draw_weight(n)
    threshold = float(rng.choice([0.5, 0.3, 0.9, 2]))
    out = compute(BINARY, p, y, w, objective="binary:logistic", threshold=threshold)
    y, p, w = as_double(y), as_double(p), as_double(w)
    hard = (p >= threshold).astype(float)
    if w is not None and w.sum() == 0:
        check("accuracy without weight", out["accuracy"][0], math.nan)
        return
    check_isotonic(out, y, p, w)
    if n < 1500:
        check_curve(out, y, p, w)
    ones = np.ones(n) if w is None else w
    actual, called = ones[y == 1].sum(), ones[hard == 1].sum()
    check("accuracy", out["accuracy"][0], metrics.accuracy_score(y, hard, sample_weight=w))
    check("accuracy error", out["accuracy"][1], mean_error(y == hard, w), 1e-9)
    check("precision", out["precision"][0], defined(called, metrics.precision_score(y, hard, sample_weight=w)))
    check("recall", out["recall"][0], defined(actual, metrics.recall_score(y, hard, sample_weight=w)))
    check("f1", out["f1"][0], defined(actual + called, metrics.f1_score(y, hard, sample_weight=w)))
    check("log_loss", out["log_loss"][0], metrics.log_loss(y, p, sample_weight=w, labels=[0, 1]))
    check("brier_score", out["brier_score"][0], metrics.brier_score_loss(y, p, sample_weight=w, pos_label=1))
    check("calibration_error", out["calibration_error"][0], calibration_error(y, p, w))
    if w is None:
        check("loss", out["loss"][0], out["log_loss"][0])
    both = 0 < actual < ones.sum()
    check("roc_auc", out["roc_auc"][0], metrics.roc_auc_score(y, p, sample_weight=w) if both else math.nan)
    check("roc_auc error", out["roc_auc"][1], roc_error(y, p, w) if both else math.nan, 1e-9)
    check("average_precision", out["average_precision"][0],
          defined(actual, metrics.average_precision_score(y, p, sample_weight=w)))
    check("balanced_accuracy", out["balanced_accuracy"][0],
          metrics.balanced_accuracy_score(y, hard, sample_weight=w) if both else math.nan)
    if actual > 0:
        f1 = [metrics.f1_score(y, p >= t, sample_weight=w) for t in np.unique(p)]
        best = metrics.f1_score(y, p >= out["best_f1"][0], sample_weight=w)
        check("best_f1", best, max(f1))
    else:
        check("best_f1", out["best_f1"][0], 0.5)


def test_multiclass(n):
    classes = int(rng.integers(3, 8))
    labels = np.arange(classes)
    y = rng.choice(classes, n, p=rng.dirichlet(np.ones(classes) * rng.choice([0.3, 5])))
    margin = rng.normal(size=(n, classes)) + 2 * np.eye(classes)[y] * rng.random()
    if rng.random() < 0.4:
        margin = np.round(margin)
    p = np.exp(margin)
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    w = draw_weight(n)
    out = compute(MULTICLASS, p, y, w, objective="multi:softprob")
    p, w = as_double(p), as_double(w)
    hard = p.argmax(axis=1)
    if w is not None and w.sum() == 0:
        check("accuracy without weight", out["accuracy"][0], math.nan)
        return
    check("accuracy", out["accuracy"][0], metrics.accuracy_score(y, hard, sample_weight=w))
    for average in ("macro", "weighted"):
        got = metrics.precision_recall_fscore_support(y, hard, average=average, sample_weight=w)
        if average == "macro":
            check("precision_macro", out["precision_macro"][0], got[0])
            check("recall_macro", out["recall_macro"][0], got[1])
        check(f"f1_{average}", out[f"f1_{average}"][0], got[2])
    q = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    check("log_loss", out["log_loss"][0],
          metrics.log_loss(y, q / q.sum(axis=1, keepdims=True), labels=labels, sample_weight=w))
    weights = np.bincount(y, np.ones(n) if w is None else w, minlength=classes)
    check("roc_auc_ovr", out["roc_auc_ovr"][0],
          metrics.roc_auc_score(y, p, multi_class="ovr", sample_weight=w) if weights.min() > 0 else math.nan)
    if (weights > 0).sum() < 2:
        check("balanced_accuracy", out["balanced_accuracy"][0], math.nan)
    else:
        keep = np.ones(n, bool) if w is None else w > 0
        check("balanced_accuracy", out["balanced_accuracy"][0],
              metrics.balanced_accuracy_score(y[keep], hard[keep], sample_weight=None if w is None else w[keep]))


def test_ranking(n):
    sizes = rng.integers(2, rng.choice([5, 200]), max(n // 10, 1))
    group = np.repeat(rng.permutation(len(sizes)), sizes).astype(np.uint64)
    n = len(group)
    y = np.maximum(rng.integers(-2, 4, n), 0).astype(np.float32)
    p = (rng.normal(size=n) + y * 0.3).astype(np.float32)
    if rng.random() < 0.5:
        p = np.round(p)
    w = None
    if rng.random() < 0.5:
        w = rng.random(len(sizes)).astype(np.float32)[group.astype(int)]
    out = compute(RANKING, p, y, w, group=group, objective="rank:ndcg")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    ndcg, average = [], []
    for a, b in zip(starts, starts[1:]):
        labels, scores = as_double(y[a:b]), as_double(p[a:b])
        ndcg.append(metrics.ndcg_score([labels], [scores]))
        average.append(metrics.average_precision_score(labels > 0, scores) if labels.max() > 0 else 0)
    group_weight = None if w is None else as_double(w[starts[:-1]])
    check("ndcg", out["ndcg"][0], np.average(ndcg, weights=group_weight))
    check("ndcg error", out["ndcg"][1], mean_error(np.array(ndcg), group_weight), 1e-9)
    check("map", out["map"][0], np.average(average, weights=group_weight))
    check("map error", out["map"][1], mean_error(np.array(average), group_weight), 1e-9)
    check("group loss", out["loss"][0], 1 - np.mean(ndcg))
    check("groups with a loss", out["loss"][1], len(sizes))


def concordance(lower, upper, late, w):
    """Every pair, written out; and the infinitesimal jackknife."""
    exact = lower == upper
    before = (upper[:, None] < lower) | ((upper[:, None] == lower) & ~exact)
    agree = (late[:, None] < late) + 0.5 * (late[:, None] == late)
    pairs = before * w[:, None] * w
    if pairs.sum() == 0:
        return math.nan, math.nan
    index = (pairs * agree).sum() / pairs.sum()
    moved = pairs * (agree - index)
    return index, math.sqrt(((moved.sum(axis=0) + moved.sum(axis=1))**2).sum()) / pairs.sum()


def test_survival(n):
    time = np.round(rng.exponential(size=n) * 10 + 0.5, int(rng.integers(0, 3))).astype(np.float32) + np.float32(0.5)
    late = (np.log(time) + rng.normal(size=n)).astype(np.float32)
    if rng.random() < 0.5:
        late = np.round(late)
    censored = rng.random(n) < 0.4
    w = draw_weight(n)
    upper = np.where(censored, np.inf, time).astype(np.float32)
    weights = np.ones(n) if w is None else as_double(w)
    if rng.random() < 0.5:
        out = compute(SURVIVAL, -late, np.where(censored, -time, time), w, objective="survival:cox")
        lower = time
    else:
        lower = np.where(rng.random(n) < 0.2, time * np.float32(rng.choice([0, 0.5])), time).astype(np.float32)
        late = np.exp(late)
        out = compute(SURVIVAL, late, lower, w, upper=upper, objective="survival:aft")
        with np.errstate(divide="ignore"):
            score, low, high = (np.log(as_double(a)) for a in (late, lower, upper))
        check("AFT loss", out["loss"][0], np.maximum(0, np.maximum(low - score, score - high)).mean())
    index, error = concordance(lower, upper, late, weights)
    check("concordance_index", out["concordance_index"][0], index)
    check("concordance_index error", out["concordance_index"][1], error, 1e-9)


def jackknife(metric, w):
    """What each row adds to the infinitesimal jackknife of metric(weights): weight * derivative, squared."""
    moved = np.zeros(len(w))
    for i in np.flatnonzero(w):
        step = np.zeros(len(w))
        step[i] = w[i] * 1e-4
        moved[i] = (metric(w + step) - metric(w - step)) / 2e-4
    return moved**2


def spread(squares):
    """Standard error from the squares of the rows that have weight; n / (n - 1) as for means."""
    n = len(squares)
    return math.sqrt(squares.sum() * n / (n - 1)) if n > 1 else math.nan


def check_errors(out, metric_of, w):
    """Standard errors of all metrics {name: function of the weights}; rows without weight do not count."""
    for name, metric in metric_of.items():
        wanted = math.nan if math.isnan(out[name][0]) else spread(jackknife(metric, w)[w > 0])
        check(name + " error by jackknife", out[name][1], wanted, 1e-4)


def test_regression_errors(n):
    y = np.round(rng.normal(size=n) * 3 + 10).astype(np.float32)
    p = (y + rng.normal(size=n)).astype(np.float32)
    w = draw_weight(n)
    out = compute(REGRESSION, p, y, w, objective="reg:squarederror")
    y, p, w = as_double(y), as_double(p), np.ones(n) if w is None else as_double(w)
    keep = w > 0
    if keep.sum() < 2 or np.ptp(y[keep]) == 0:
        return
    check_errors(out, {
        "r2": lambda v: metrics.r2_score(y, p, sample_weight=v),
        "rmse": lambda v: math.sqrt(metrics.mean_squared_error(y, p, sample_weight=v)),
        "mse": lambda v: metrics.mean_squared_error(y, p, sample_weight=v),
        "mae": lambda v: metrics.mean_absolute_error(y, p, sample_weight=v),
        "mape": lambda v: metrics.mean_absolute_percentage_error(y, p, sample_weight=v),
    }, w)


def test_binary_errors(n):
    y = (rng.random(n) < rng.choice([0.1, 0.5])).astype(np.float32)
    p = np.clip(rng.random(n) * 0.7 + y * rng.random() * 0.3, 0, 1).astype(np.float32)
    if rng.random() < 0.6:
        p = np.round(p, 1)
    w = draw_weight(n)
    threshold = float(rng.choice([0.5, 0.7]))
    out = compute(BINARY, p, y, w, objective="binary:logistic", threshold=threshold)
    y, p, w = as_double(y), as_double(p), np.ones(n) if w is None else as_double(w)
    hard = (p >= threshold).astype(float)
    keep = w > 0
    positives, negatives = (keep & (y == 1)).sum(), (keep & (y == 0)).sum()
    if positives + negatives < 2:
        check("average_precision error of one row", out["average_precision"][1], math.nan)
        check("calibration_error error of one row", out["calibration_error"][1], math.nan)
        return
    metric_of = {
        "log_loss": lambda v: metrics.log_loss(y, p, sample_weight=v, labels=[0, 1]),
        "brier_score": lambda v: metrics.brier_score_loss(y, p, sample_weight=v, pos_label=1),
        "accuracy": lambda v: metrics.accuracy_score(y, hard, sample_weight=v),
        "balanced_accuracy": lambda v: metrics.balanced_accuracy_score(y[keep], hard[keep], sample_weight=v[keep]),
        "precision": lambda v: metrics.precision_score(y, hard, sample_weight=v),
        "recall": lambda v: metrics.recall_score(y, hard, sample_weight=v),
        "f1": lambda v: metrics.f1_score(y, hard, sample_weight=v),
    }
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    distance = np.abs(np.bincount(bins, w * (p - y), minlength=10))
    # a bin that is calibrated but for rounding has no derivative
    if not np.any((distance > 0) & (distance < 0.01)):
        metric_of["calibration_error"] = lambda v: calibration_error(y, p, v)
    if positives > 1:
        metric_of["average_precision"] = lambda v: metrics.average_precision_score(y, p, sample_weight=v)
    else:
        check("average_precision error of one positive", out["average_precision"][1], math.nan)
    check_errors(out, metric_of, w)
    if positives > 1 and negatives > 1:
        squares = jackknife(lambda v: metrics.roc_auc_score(y, p, sample_weight=v), w)
        check("roc_auc error by jackknife", out["roc_auc"][1],
              math.hypot(spread(squares[keep & (y == 1)]), spread(squares[keep & (y == 0)])), 1e-4)


def test_multiclass_errors(n):
    classes = int(rng.integers(3, 5))
    y = rng.choice(classes, n, p=rng.dirichlet(np.ones(classes) * 3))
    margin = rng.normal(size=(n, classes)) + 2 * np.eye(classes)[y] * rng.random()
    if rng.random() < 0.6:
        margin = np.round(margin)
    p = np.exp(margin)
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    w = draw_weight(n)
    out = compute(MULTICLASS, p, y, w, objective="multi:softprob")
    p, w = as_double(p), np.ones(n) if w is None else as_double(w)
    q = p / p.sum(axis=1, keepdims=True)
    hard = p.argmax(axis=1)
    keep = w > 0
    if keep.sum() < 2:
        check("f1_macro error of one row", out["f1_macro"][1], math.nan)
        return
    metric_of = {
        "log_loss": lambda v: metrics.log_loss(y, q, labels=np.arange(classes), sample_weight=v),
        "accuracy": lambda v: metrics.accuracy_score(y, hard, sample_weight=v),
        "balanced_accuracy": lambda v: metrics.balanced_accuracy_score(y[keep], hard[keep], sample_weight=v[keep]),
        "precision_macro": lambda v: metrics.precision_score(y, hard, average="macro", sample_weight=v),
        "recall_macro": lambda v: metrics.recall_score(y, hard, average="macro", sample_weight=v),
        "f1_macro": lambda v: metrics.f1_score(y, hard, average="macro", sample_weight=v),
        "f1_weighted": lambda v: metrics.f1_score(y, hard, average="weighted", sample_weight=v),
    }
    if np.bincount(y[keep], minlength=classes).min() > 1:
        metric_of["roc_auc_ovr"] = lambda v: metrics.roc_auc_score(y, p, multi_class="ovr", sample_weight=v)
    else:
        check("roc_auc_ovr error of a rare class", out["roc_auc_ovr"][1], math.nan)
    check_errors(out, metric_of, w)


for test in (test_regression_errors, test_binary_errors, test_multiclass_errors):
    for i in range(max(repeat // 4, 1)):
        test(int(rng.choice([2, 3, 10, 30])))
for test in (test_regression, test_binary, test_multiclass, test_ranking, test_survival):
    for i in range(repeat):
        test(int(rng.choice([1, 2, 3, 10, 65, 300, 1500] if test is not test_multiclass else [12, 65, 300, 1500])))
cli.stdin.close()
failed += cli.wait() != 0
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
