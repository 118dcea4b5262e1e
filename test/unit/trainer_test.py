#!/usr/bin/python3
"""mlops_trainer, driven through its descriptors; the judge is Python's XGBoost.

Usage: trainer_test.py [path of mlops_trainer].  Ends with "N passed, N failed".
"""
import os
import resource
import struct
import sys

import numpy as np
import xgboost
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

import trainer_driver as driver
from trainer_driver import configuration, spool

TRAINER = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "mlops_trainer")
ROUNDS = 12
N, COLUMNS = 3000, 6
NAMES = ["age", "größe", "a b", "x[1]", "Ünit<", "shop"]
NUMBERS = ["q"] * COLUMNS
KINDS = ["q", "q", "q", "q", "i", "c"]
CARDINALITY = [0, 0, 0, 0, 0, 7]

passed = failed = 0


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name} {detail}")


class Data:
    """Seeded rows for every task; groups do not straddle the parts."""

    def __init__(self):
        rng = np.random.default_rng(20240501)
        X = rng.normal(size=(N, COLUMNS)).astype(np.float32)
        X[:, 4] = X[:, 4] > 0
        X[:, 5] = rng.integers(0, 7, N)
        z = X.copy()
        X[rng.random(X.shape) < 0.1] = np.nan
        signal = z[:, 0] + z[:, 1] * z[:, 2] + (z[:, 5] == 3) + rng.normal(size=N) * 0.5
        self.X = X
        self.regression = signal.astype(np.float32)
        self.positive = np.exp(signal / 2).astype(np.float32)
        self.count = np.floor(self.positive)
        self.binary = (signal > 0.7).astype(np.float32)
        self.multiclass = np.digitize(signal, [-1, 0, 1]).astype(np.float32)
        self.relevance = np.digitize(signal, [-1, 0, 1, 2]).astype(np.float32)
        self.censored = rng.random(N) < 0.3
        self.weight = (rng.random(N) + 0.5).astype(np.float32)
        self.group = np.sort(rng.integers(0, 200, N)).astype(np.uint64) * np.uint64(2**57 + 7919)
        cut = [0, 2000, 2400, N]
        for i in (1, 2):
            while self.group[cut[i]] == self.group[cut[i] - 1]:
                cut[i] += 1
        self.parts = [slice(a, b) for a, b in zip(cut, cut[1:])]


DATA = Data()
TRAIN, VALIDATION, TEST = DATA.parts


def take(values, part):
    return None if values is None else values[part]


def spools(label, upper=None, weight=None, group=None):
    return [spool(DATA.X[p], label[p], take(upper, p), take(weight, p), take(group, p))
            for p in DATA.parts]


def config_of(task, pairs=(), params=(), kinds=None, threads=1, rounds=ROUNDS):
    kinds = kinds or KINDS
    return configuration([("task", task), ("num_boost_round", rounds), ("threads", threads)] +
                         list(pairs) + [("param", p) for p in params] +
                         driver.features(NAMES, kinds, CARDINALITY))


def matrix(rows, label=None, weight=None, upper=None, group=None, kinds=None):
    kinds = kinds or KINDS
    out = xgboost.DMatrix(DATA.X[rows], label=take(label, rows) if upper is None else None,
                          feature_types=kinds, enable_categorical=True, nthread=1)
    if group is not None:
        starts = np.flatnonzero(np.concatenate([[True], np.diff(group[rows]) != 0]))
        out.set_group(np.diff(np.append(starts, len(group[rows]))))
        if weight is not None:
            out.set_weight(weight[rows][starts])
    elif weight is not None:
        out.set_weight(weight[rows])
    if upper is not None:
        out.set_float_info("label_lower_bound", label[rows])
        out.set_float_info("label_upper_bound", upper[rows])
    return out


def load(model):
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(model))
    return booster


def as_params(texts, **fixed):
    params = dict(t.split("=", 1) for t in texts)
    params.setdefault("tree_method", "hist")
    return dict(params, nthread=1, **fixed)


