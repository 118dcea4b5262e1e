#!/usr/bin/python3
"""Print special_values.h: tail probabilities by SciPy, and by exact sums where SciPy underflows.

Usage: special_values.py > special_values.h
"""
import math
from decimal import Decimal, getcontext

import numpy as np
from scipy import special, stats

getcontext().prec = 60


def log_gamma_q(a, x):
    """log Q(a, x): exact sum for integers, the normal tail for 1/2, else SciPy's gammaincc."""
    if a == int(a) and a <= 2000:
        term = total = Decimal(1)
        for k in range(1, int(a)):
            term *= Decimal(x) / k
            total += term
        return float(total.ln() - Decimal(x))
    if a == 0.5:
        return math.log(2) + float(special.log_ndtr(-math.sqrt(2 * x)))
    q = float(special.gammaincc(a, x))
    if q == 0:
        return -math.inf
    return math.log(q) if q < 0.5 else math.log1p(-float(special.gammainc(a, x)))


def log_fisher(x, marked, drawn, total):
    ways = sum(math.comb(marked, i) * math.comb(total - marked, drawn - i)
               for i in range(x, min(marked, drawn) + 1) if 0 <= drawn - i <= total - marked)
    return float((Decimal(ways) / Decimal(math.comb(total, drawn))).ln()) if ways else -math.inf


def c(number):
    return "-INFINITY" if number == -math.inf else repr(float(number))


rng = np.random.default_rng(5)
print("/* made by special_values.py */\nstatic const double log_gamma_q_values[][3] = {")
for a in (0.5, 1, 1.5, 2, 2.5, 4.5, 9.5, 10, 12, 24.5, 49.5, 50, 250, 499.5, 1000, 25000.5):
    for ratio in (1e-8, 1e-3, 0.1, 0.5, 0.9, 0.99, 1, 1.01, 1.1, 1.5, 2, 3, 10, 100):
        x = a * ratio
        value = log_gamma_q(a, x)
        if a != int(a) and a != 0.5 and value < -640:
            continue  # SciPy's number is denormal there
        print(f"\t{{{c(a)}, {c(x)}, {c(value)}}},")
print("};\n\n/* alpha, df, x */\nstatic const double chi2_critical_values[][3] = {")
for alpha in (0.5, 0.05, 0.01, 0.001, 1e-6, 1e-100, 0.99):
    for df in (1, 2, 3, 9, 19, 49, 255, 1023):
        print(f"\t{{{c(alpha)}, {c(df)}, {c(stats.chi2.isf(alpha, df))}}},")
print("};\n\n/* x, marked, drawn, total, log P */\nstatic const double fisher_values[][5] = {")
cases = [(0, 3, 5, 10), (1, 1, 200, 2200), (1, 1, 30, 2030), (10, 10, 200, 100200), (20, 20, 200, 100200),
         (3, 5, 5, 8), (5, 5, 5, 10), (6, 5, 5, 10), (2, 8, 5, 10), (3, 8, 5, 10), (4, 8, 5, 10)]
for _ in range(60):
    total = int(rng.integers(2, 3000))
    marked, drawn = (int(v) for v in rng.integers(1, total + 1, 2))
    cases.append((int(rng.integers(0, min(marked, drawn) + 1)), marked, drawn, total))
for case in cases:
    print("\t{" + ", ".join(map(str, case)) + f", {c(log_fisher(*case))}}},")
print("};")
