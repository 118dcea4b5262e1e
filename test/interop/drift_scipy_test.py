#!/usr/bin/python3
"""Our measures of drift against SciPy's, on scikit-learn's tables, seeded random ones and edge cases.

Usage: drift_scipy_test.py [path of drift_cli [random tables per kind]].  Counts are compared with
numpy's, on the cells that the profile says it has; then every distance and test with SciPy, on
these counts, and the bounds of KS and Wasserstein distance with SciPy's on the raw values.
"""
import math
import subprocess
import sys
import warnings

import numpy as np
from scipy import spatial, special, stats
from sklearn import datasets

NUMERIC, LABEL = 1, 2
N_SPECIALS = 6
OTHER, UNSEEN, NULL, NAN, PLUS_INF, MINUS_INF = range(N_SPECIALS)

warnings.simplefilter("ignore")
rng = np.random.default_rng(11)
cli = subprocess.Popen([sys.argv[1] if len(sys.argv) > 1 else "build/drift_cli"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
repeat = int(sys.argv[2]) if len(sys.argv) > 2 else 150
passed = failed = 0
largest = {}
n_tests = {"scipy": 0, "merged": 0, "fisher": 0}


def measure(kind, reference, current, cells=10, alpha=0.01, threshold=0.1, nulls=(0, 0)):
    """Ask our program; returns ({name: value}, [(lower or label, upper, is atom, count, count)])."""
    dtype = np.float64 if kind == NUMERIC else np.int32
    head = [kind, cells, len(reference), 0, len(current), 1, repr(alpha), repr(threshold), *nulls]
    cli.stdin.write((" ".join(map(str, head)) + "\n").encode() +
                    np.ascontiguousarray(reference, dtype).tobytes() + np.ascontiguousarray(current, dtype).tobytes())
    cli.stdin.flush()
    fields = cli.stdout.readline().split()
    assert fields, "drift_cli ended"
    out = {k.decode(): float(v) for k, v in zip(fields[::2], fields[1::2])}
    table = []
    while True:
        fields = cli.stdout.readline().decode().split()
        if not fields:
            return out, table
        table.append((fields[0], float(fields[1]), fields[2] == "1", int(fields[3]), int(fields[4])))


def check(name, got, wanted, tolerance=1e-12, scale=1e-3):
    """Equal up to the relative tolerance; small numbers up to tolerance * scale."""
    global passed, failed
    if math.isnan(wanted) or math.isinf(wanted):
        same = got == wanted or (math.isnan(got) and math.isnan(wanted))
    else:
        difference = abs(got - wanted) / max(abs(wanted), scale)
        same = difference <= tolerance
        if same:
            key = name.split(":")[0]
            largest[key] = max(largest.get(key, 0), difference)
    if same:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name}: {got!r}, not {wanted!r}")


def check_between(name, low, value, high, slack):
    global passed, failed
    if low - slack <= value <= high + slack:
        passed += 1
    else:
        failed += 1
        print(f"not ok {name}: {value!r} is not between {low!r} and {high!r}")


def count_cells(kind, table, values, nulls):
    """Counts of all cells, by numpy and Python alone."""
    n_value = len(table) - N_SPECIALS
    special_counts = np.zeros(N_SPECIALS, int)
    special_counts[NULL] = nulls
    if kind == NUMERIC:
        finite = values[np.isfinite(values)]
        special_counts[NAN] = np.isnan(values).sum()
        special_counts[PLUS_INF] = (values == np.inf).sum()
        special_counts[MINUS_INF] = (values == -np.inf).sum()
        edges = [row[1] for row in table[:n_value - 1]]
        return np.concatenate([np.bincount(np.searchsorted(edges, finite, "left"), minlength=n_value), special_counts])
    codes, counts = np.unique(values, return_counts=True)
    by_label = dict(zip(map(str, codes), counts))
    kept = [by_label.pop(row[0], 0) for row in table[:n_value]]
    # what is not kept was dropped from the reference, or never seen by it: see check_counts
    return np.concatenate([kept, special_counts]), by_label


def check_counts(name, kind, table, reference, current, nulls):
    n_value = len(table) - N_SPECIALS
    got = np.array([row[3:] for row in table]).T
    for side, values in enumerate((reference, current)):
        wanted = count_cells(kind, table, values, nulls[side])
        if kind == LABEL:
            wanted, rest = wanted
            dropped = set(map(str, reference)) - {row[0] for row in table[:n_value]}
            wanted[n_value + (OTHER if dropped else UNSEEN)] = sum(rest.values())
        check(f"counts: {name}", float(np.abs(got[side] - wanted).max()), 0)
    return got[0].astype(float), got[1].astype(float)


def leave_one_out(kind, reference, current):
    """What the reference would have counted in cells that are empty in it by their making."""
    n_value = len(reference) - N_SPECIALS
    out = reference.copy()
    alone = {n_value + UNSEEN: (reference[:n_value] == 1).sum()} if kind == LABEL else {0: 1, n_value - 1: 1}
    for i, count in alone.items():
        if reference[i] == 0 and current[i] > 0:
            out[i] = count
    return out


def merge(kind, reference, current):
    """Groups of cells that expect five rows, and what is rare: the rule of contingency.h."""
    n_value = len(reference) - N_SPECIALS
    n, m = reference.sum(), current.sum()

    def is_small(pair):
        return pair[0] * min(m / n, 1) < 5

    groups, rare, run, open_pair = [], np.zeros(2), [], np.zeros(2)

    def close():
        nonlocal rare, open_pair
        if run:
            run[-1] = run[-1] + open_pair
            groups.extend(run)
            run.clear()
        else:
            rare = rare + open_pair
        open_pair = np.zeros(2)

    for i in [*range(n_value, len(reference)), *range(n_value)]:
        pair = np.array([reference[i], current[i]])
        if pair.sum() == 0:
            continue
        if not is_small(pair):
            if kind == NUMERIC and i < n_value:
                close()
            groups.append(pair)
        elif i > n_value + OTHER:
            rare = rare + pair
        else:
            open_pair = open_pair + pair
            if not is_small(open_pair):
                run.append(open_pair)
                open_pair = np.zeros(2)
    close()
    if rare.sum() > 0 and not is_small(rare):
        groups.append(rare)
        rare = np.zeros(2)
    return np.array(groups).reshape(-1, 2).T, rare


def log_chi2_tail(x, df):
    """Natural logarithm of the tail, also where SciPy's underflows: then from its recurrence in df."""
    p = stats.chi2.sf(x, df)
    if p > 1e-280:
        return math.log(p)
    half = x / 2
    if df % 2 == 0:
        terms = [k * math.log(half) - math.lgamma(k + 1) for k in range(df // 2)]
        return float(special.logsumexp(terms)) - half
    terms = [math.log(2) + special.log_ndtr(-math.sqrt(x))]
    terms += [(k + 0.5) * math.log(half) - math.lgamma(k + 1.5) - half for k in range(df // 2)]
    return float(special.logsumexp(terms))


def check_test(name, kind, out, reference, current):
    reference = leave_one_out(kind, reference, current)
    groups, rare = merge(kind, reference, current)
    n, m = reference.sum(), current.sum()
    log_ps = []
    if groups.shape[1] > 1 and groups.sum(axis=1).min() > 0:
        chi2, p, df, expected = stats.chi2_contingency(groups, correction=False)
        g = stats.chi2_contingency(groups, correction=False, lambda_="log-likelihood")[0]
        check(f"chi2: {name}", out["chi2"], chi2, 1e-10)
        check(f"g: {name}", out["g"], g, 1e-9, 1e-2)
        check(f"g, power_divergence: {name}", out["g"],
              stats.power_divergence(groups.ravel(), expected.ravel(), lambda_="log-likelihood")[0], 1e-9, 1e-2)
        check(f"df: {name}", out["df"], df)
        log_ps.append(log_chi2_tail(chi2, df))
        n_tests["scipy" if groups.shape[1] == ((reference + current) > 0).sum() else "merged"] += 1
    else:
        check(f"df: {name}", out["df"], 0)
    if rare.sum() > 0:
        smaller = 0 if n < m else 1
        drawn = (n, m)[smaller]
        log_ps.append(float(stats.hypergeom.logsf(rare[smaller] - 1, n + m, rare.sum(), drawn)))
        n_tests["fisher"] += 1
    if len(log_ps) == 2:
        log_ps = [min(min(log_ps) + math.log(2), 0)]
    log_p = log_ps[0] if log_ps else 0
    check(f"log10_p: {name}", out["log10_p"], log_p / math.log(10), 1e-8, 1)
    check(f"p_value: {name}", out["p_value"], max(math.exp(log_p), 5e-324), 1e-6, 1e-300)


def check_distances(name, out, reference, current, alpha=0.01):
    used = reference + current > 0
    k, n, m = used.sum(), reference.sum(), current.sum()
    p, q = reference[used] / n, current[used] / m
    smooth_p, smooth_q = (reference[used] + 0.5) / (n + k / 2), (current[used] + 0.5) / (m + k / 2)
    check(f"psi: {name}", out["psi"], ((smooth_p - smooth_q) * np.log(smooth_p / smooth_q)).sum())
    check(f"psi, entropy: {name}", out["psi"], stats.entropy(smooth_p, smooth_q) + stats.entropy(smooth_q, smooth_p), 1e-11)
    check(f"kl: {name}", out["kl"], stats.entropy(smooth_p, smooth_q), 1e-10)
    # where the shares are equal, SciPy's root of a rounded zero is not exact either
    check(f"js: {name}", out["js"], spatial.distance.jensenshannon(p, q, base=2), 1e-12, 1e3 if k == 1 else 1)
    check(f"hellinger: {name}", out["hellinger"], math.sqrt(max(1 - np.sqrt(p * q).sum(), 0)) if (p != q).any() else 0, 1e-7, 1)
    check(f"hellinger, euclidean: {name}", out["hellinger"],
          spatial.distance.euclidean(np.sqrt(p), np.sqrt(q)) / math.sqrt(2))
    check(f"tv: {name}", out["tv"], spatial.distance.cityblock(p, q) / 2)
    check(f"l_infinity: {name}", out["l_infinity"], spatial.distance.chebyshev(p, q))
    check(f"psi_noise: {name}", out["psi_noise"], (1 / n + 1 / m) * (k - 1))
    check(f"psi_critical: {name}", out["psi_critical"], (1 / n + 1 / m) * stats.chi2.isf(alpha, k - 1) if k > 1 else 0, 1e-10)


def check_numbers(name, out, reference, current, nulls):
    n, m = len(reference) + nulls[0], len(current) + nulls[1]
    missing = [(np.isnan(v).sum() + z) / t for v, z, t in ((reference, nulls[0], n), (current, nulls[1], m))]
    check(f"null_rate_change: {name}", out["null_rate_change"], missing[1] - missing[0])
    x, y = reference[~np.isnan(reference)], current[~np.isnan(current)]
    if len(x) and len(y):
        check_between(f"ks {name}", out["ks_low"], stats.ks_2samp(x, y, mode="asymp").statistic, out["ks_high"], 1e-12)
        check_between(f"ks order {name}", 0, out["ks_low"], out["ks_high"], 0)
    else:
        check(f"ks_low: {name}", out["ks_low"], math.nan)
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if len(x) and len(y):
        scale = max(np.abs(x).max(), np.abs(y).max())
        # a profile takes values beyond 2^31 times the range of the reference for that far
        is_near = np.abs(y).max() < 1e9 * np.abs(x).max()
        check_between(f"wasserstein {name}", out["wasserstein_low"], stats.wasserstein_distance(x, y),
                      out["wasserstein_high"] if is_near else math.inf, 1e-12 * scale + 1e-308)
        outside = ((y < x.min()) | (y > x.max())).sum() / m
        check(f"out_of_range_rate: {name}", out["out_of_range_rate"], outside)
        sd = x.std()
        if sd > 1e-9 * np.abs(x).max() and is_near:
            check(f"mean_shift: {name}", out["mean_shift"], (y.mean() - x.mean()) / sd, 1e-6, 1e-3 + abs(x.mean() / sd))
    else:
        check(f"wasserstein_low: {name}", out["wasserstein_low"], math.nan)


def compare(name, kind, reference, current, cells=10, nulls=(0, 0)):
    reference, current = np.asarray(reference), np.asarray(current)
    out, table = measure(kind, reference, current, cells, nulls=nulls)
    counts = check_counts(name, kind, table, reference, current, nulls)
    check(f"n_reference: {name}", out["n_reference"], counts[0].sum())
    check(f"n_current: {name}", out["n_current"], counts[1].sum())
    if counts[0].sum() == 0 or counts[1].sum() == 0:
        check(f"psi: {name}", out["psi"], math.nan)
        check(f"p_value: {name}", out["p_value"], math.nan)
        check(f"status: {name}", out["status"], 2)
        return out
    check_distances(name, out, *counts)
    check_test(name, kind, out, *counts)
    if kind == NUMERIC:
        check_numbers(name, out, reference.astype(float), current.astype(float), nulls)
    else:
        seen = set(map(str, reference))
        kept = {row[0] for row in table[:-N_SPECIALS]}
        unseen = 0 if seen - kept else sum(str(v) not in seen for v in current)
        check(f"unseen_rate: {name}", out["unseen_rate"], unseen / counts[1].sum())
        check(f"null_rate_change: {name}", out["null_rate_change"],
              nulls[1] / counts[1].sum() - nulls[0] / counts[0].sum())
    return out


def compare_real_tables():
    loaders = (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_diabetes)
    for load in loaders:
        data = load()
        order = rng.permutation(len(data.data))
        for j, feature in enumerate(data.feature_names):
            column = data.data[:, j]
            name = f"{load.__name__[5:]}.{feature}"
            half = len(column) // 2
            for cells in (5, 10, 20, 100):
                compare(name, NUMERIC, column[order[:half]], column[order[half:]], cells)
            compare(name + " in order", NUMERIC, column[:half], column[half:])
            # by class: real drift
            top = data.target > np.median(data.target)
            if top.any() and not top.all():
                compare(name + " by target", NUMERIC, column[~top], column[top], 20)
        compare(f"{load.__name__[5:]} target", LABEL, data.target[order[:half]].astype(int), data.target[order[half:]].astype(int), 50)
    digits = datasets.load_digits()
    for pixel in range(0, 64, 3):
        column = digits.data[:, pixel]
        compare(f"digits.{pixel}", NUMERIC, column[:1000], column[1000:], 20)
        compare(f"digits.{pixel} as labels", LABEL, column[:1000].astype(int), column[1000:].astype(int), 8)
    compare("digits target", LABEL, digits.target[:1000], digits.target[1000:], 50)


def draw_numbers(n, kind):
    return [lambda: rng.normal(size=n), lambda: rng.lognormal(size=n), lambda: rng.pareto(1.5, n),
            lambda: rng.normal(size=n) * (rng.random(n) < 0.4), lambda: rng.integers(0, 6, n).astype(float),
            lambda: rng.integers(0, 2, n).astype(float), lambda: rng.normal(size=n) * 1e-300,
            lambda: rng.normal(size=n) * 1e150, lambda: rng.uniform(1e6, 1e6 + 1, n),
            lambda: np.round(rng.exponential(3, n), 1)][kind]()


def compare_random(i):
    n, m = (int(rng.choice([1, 2, 7, 30, 200, 1000, 5000])) for _ in range(2))
    kind = i % 10
    x, y = draw_numbers(n, kind), draw_numbers(m, kind)
    choice = rng.integers(5)
    if choice == 1:
        y = y + rng.normal() * max(x.std(), 1e-300)
    elif choice == 2:
        y = y * 1.5
    elif choice == 3:
        for values in (x, y):
            dirty = rng.random(len(values))
            values[dirty < 0.15] = np.nan
            values[dirty < 0.05] = np.inf
            values[dirty < 0.02] = -np.inf
    elif choice == 4:
        y[-1] = 1e6 if kind != 7 else 1e300
    nulls = tuple(int(v) for v in rng.choice([0, 0, 1, 10, 100], 2))
    compare(f"random numbers {i}", NUMERIC, x, y, int(rng.choice([2, 5, 10, 20, 100])), nulls)
    levels = int(rng.choice([1, 2, 3, 10, 60]))
    p, q = rng.dirichlet(np.ones(levels)), rng.dirichlet(np.ones(levels))
    x = rng.choice(levels, n, p=p)
    y = rng.choice(levels, m, p=p if choice < 2 else q) + (levels // 2 if choice == 4 else 0)
    compare(f"random labels {i}", LABEL, x, y, int(rng.choice([2, 5, 50])), nulls)


def compare_edges():
    """Section 1.7 of the rules: what breaks elsewhere."""
    global passed, failed

    def expect(name, ok):
        global passed, failed
        passed, failed = passed + bool(ok), failed + (not ok)
        if not ok:
            print(f"not ok {name}")

    one = np.ones(100)
    normal = rng.normal(size=2000)
    out = compare("constant, equal", NUMERIC, one, one)
    expect("constant, equal: no distance, p = 1",
           out["psi"] == 0 and out["js"] == 0 and out["p_value"] == 1 and out["df"] == 0 and out["wasserstein_high"] == 0)
    out = compare("constant, changed", NUMERIC, one, one + 1)
    expect("constant, changed: tv = js = 1, drift", out["tv"] == 1 and out["js"] == 1 and out["status"] == 1)
    expect("constant, changed: wasserstein", abs(out["wasserstein_low"] - 1) < 1e-9 and abs(out["wasserstein_high"] - 1) < 1e-9)
    expect("constant, changed: shift in no unit", math.isnan(out["mean_shift"]))
    tiny = normal * 1e-6
    out = compare("spread of 1e-6, shifted by 5 of it", NUMERIC, tiny, tiny[:200] + 5e-6)
    expect("spread of 1e-6: drift, shift of 5", out["status"] == 1 and 4.8 < out["mean_shift"] < 5.2)
    out = compare("spread of 1e-300", NUMERIC, normal * 1e-300, normal[:500] * 1e-300 + 1e-300)
    expect("spread of 1e-300: drift", out["status"] == 1)
    shifted = np.append(rng.normal(size=999) + 1, 1e6)
    out = compare("shift and an outlier", NUMERIC, normal, shifted)
    expect("shift and an outlier: not blinded", out["psi"] > 0.8 and out["status"] == 1 and out["ks_low"] > 0.35)
    labels = rng.integers(0, 5, 2000)
    out = compare("one new label in 2000", LABEL, labels, np.append(labels[:1999], 77))
    expect("one new label: finite, quiet, seen", out["status"] == 0 and 0 < out["unseen_rate"] < 0.001 and out["chi2"] < 100)
    out = compare("ten of 200 missing, never before", NUMERIC, rng.integers(0, 2, 100000), rng.integers(0, 2, 190), nulls=(0, 10))
    expect("ten of 200 missing: drift", out["status"] == 1 and out["log10_p"] < -20)
    out = compare("twenty of 200 new, never before", LABEL, rng.integers(0, 2, 100000), np.append(rng.integers(0, 2, 180), np.full(20, 9)))
    expect("twenty of 200 new: drift", out["status"] == 1 and out["log10_p"] < -40)
    out = compare("nothing current", NUMERIC, normal, [])
    expect("nothing current: insufficient", out["status"] == 2)
    compare("nothing in the reference", NUMERIC, [], normal)
    compare("nothing at all", LABEL, np.array([], int), np.array([], int))
    compare("all missing", NUMERIC, normal, np.full(300, np.nan))
    compare("missing in both", NUMERIC, np.full(300, np.nan), np.full(200, np.nan))
    compare("only NULL", NUMERIC, [], [], nulls=(10, 10))
    compare("infinite only", NUMERIC, np.full(300, np.inf), np.full(200, -np.inf))
    compare("one row each", NUMERIC, [1.0], [2.0])
    compare("two by two, no correction", LABEL, np.repeat([0, 1], [40, 60]), np.repeat([0, 1], [60, 40]))
    big = np.repeat([0, 1], [100000, 100000])
    out = compare("p below every double", LABEL, big, np.repeat([0, 1], [180000, 20000]))
    expect("p below every double: logarithm", out["log10_p"] < -10000 and out["p_value"] == 5e-324)
    compare("100000 labels", LABEL, rng.permutation(100000), rng.permutation(100000)[:5000], 1000)
    integers = rng.integers(0, 6, 3000).astype(float)
    out = compare("whole numbers", NUMERIC, integers, rng.integers(0, 7, 3000).astype(float), 10)
    expect("whole numbers: KS is a point", abs(out["ks_high"] - out["ks_low"]) < 1e-12)


compare_edges()
compare_real_tables()
for number in range(repeat):
    compare_random(number)
cli.stdin.close()
failed += cli.wait() != 0
print("tests: {scipy} on all cells, {merged} with merged cells, {fisher} of rare ones".format(**n_tests))
print("largest relative differences:", ", ".join(f"{k} {v:.1e}" for k, v in sorted(largest.items()) if v > 0))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
