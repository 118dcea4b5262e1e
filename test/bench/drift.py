#!/usr/bin/python3
"""False alarms and power of the rule of mlops.drift, beside those of Evidently and NannyML.

Usage: drift.py [windows [path of drift_cli]].  The rules of the others are our own code for what
their defaults say:
Evidently  more than 1,000 reference rows: Wasserstein distance / standard deviation >= 0.1 for
           numbers, Jensen-Shannon distance (natural logarithm) >= 0.1 for labels; else p <= 0.05 of
           Kolmogorov and Smirnov, p < 0.05 of a goodness-of-fit chi-squared test.
NannyML    Jensen-Shannon distance (base 2; numbers in Doane's bins of the reference) above its mean
           over ten chunks of the reference, each as large as a window, plus 3 standard deviations.
           Its reference are these ten chunks.
Ends with an error when our rule misses a target.
"""
import math
import subprocess
import sys

import numpy as np
from scipy import spatial, stats

NUMERIC, LABEL = 1, 2
SEED = 20260501
SIZES = (30, 100, 200, 500, 2000, 20000)
ALPHA, THRESHOLD = 0.01, 0.1
REFERENCES = 20  # independent references, with an equal share of the windows each

n_windows = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
program = sys.argv[2] if len(sys.argv) > 2 else "build/drift_bench"
rng = np.random.default_rng(SEED)
missed = []


class Rule:
    """Our program, which stays open."""

    def __init__(self):
        self.cli = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def measure(self, kind, reference, windows, baseline=()):
        dtype = np.float64 if kind == NUMERIC else np.int32
        windows = np.asarray(windows, dtype)
        if len(windows) > 50:  # answers must fit into the pipe while windows are written
            return [m for i in range(0, len(windows), 50) for m in self.measure(kind, reference, windows[i:i + 50], baseline)]
        cells = 10 if kind == NUMERIC else 50
        head = [kind, cells, len(reference), len(baseline), windows.shape[1], len(windows), ALPHA, THRESHOLD, 0, 0]
        self.cli.stdin.write((" ".join(map(str, head)) + "\n").encode() + np.asarray(reference, dtype).tobytes() +
                             np.asarray(baseline, dtype).tobytes() + windows.tobytes())
        self.cli.stdin.flush()
        out = []
        while len(out) < len(windows):
            fields = self.cli.stdout.readline().split()
            assert fields, "drift_cli ended"
            out.append({k.decode(): float(v) for k, v in zip(fields[::2], fields[1::2])})
        if len(windows) == 1:
            while self.cli.stdout.readline().strip():
                pass
        return out

    def drifts(self, *args):
        return np.array([m["status"] == 1 for m in self.measure(*args)])


def shares(values, levels):
    return np.bincount(values, minlength=levels) / len(values)


def evidently(kind, reference, windows):
    if kind == NUMERIC and len(reference) > 1000:
        sd = max(reference.std(), 0.001)
        return np.array([stats.wasserstein_distance(reference, w) / sd >= 0.1 for w in windows])
    if kind == NUMERIC:
        return np.array([stats.ks_2samp(reference, w).pvalue <= 0.05 for w in windows])
    levels = max(reference.max(), windows.max()) + 1
    p = shares(reference, levels)
    if len(reference) > 1000:
        return np.array([spatial.distance.jensenshannon(p, shares(w, levels)) >= 0.1 for w in windows])
    used = p > 0
    return np.array([stats.chisquare(np.bincount(w, minlength=levels)[used], p[used] * len(w)).pvalue < 0.05
                     if shares(w, levels)[~used].sum() == 0 else True for w in windows])