# name, task, objective, label, pairs, other params, columns of the spool, kinds
D = DATA
AFT_UPPER = np.where(D.censored, np.inf, D.positive).astype(np.float32)
COX = np.where(D.censored, -D.positive, D.positive).astype(np.float32)
HALF_GROUP = {"group": D.group}
GROUP_WEIGHT = {"group": D.group, "weight": (1 + D.group % np.uint64(3)).astype(np.float32)}
CASES = [
    ("squared error", "regression", "reg:squarederror", D.regression, (), (), {}, None),
    ("weights", "regression", "reg:squarederror", D.regression, (("has_weight", 1),), (), {"weight": D.weight}, None),
    ("sampling", "regression", "reg:squarederror", D.regression, (), ("subsample=0.5", "colsample_bytree=0.5", "seed=3"), {}, None),
    ("lossguide", "regression", "reg:squarederror", D.regression, (), ("grow_policy=lossguide", "max_leaves=8"), {}, None),
    ("few bins", "regression", "reg:squarederror", D.regression, (), ("max_bin=16",), {}, None),
    ("approx", "regression", "reg:squarederror", D.regression, (), ("tree_method=approx",), {}, None),
    ("exact", "regression", "reg:squarederror", D.regression, (), ("tree_method=exact",), {}, NUMBERS),
    ("dart", "regression", "reg:squarederror", D.regression, (), ("booster=dart", "rate_drop=0.3"), {}, None),
    ("gblinear", "regression", "reg:squarederror", D.regression, (), ("booster=gblinear",), {}, NUMBERS),
    ("forest", "regression", "reg:squarederror", D.regression, (), ("num_parallel_tree=3", "subsample=0.5"), {}, None),
    ("monotone", "regression", "reg:squarederror", D.regression, (), ("monotone_constraints=(1,0,0,0,0,0)",), {}, NUMBERS),
    ("interaction", "regression", "reg:squarederror", D.regression, (), ("interaction_constraints=[[0,1],[2,3,4,5]]",), {}, None),
    ("absolute error", "regression", "reg:absoluteerror", D.regression, (), (), {}, None),
    ("pseudo-Huber", "regression", "reg:pseudohubererror", D.regression, (), (), {}, None),
    ("squared log error", "regression", "reg:squaredlogerror", D.positive, (), (), {}, None),
    ("gamma", "regression", "reg:gamma", D.positive, (), (), {}, None),
    ("Poisson", "regression", "count:poisson", D.count, (), (), {}, None),
    ("Tweedie", "regression", "reg:tweedie", D.count, (), ("tweedie_variance_power=1.3",), {}, None),
    ("binary", "binary", "binary:logistic", D.binary, (), (), {}, None),
    ("binary weights", "binary", "binary:logistic", D.binary, (("has_weight", 1),), ("scale_pos_weight=3",), {"weight": D.weight}, None),
    ("hinge", "binary", "binary:hinge", D.binary, (), (), {}, None),
    ("softprob", "multiclass", "multi:softprob", D.multiclass, (("n_classes", 4),), (), {}, None),
    ("softmax", "multiclass", "multi:softmax", D.multiclass, (("n_classes", 4),), (), {}, None),
    ("rank pairwise", "ranking", "rank:pairwise", D.relevance, (("has_group", 1),), (), HALF_GROUP, None),
    ("rank ndcg", "ranking", "rank:ndcg", D.relevance, (("has_group", 1),), (), HALF_GROUP, None),
    ("rank weights", "ranking", "rank:ndcg", D.relevance, (("has_group", 1), ("has_weight", 1)), (), GROUP_WEIGHT, None),
    ("rank map", "ranking", "rank:map", (D.relevance > 2).astype(np.float32), (("has_group", 1),), (), HALF_GROUP, None),
    ("Cox", "survival", "survival:cox", COX, (), (), {}, None),
    ("AFT", "survival", "survival:aft", D.positive, (("has_upper", 1),), ("aft_loss_distribution=logistic",), {"upper": AFT_UPPER}, None),
]


