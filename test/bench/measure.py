"""Measuring: CPU time of processes, and works that alternate with their reference."""
import os
import statistics
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid, inherited=False):
    """User and system seconds of a process, or of its children that have ended."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    first = 13 if inherited else 11
    return (int(fields[first]) + int(fields[first + 1])) / TICKS


def time_work(work):
    """Wall-clock seconds of one call."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


def alternate(works, repeats, measure=time_work):
    """Run each of {name: work} in turn, "repeats" times; return {name: figures}."""
    figures = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            figures[name].append(measure(work))
    return figures


def print_ratios(title, figures, reference, unit, scale=1.0, faster_is_less=True):
    """One line per work: median, least and greatest figure, and how many times as fast as the reference."""
    print(f"\n{title}")
    print(f"  {'work':44} {'median':>10} {'least':>10} {'greatest':>10} {unit:10} ratio to {reference}")
    base = statistics.median(figures[reference])
    for name, values in figures.items():
        middle = statistics.median(values)
        ratio = base / middle if faster_is_less else middle / base
        pairs = [(r / v if faster_is_less else v / r) for v, r in zip(values, figures[reference])]
        print(f"  {name:44} {middle * scale:10.3f} {min(values) * scale:10.3f} {max(values) * scale:10.3f} {unit:10} "
              f"{ratio:6.2f}  ({min(pairs):.2f} to {max(pairs):.2f})", flush=True)