def nannyml(kind, reference, windows):
    m = windows.shape[1]
    if kind == NUMERIC:
        edges = np.histogram_bin_edges(reference, "doane")

        def cells(values):
            inside = np.histogram(values, edges)[0]
            return np.append(inside, len(values) - inside.sum()) / len(values)
    else:
        levels = max(reference.max(), windows.max()) + 1

        def cells(values):
            return shares(values, levels)
    p = cells(reference)
    distance = [spatial.distance.jensenshannon(p, cells(chunk), base=2) for chunk in reference.reshape(-1, m)]
    limit = np.mean(distance) + 3 * np.std(distance)
    return np.array([spatial.distance.jensenshannon(p, cells(w), base=2) > limit for w in windows])


def draw(kind, shape, shift=0.0):
    if kind == NUMERIC:
        return rng.normal(shift, 1, shape)
    p = 1 / np.arange(1, 11)
    return rng.choice(10, shape, p=p / p.sum())


def actions(drifted):
    """Windows that are the second of two in a row."""
    return np.append(False, drifted[1:] & drifted[:-1])


def percent(flags):
    return f"{100 * np.mean(flags):6.2f}"


def demand(what, value, limit, at_most=True):
    if value > limit if at_most else value < limit:
        missed.append(f"{what}: {value:.4f}, target {limit}")