def train_reference(case, rows):
    _, _, objective, label, pairs, params, columns, kinds = case
    fixed = {"objective": objective}
    if objective.startswith("multi"):
        fixed["num_class"] = dict(pairs)["n_classes"]
    settings = as_params(params, **fixed)
    if settings.get("booster") == "gblinear":
        settings["updater"] = "coord_descent"
        del settings["tree_method"]
    return xgboost.train(settings, matrix(rows, label, kinds=kinds, **columns), ROUNDS)


def test_models():
    """Every task and booster: the same model as Python's, whatever the threads."""
    for case in CASES:
        name, task, objective, label, pairs, params, columns, kinds = case
        models = []
        for threads in (1, 2, 4):
            config = config_of(task, pairs, (f"objective={objective}",) + params, kinds, threads)
            result = driver.run(TRAINER, config, spools(label, **columns), threads=threads)
            check(f"{name}: runs", result.status == 0 and result.error() is None, result.error())
            models.append(result.model)
        check(f"{name}: same bytes with 1, 2 and 4 threads", len(set(models)) == 1 and models[0])
        if result.error():
            continue
        test = matrix(TEST, kinds=kinds)
        mine = load(models[0])
        check(f"{name}: names", mine.feature_names == NAMES and mine.feature_types == (kinds or KINDS))
        mine.feature_names = None
        reference = train_reference(case, TRAIN)
        check(f"{name}: same predictions as Python's",
              np.array_equal(mine.predict(test, output_margin=True, validate_features=False),
                             reference.predict(test, output_margin=True)))
        check(f"{name}: rounds are reported", any(len(result.rounds("train", m.text)) == ROUNDS and
              len(result.rounds("test", m.text)) == ROUNDS for m in result.of("round")))
        check(f"{name}: has metrics", len(result.of("metric")) > 0 and
              all(m.n == len(DATA.X[TEST]) for m in result.of("metric")))


def test_refit():
    """refit trains on all rows for the same number of rounds; the metrics stay."""
    everything = slice(0, N)
    wanted = ("weights", "approx", "binary", "rank ndcg", "rank weights", "AFT", "Cox", "softprob")
    for case in [c for c in CASES if c[0] in wanted]:
        name, task, objective, label, pairs, params, columns, kinds = case
        params = (f"objective={objective}",) + params
        plain = driver.run(TRAINER, config_of(task, pairs, params, kinds), spools(label, **columns))
        refit = driver.run(TRAINER, config_of(task, pairs + (("refit", 1),), params, kinds),
                           spools(label, **columns))
        test = matrix(TEST, kinds=kinds)
        mine = load(refit.model)
        mine.feature_names = None
        reference = train_reference(case, everything)
        check(f"refit {name}: model of all rows",
              np.array_equal(mine.predict(test, output_margin=True, validate_features=False),
                             reference.predict(test, output_margin=True)))
        check(f"refit {name}: metrics of the evaluated model", str(plain.of("metric")) == str(refit.of("metric")))


def test_messages():
    result = driver.run(TRAINER, config_of("binary"), spools(D.binary))
    kinds = [m.type for m in result.messages]
    order = ["hello", "phase", "phase", "round", "phase", "cut", "metric", "knot", "done"]
    seen = [k for i, k in enumerate(kinds) if i == 0 or kinds[i - 1] != k or k == "phase"]
    check("order of messages", seen == order, seen)
    check("phases", [m.text for m in result.of("phase")] == ["loading", "training", "evaluating"])
    check("version", result.of("hello")[0].text == ".".join(map(str, xgboost.build_info().get("version", xgboost.__version__.split(".")))) or
          result.of("hello")[0].text == xgboost.__version__, result.of("hello")[0].text)
    done = result.of("done")[0]
    check("length of the model", done.n == len(result.model) > 0)
    check("peak memory", 1000 < done.index < 1000000, done.index)
    check("nothing on stderr", result.stderr == b"", result.stderr)
    check("rounds count from 0", [m.index for m in result.of("round")][:4] == [0, 0, 1, 1])


def test_metrics():
    """Final metrics are those of Python's predictions."""
    config = config_of("binary", [("has_weight", 1), ("threshold", "0.3")])
    result = driver.run(TRAINER, config, spools(D.binary, weight=D.weight))
    booster = load(result.model)
    booster.feature_names = None
    p = booster.predict(matrix(TEST), validate_features=False).astype(np.float64)
    y, w = D.binary[TEST], D.weight[TEST].astype(np.float64)
    for weighted, weight in ((0, None), (1, w)):
        for name, value in (
                ("roc_auc", metrics.roc_auc_score(y, p, sample_weight=weight)),
                ("log_loss", metrics.log_loss(y, p, sample_weight=weight)),
                ("recall", metrics.recall_score(y, p >= 0.3, sample_weight=weight))):
            got = result.metric(name, weighted)
            check(f"{name} weighted {weighted}", abs(got.value - value) < 1e-12 and got.error > 0,
                  (got, value))


def test_early_stopping():
    config = config_of("binary", [("early_stopping_rounds", 3)], ["eta=0.8", "max_depth=8"], rounds=200)
    result = driver.run(TRAINER, config, spools(D.binary))
    history = result.rounds("validation", "logloss")
    best = int(np.argmin(history))
    check("early stopping stops", len(history) == best + 4 < 200, len(history))
    check("early stopping reports the best round", result.of("stopped")[0].index == best)
    check("early stopping cuts the model", load(result.model).num_boosted_rounds() == best + 1)

    config = config_of("binary", [("early_stopping_rounds", 3)], ["eta=0.8", "max_depth=8", "eval_metric=auc"], rounds=200)
    history = driver.run(TRAINER, config, spools(D.binary)).rounds("validation", "auc")
    check("early stopping maximises auc", len(history) == int(np.argmax(history)) + 4 < 200, history)

    # hold-out rows choose nothing: other labels there, the same model
    parts = spools(D.binary)
    other = [parts[0], parts[1], spool(D.X[TEST], 1 - D.binary[TEST])]
    again = driver.run(TRAINER, config, other)
    check("hold-out rows choose nothing", again.model == driver.run(TRAINER, config, parts).model)


def test_judged_rows():
    """Rounds of large parts are judged by their first 10,000 rows; the final metrics by all."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(26000, 2)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(np.float32)
    config = configuration([("task", "binary"), ("num_boost_round", 2), ("threads", 2)] + driver.features(["a", "b"]))
    result = driver.run(TRAINER, config, [spool(X[:12000], y[:12000]), spool(X[:0], y[:0]), spool(X[12000:], y[12000:])])
    booster = load(result.model)
    booster.feature_names = None
    p = booster.predict(xgboost.DMatrix(X, feature_types=["q", "q"]), validate_features=False)
    for part, start in (("train", 0), ("test", 12000)):
        wanted = metrics.log_loss(y[start:start + 10000], p[start:start + 10000])
        got = result.rounds(part, "logloss")[-1]
        check(f"judged rows of {part}", abs(got - wanted) < 1e-6, (got, wanted))
    check("number of judged rows", {m.n for m in result.of("round")} == {10000})
    check("all rows in the end", abs(result.metric("log_loss").value - metrics.log_loss(y[12000:], p[12000:].astype(float))) < 1e-12 and
          result.metric("log_loss").n == 14000)


def count_cells(edges, values):
    """numpy's counts of the intervals (lower, upper], missing ones last."""
    known = values[~np.isnan(values)].astype(np.float64)
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, np.isnan(values).sum())


def check_cells(name, image, values):
    edges, counts = driver.cells_of(image)
    check(name, len(edges) >= 2 and np.array_equal(counts, count_cells(edges, values)), counts)
    return edges