def false_alarms(rule, n):
    print(f"\nClean windows, {n} reference rows: share of windows with drift, in percent")
    print("kind    rows |  mlops  two in a row  insufficient | Evidently  NannyML")
    per_reference = max(n_windows // REFERENCES, 1)
    for kind in (NUMERIC, LABEL):
        for m in SIZES:
            ours, second, insufficient, theirs, chunks = [], [], [], [], []
            for _ in range(REFERENCES):
                reference, windows = draw(kind, n), draw(kind, (per_reference, m))
                measures = rule.measure(kind, reference, windows)
                drifted = np.array([x["status"] == 1 for x in measures])
                ours.append(drifted)
                second.append(actions(drifted))
                insufficient.append([x["status"] == 2 for x in measures])
                theirs.append(evidently(kind, reference, windows))
                chunks.append(nannyml(kind, draw(kind, 10 * m), windows))
            print(f"{'numbers' if kind == NUMERIC else 'labels ':7}{m:6} | {percent(ours)}        {percent(second)}"
                  f"        {percent(insufficient)} |   {percent(theirs)}   {percent(chunks)}", flush=True)
            name = f"clean, n = {n}, kind {kind}, {m} rows"
            demand(name, np.mean(ours), 0.03)
            demand(name + ", two in a row", np.mean(second), 0.001)


def many_columns(rule):
    """One check of 20 clean columns, p adjusted for their number."""
    print("\nClean checks of 20 columns (10 of numbers, 10 of labels): share with any drift, in percent")
    for m in (100, 500):
        found = []
        for _ in range(max(n_windows // 10, 1)):
            columns = []
            for i in range(20):
                kind = NUMERIC if i < 10 else LABEL
                columns += rule.measure(kind, draw(kind, 2000), draw(kind, (1, m)))
            p = np.array([c["p_value"] for c in columns])
            order = np.argsort(p)
            adjusted = np.empty(20)
            adjusted[order] = np.minimum.accumulate((p[order] * 20 / np.arange(1, 21))[::-1])[::-1]
            found.append(any(a < ALPHA and c["psi"] >= max(THRESHOLD, c["psi_critical"]) for a, c in zip(adjusted, columns)))
        print(f"{m:6} rows: {percent(found)}", flush=True)
        demand(f"20 columns of {m} rows", np.mean(found), 0.03)


def power(rule):
    print("\nShifted windows: share with drift, in percent")
    print("shift   rows  reference |  mlops | Evidently  NannyML   target")
    for shift, m, target in ((1, 30, 0), (1, 100, 0.95), (0.5, 100, 0), (0.5, 200, 0.95), (0.5, 500, 0), (0.35, 500, 0)):
        for n in (2000, 20000):
            ours, theirs, chunks = [], [], []
            for _ in range(REFERENCES):
                reference = draw(NUMERIC, n)
                windows = draw(NUMERIC, (max(n_windows // REFERENCES, 1), m), shift)
                ours.append(rule.drifts(NUMERIC, reference, windows))
                theirs.append(evidently(NUMERIC, reference, windows))
                chunks.append(nannyml(NUMERIC, draw(NUMERIC, 10 * m), windows))
            print(f"{shift:5} {m:6} {n:10} | {percent(ours)} |   {percent(theirs)}   {percent(chunks)}   "
                  f"{target or ''}", flush=True)
            demand(f"shift {shift}, {m} rows, n = {n}", np.mean(ours), target, at_most=False)


def season(rule):
    """Hourly windows of 500 rows with a daily cycle of half a standard deviation."""
    hours = max(n_windows, 24 * 9)
    phase = 0.5 * np.sin(2 * np.pi * np.arange(hours) / 24)
    windows = rng.normal(0, 1, (hours, 500)) + phase[:, None]
    reference = rng.normal(0, 1, 20000) + np.resize(phase[:24], 20000)
    plain = rule.drifts(NUMERIC, reference, windows)
    # with season => '1 day': against the same hour of the seven days before
    by_phase = np.array([rule.drifts(NUMERIC, reference, windows[i:i + 1], windows[i - 24 * 7:i:24].ravel())[0]
                         for i in range(24 * 7, hours)])
    before = np.array([by_phase[i] and by_phase[i - 1] for i in range(1, len(by_phase))])
    print("\nHourly windows of 500 rows with a daily cycle of 0.5 standard deviations, in percent")
    print(f"against the training rows: {percent(plain)}, two in a row {percent(actions(plain))}")
    print(f"against the same hour of 7 days: {percent(by_phase)}, two in a row {percent(before)}", flush=True)
    demand("season", np.mean(by_phase), 0.03)
    demand("season, two in a row", np.mean(before), 0.001)


def draw_clusters(n_entities, rows_each):
    centre = rng.normal(0, 1, n_entities)
    return np.repeat(centre, rows_each) + rng.normal(0, 0.1, n_entities * rows_each)


def clusters(rule):
    """Windows of 100 entities with 20 rows each, which are nearly the same."""
    plain, once, second, second_plain = [], [], [], []
    for _ in range(REFERENCES):
        reference = draw_clusters(2000, 20)
        windows = np.array([draw_clusters(100, 20) for _ in range(max(n_windows // REFERENCES, 1))])
        plain.append(rule.drifts(NUMERIC, reference, windows))
        once.append(rule.drifts(NUMERIC, reference[::20], windows[:, ::20]))
        second.append(actions(once[-1]))
        second_plain.append(actions(plain[-1]))
    print("\nWindows of 100 entities, 20 rows each, in percent")
    print(f"all rows: {percent(plain)}, two in a row {percent(second_plain)}")
    print(f"each entity once (sample_key): {percent(once)}, two in a row {percent(second)}", flush=True)
    demand("sample_key", np.mean(once), 0.03)
    demand("sample_key, two in a row", np.mean(second), 0.001)


def concept(rule):
    """SEA (Street and Kim, 2001): the label follows x1 + x2 <= theta, and theta changes; inputs do not."""
    reference = rng.uniform(0, 10, (20000, 3))
    found = []
    for _ in range(n_windows):
        window = rng.uniform(0, 10, (500, 3))
        found.append(any(rule.drifts(NUMERIC, reference[:, j], window[None, :, j])[0] for j in range(3)))
    print(f"\nSEA, inputs of 500 rows after the concept has changed: drift in {percent(found)} percent of windows")
    demand("SEA", np.mean(found), 0.03)


ours_rule = Rule()
print(f"seed {SEED}, {n_windows} windows a line, threshold {THRESHOLD}, alpha {ALPHA}")
for rows in (2000, 20000):
    false_alarms(ours_rule, rows)
many_columns(ours_rule)
power(ours_rule)
season(ours_rule)
clusters(ours_rule)
concept(ours_rule)
for line in missed:
    print("MISSED", line)
sys.exit(bool(missed))