def test_reference():
    """Profiles count what numpy counts: rows that are learned from, and predictions of the test part."""
    config = config_of("binary", [("has_weight", 1)])
    result = driver.run(TRAINER, config, spools(D.binary, weight=D.weight))
    found = result.profiles()
    learned = np.concatenate([D.X[TRAIN], D.X[VALIDATION]])
    check("a profile per column", len(found) == COLUMNS + 2, len(found))
    for i in range(5):
        edges = check_cells(f"profile of {NAMES[i]}", found[i], learned[:, i])
        if i < 4:
            wanted = np.quantile(D.X[TRAIN][:, i][~np.isnan(D.X[TRAIN][:, i])].astype(float), np.arange(1, 10) / 10,
                                 method="inverted_cdf")
            check(f"edges of {NAMES[i]} are quantiles", np.isin(wanted, edges).all(), edges)
    codes = learned[:, 5]
    check("categories by code", driver.counts_of(found[5]).tolist() ==
          np.bincount(codes[~np.isnan(codes)].astype(int), minlength=7).tolist() + [0, int(np.isnan(codes).sum())])
    labels = np.concatenate([D.binary[TRAIN], D.binary[VALIDATION]]).astype(int)
    check("labels by class", driver.counts_of(found[6]).tolist() == np.bincount(labels).tolist() + [0, 0])
    booster = load(result.model)
    booster.feature_names = None
    check_cells("profile of predictions", found[7], booster.predict(matrix(TEST), validate_features=False))

    refit = driver.run(TRAINER, config_of("binary", [("has_weight", 1), ("refit", 1)]), spools(D.binary, weight=D.weight)).profiles()
    check_cells("refit learns from all rows", refit[0], np.concatenate([learned[:, 0], D.X[TEST][:, 0]]))
    check("refit keeps the predictions of the evaluated model", refit[7] == found[7])

    found = driver.run(TRAINER, config_of("multiclass", [("n_classes", 4)]), spools(D.multiclass)).profiles()
    check("predicted classes", len(found) == COLUMNS + 2 and len(driver.counts_of(found[7])) == 6 and
          driver.counts_of(found[7]).sum() == len(D.X[TEST]))
    found = driver.run(TRAINER, config_of("regression"), spools(D.regression)[:2] + [spool(D.X[:0], D.regression[:0])]).profiles()
    check("no test rows, no predictions", len(found) == COLUMNS + 1)
    check_cells("profile of numeric labels", found[6], np.concatenate([D.regression[TRAIN], D.regression[VALIDATION]]))


def test_reference_threads():
    """The same bytes however many threads; atoms, outliers, labels outside of the dictionary."""
    rng = np.random.default_rng(11)
    X = rng.normal(size=(90000, 3)).astype(np.float32)
    X[rng.random(90000) < 0.3, 0] = 0.1
    X[60000:60010, 0] = 3e38
    X[::7, 1] = np.nan
    X[:, 2] = rng.integers(0, 4, 90000)
    y = X[:, 0] > 0.2
    pairs = [("task", "binary"), ("num_boost_round", 1)] + driver.features(["a", "b", "c"], ["q", "q", "c"], [0, 0, 3])
    runs = [driver.run(TRAINER, configuration(pairs + [("threads", threads)]), [spool(X[:80000], y[:80000]), spool(X[:0], y[:0]),
                                                                             spool(X[80000:], y[80000:])], threads=threads)
            for threads in (1, 2, 3)]
    check("profiles are the same with 1, 2 and 3 threads", len({r.reference for r in runs}) == 1 and runs[0].reference)
    found = runs[0].profiles()
    edges = check_cells("profile with an atom and outliers", found[0], X[:80000, 0])
    atom = np.float64(np.float32(0.1))
    check("an atom has a cell", atom in edges and np.nextafter(atom, -np.inf) in edges, edges)
    check_cells("profile with NULLs", found[1], X[:80000, 1])
    check("labels outside of the dictionary", driver.counts_of(found[2]).tolist() ==
          np.bincount(X[:80000, 2].astype(int), minlength=4).tolist() + [0])


def test_class_weight():
    config = config_of("binary", [("class_weight", "balanced")])
    result = driver.run(TRAINER, config, spools(D.binary))
    y = D.binary[TRAIN]
    weight = np.where(y == 1, len(y) / (2 * y.sum()), len(y) / (2 * (1 - y).sum())).astype(np.float32)
    train = matrix(TRAIN, D.binary)
    train.set_weight(weight)
    reference = xgboost.train({"objective": "binary:logistic", "tree_method": "hist", "nthread": 1}, train, ROUNDS)
    mine = load(result.model)
    mine.feature_names = None
    check("class_weight is scikit-learn's", np.array_equal(
        mine.predict(matrix(TEST), validate_features=False), reference.predict(matrix(TEST))))


def check_curve(cuts, part, y, p):
    """Counts at thresholds, which descend."""
    check("cuts say their part", {driver.PARTS[m.part] for m in cuts} == {part} and {m.n for m in cuts} == {len(y)})
    check("cuts count", all((m.error, m.other) == (y[p >= m.value].sum(), (1 - y)[p >= m.value].sum()) for m in cuts))
    check("cuts descend", all(a.value > b.value for a, b in zip(cuts, cuts[1:])) and 10 < len(cuts) <= 202)


def test_threshold():
    config = config_of("binary", [("threshold", "f1")], ["scale_pos_weight=0.2"])
    result = driver.run(TRAINER, config, spools(D.binary))
    threshold = result.of("threshold")[0].value
    booster = load(result.model)
    booster.feature_names = None
    p = booster.predict(matrix(VALIDATION), validate_features=False)
    f1 = {t: metrics.f1_score(D.binary[VALIDATION], p >= t) for t in np.unique(p)}
    check("threshold maximises F1 on the validation part", f1[np.float32(threshold)] == max(f1.values()))
    check_curve(result.of("cut"), "validation", D.binary[VALIDATION], p)
    check("the threshold is the curve's best", threshold == max(
        result.of("cut"), key=lambda m: 2 * m.error / max(m.error + m.other + D.binary[VALIDATION].sum(), 1)).value)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(
        booster.predict(matrix(TEST), validate_features=False).astype(np.float64), D.binary[TEST].astype(np.float64))
    knots = [(m.value, m.other) for m in result.of("knot")]
    wanted = list(zip(isotonic.X_thresholds_, isotonic.y_thresholds_))
    check("calibration is scikit-learn's on the test part",
          len(knots) == len(wanted) > 3 and np.allclose(knots, wanted, rtol=1e-12, atol=0), (knots[:5], wanted[:5]))
    check("and says so", {(driver.PARTS[m.part], m.n) for m in result.of("knot")} == {("test", len(D.binary[TEST]))})
    alone = driver.run(TRAINER, config_of("binary", [("has_weight", 1)]),
                       [spools(D.binary, weight=D.weight)[0], driver.spool(D.X[:0], D.binary[:0]), spools(D.binary, weight=D.weight)[2]])
    check("without validation rows the curve is of the test part",
          {driver.PARTS[m.part] for m in alone.of("cut")} == {"test"} and {m.weighted for m in alone.of("cut")} == {1})
    check("with weights", abs(alone.of("cut")[-1].error - (D.weight * D.binary)[TEST].astype(np.float64).sum()) < 1e-6)
    held_out = booster.predict(matrix(TEST), validate_features=False) >= threshold
    check("threshold governs the metrics",
          abs(result.metric("f1").value - metrics.f1_score(D.binary[TEST], held_out)) < 1e-12)


def test_baseline():
    """The baseline gets its own features and categories, on the same rows."""
    order = [5, 2, 0]
    recode = [3, 2, 1, 0, 99, 4, 5]
    X = D.X[:, order].copy()
    has = ~np.isnan(X[:, 0])
    X[has, 0] = np.array(recode, dtype=np.float32)[X[has, 0].astype(int)]
    X = np.column_stack([X, np.full(N, np.nan, dtype=np.float32)])
    train = xgboost.DMatrix(np.where(X == 99, np.nan, X)[TRAIN], D.binary[TRAIN], feature_types=["c", "q", "q", "q"],
                            enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "tree_method": "hist", "max_depth": 2}, train, 5)
    model = bytes(booster.save_raw("ubj"))
    pairs = [("baseline", 1), ("baseline_threshold", 0.4)]
    for source, codes in zip(order + [-1], [recode, None, None, None]):
        pairs += [("baseline_source", source),
                  ("baseline_recode", ",".join(map(str, codes)) if codes else "")]
    result = driver.run(TRAINER, config_of("binary", pairs), spools(D.binary), baseline=model)
    if result.error():
        check("baseline", False, result.error())
        return
    rows = xgboost.DMatrix(X[TEST], feature_types=["c", "q", "q", "q"], enable_categorical=True)
    old = booster.predict(rows).astype(np.float64)
    mine = load(result.model)
    mine.feature_names = None
    new = mine.predict(matrix(TEST), validate_features=False).astype(np.float64)
    y = D.binary[TEST]
    got = result.metric("log_loss", kind="baseline_metric").value
    check("baseline metric", abs(got - metrics.log_loss(y, old)) < 1e-12, got)
    got = result.metric("recall", kind="baseline_metric").value
    check("baseline threshold", abs(got - metrics.recall_score(y, old >= 0.4)) < 1e-12, got)
    difference = -np.log(np.where(y == 1, new, 1 - new)) + np.log(np.where(y == 1, old, 1 - old))
    loss = result.of("baseline_loss")[0]
    check("paired loss", abs(loss.value - difference.mean()) < 1e-12 and loss.n == len(y), loss)
    check("paired loss error", abs(loss.error - difference.std(ddof=1) / np.sqrt(len(y))) < 1e-12, loss)

    broken = driver.run(TRAINER, config_of("binary", pairs), spools(D.binary), baseline=model[:500])
    check("malformed baseline", broken.error() is not None and broken.model == b"", broken.error())


def refuses(name, text, config, parts, **options):
    result = driver.run(TRAINER, config, parts, **options)
    error = result.error()
    check(f"refuses {name}", error is not None and text in error and result.status == 1 and
          result.messages[-1].type == "error" and result.model == b"", (error, result.status))


def test_refusals():
    parts = spools(D.binary)
    config = config_of("binary")
    refuses("another protocol", "protocol", config, parts, protocol="1")
    refuses("an unused parameter", "\"frobnicate\"", config_of("binary", params=["frobnicate=1"]), parts)
    refuses("a wrong parameter", "max_depth", config_of("binary", params=["max_depth=x"]), parts)
    refuses("an objective that does not exist", "reg:nothing", config_of("regression", params=["objective=reg:nothing"]), parts)
    refuses("early stopping of dart", "dart", config_of("binary", [("early_stopping_rounds", 2)], ["booster=dart"]), parts)
    refuses("early stopping of gblinear", "gblinear", config_of("binary", [("early_stopping_rounds", 2)], ["booster=gblinear"], NUMBERS), parts)
    refuses("shotgun", "shotgun", config_of("binary", params=["booster=gblinear", "updater=shotgun"]), parts)
    refuses("an empty configuration", "n_features", b"", parts)
    refuses("a key that does not exist", "no such key", config_of("binary", [("frobnicate", 1)]), parts)
    refuses("a task that does not exist", "no such task", config_of("clustering"), parts)
    refuses("a missing name", "names", configuration([("task", "binary"), ("num_boost_round", 1), ("n_features", 2)]), parts)
    refuses("no training rows", "no rows", config, [spool(D.X[:0], D.binary[:0]), parts[1], parts[2]])
    no_validation = [parts[0], spool(D.X[:0], D.binary[:0]), parts[2]]
    refuses("early stopping without validation", "validation", config_of("binary", [("early_stopping_rounds", 2)]), no_validation)

    for length in range(0, len(config), 7):
        error = driver.run(TRAINER, config[:length], parts).error()
        check(f"refuses a configuration cut to {length}", error is not None, error)
    for length in (0, 10, 23, 24, 25, len(parts[0]) - 1):
        refuses(f"a spool cut to {length}", "spool", config, [parts[0][:length], parts[1], parts[2]])
    refuses("a longer spool", "spool", config, [parts[0] + b"\0", parts[1], parts[2]])
    for offset, value in ((0, 1), (8, 2**63), (8, 0), (16, 1), (16, 0), (20, 8), (20, 0)):
        head = bytearray(parts[0])
        struct.pack_into("=Q" if offset <= 8 else "=I", head, offset, value)
        refuses(f"a spool header with {value} at {offset}", "spool", config, [bytes(head), parts[1], parts[2]])


def test_rows():
    """Rows that libxgboost would take without a word."""
    config = config_of("binary", [("has_weight", 1)])
    good = spools(D.binary, weight=D.weight)
    for name, column, value, text in (("infinity", 2, np.inf, "infinite"), ("minus infinity", 0, -np.inf, "infinite"),
                                      ("a category too many", 5, 8, "category"), ("category -1", 5, -1, "category"),
                                      ("a huge category", 5, 16e6, "category"), ("half a category", 5, 0.5, "category")):
        X = D.X[TRAIN].copy()
        X[77, column] = value
        refuses(name, text, config, [spool(X, D.binary[TRAIN]), good[1], good[2]])
    for value in (np.nan, 2, -1, 0.5, np.inf):
        y = D.binary.copy()
        y[5] = value
        refuses(f"label {value}", "label", config, spools(y))
    for value in (np.nan, -1, np.inf):
        w = D.weight.copy()
        w[5] = value
        refuses(f"weight {value}", "weight", config, spools(D.binary, weight=w))
    refuses("weights that differ in a group", "group",
            config_of("ranking", [("has_group", 1), ("has_weight", 1)]),
            spools(D.relevance, weight=D.weight, group=D.group))


def test_edges():
    for label in (0, 1):
        result = driver.run(TRAINER, config_of("binary"), spools(np.full(N, label, np.float32)))
        check(f"constant label {label}", result.error() is None and
              np.isnan(result.metric("roc_auc").value), result.error())
    empty = spool(D.X[:0], D.binary[:0])
    result = driver.run(TRAINER, config_of("binary"), [spools(D.binary)[0], empty, empty])
    check("no hold-out", result.error() is None and not result.of("metric") and result.model, result.error())
    X = D.X.copy()
    X[::9, 5] = CARDINALITY[5]
    parts = [spool(X[p], D.binary[p]) for p in D.parts]
    check("a label outside of the dictionary", driver.run(TRAINER, config_of("binary"), parts).error() is None)
    one = [spool(D.X[:1], D.binary[:1]), empty, spool(D.X[1:2], D.binary[1:2])]
    check("one row", driver.run(TRAINER, config_of("binary"), one).error() is None)

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (150 << 20, 150 << 20))

    wide = np.zeros((200000, 40), dtype=np.float32)
    wide[:, 0] = np.arange(len(wide))
    big = configuration([("task", "regression"), ("num_boost_round", 3), ("param", "tree_method=exact")] + driver.features([str(i) for i in range(40)]))
    parts = [spool(wide, wide[:, 0]), spool(wide[:0], wide[:0, 0]), spool(wide[:0], wide[:0, 0])]
    result = driver.run(TRAINER, big, parts, preexec=limit)
    check("memory limit is an ordinary error", result.status == 1 and "memory" in (result.error() or ""),
          (result.status, result.error()))


for test in (test_messages, test_metrics, test_early_stopping, test_judged_rows, test_reference, test_reference_threads, test_class_weight, test_threshold, test_baseline,
             test_refusals, test_rows, test_edges, test_refit, test_models):
    test()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
