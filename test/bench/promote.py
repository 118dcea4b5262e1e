#!/usr/bin/python3
"""Forty retrainings without any drift: how many challengers are promoted, and is one of them worse?

Usage: promote.py [ROUNDS [ROWS [SEED]]]; a binary target with noise, no drift at all.

Before each round a quarter of the rows gives way to new ones of the same distribution, and an event (a made-up window)
has the champion retrained and compared.  What a promotion is worth is measured on 200,000 rows that no version ever saw.
Beside it, what other rules would have done with the same figures: "not worse on the hold-out", and "better on the
challenger's own training rows".  Fails when more than two are promoted, or one that is worse.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))

from cluster import cluster

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
ROWS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 20261127
FRESH = 200_000

# y by a logistic model of four features with an interaction; hash functions make rows that depend on the id alone.
ROWS_SQL = """SELECT id, a, b, c, d, 1 / (1 + exp(-(3 * a - 2 * b + 2 * a * c - 1))) > e AS y
    FROM (SELECT i AS id, u(i, 1) AS a, u(i, 2) AS b, u(i, 3) AS c, u(i, 4) AS d, u(i, 5) AS e
          FROM generate_series(%s::bigint, %s::bigint) i) r"""


def losses(conn, versions, table, unseen_only):
    """Log loss and paired interval of the second version against the first, on all rows of a table."""
    query = "SELECT value, ci_low, ci_high FROM mlops.compare(%s, %s, 'y', %s) WHERE metric = 'log_loss' ORDER BY version = %s"
    return conn.execute(query, [[f"m/{v}" for v in versions], f"SELECT * FROM {table}", unseen_only, f"m/{versions[1]}"]).fetchall()


def retrain(admin, number, champion):
    """One event; returns its row when it is over."""
    admin.execute("INSERT INTO mlops.drift_window (monitor, version, window_start, window_end, closed_at, evaluated_at, status, streak)"
                  " SELECT 'm', %s, t, t + interval '1 hour', now(), now(), 'drift', 2"
                  " FROM (SELECT timestamptz '2026-01-01' + make_interval(hours => %s) AS t) w", [champion, number])
    admin.execute("INSERT INTO mlops.drift_measure (monitor, version, window_start, role, name, status, streak)"
                  " SELECT 'm', %s, timestamptz '2026-01-01' + make_interval(hours => %s), 'dataset', '', 'drift', 2", [champion, number])
    for _ in range(1200):
        admin.execute("SELECT mlops.tick()")
        row = admin.execute("SELECT id, outcome, outcome_reason, new_version, difference, difference_low, n FROM mlops.drift_event"
                            " WHERE version = %s AND window_start = timestamptz '2026-01-01' + make_interval(hours => %s)"
                            " AND outcome NOT IN ('pending', 'queued', 'comparing')", [champion, number]).fetchone()
        if row:
            admin.execute("UPDATE mlops.drift_event SET closed_at = now() WHERE id = %s", [row[0]])
            return row
        time.sleep(0.1)
    raise SystemExit("the event does not end")


def main():
    print(f"seed {SEED}, {ROUNDS} retrainings on {ROWS} rows, judged on {FRESH} fresh ones")
    promoted, worse, not_worse, own_rows = [], 0, 0, 0
    with cluster(54337, max_worker_processes=8, mlops__monitor_interval=1) as connect:
        admin, analyst = connect(), connect("analyst")
        admin.execute(f"CREATE FUNCTION u(i bigint, k int) RETURNS float8 LANGUAGE sql IMMUTABLE AS"
                      f" $$ SELECT (hashint8extended(i, {SEED} + k) & 1073741823) / 1073741824.0::float8 $$")
        analyst.execute("CREATE TABLE sample AS " + ROWS_SQL, [1, ROWS])
        analyst.execute("CREATE TABLE fresh AS " + ROWS_SQL, [10**9 + 1, 10**9 + FRESH])
        analyst.execute("CALL mlops.train_wait('m', 'SELECT * FROM sample', 'y', key => '{id}', num_boost_round => 30,"
                        " params => '{\"max_depth\": 3, \"eta\": 0.2}')")
        admin.execute("INSERT INTO mlops.monitor (name, model, relation, window_size, owner, action, cooldown, daily_limit)"
                      " VALUES ('m', 'm', 'sample', '1 hour', 'analyst', 'retrain_and_promote', '0', 100000)")
        admin.execute("INSERT INTO mlops.monitor_state (monitor) VALUES ('m')")
        champion, step = 1, ROWS // 4
        for number in range(1, ROUNDS + 1):
            analyst.execute("DELETE FROM sample WHERE id IN (SELECT id FROM sample ORDER BY id LIMIT %s)", [step])
            analyst.execute("INSERT INTO sample " + ROWS_SQL, [ROWS + (number - 1) * step + 1, ROWS + number * step])
            _, outcome, reason, version, difference, low, n = retrain(admin, number, champion)
            if difference is None:
                raise SystemExit(f"event {number}: {outcome}: {reason}")
            base, value = losses(analyst, (champion, version), "fresh", False)
            gain = base[0] - value[0]
            own = losses(analyst, (champion, version), "sample", False)
            not_worse += difference >= 0
            own_rows += own[0][0] - own[1][0] > 0
            print(f"  {number:2}: {outcome:9} difference {difference:+.5f} at least {low:+.5f} (n = {n}); on fresh rows {gain:+.5f}", flush=True)
            if outcome == "promoted":
                promoted.append(gain)
                worse += value[1] > 0       # significantly more log loss than the champion
                champion = version
    print(f"promoted {len(promoted)} of {ROUNDS}: gains on fresh rows {', '.join(f'{g:+.5f}' for g in promoted) or 'none'}; worse: {worse}")
    print(f"'not worse on the hold-out' would have promoted {not_worse}, 'better on its own training rows' {own_rows}")
    if len(promoted) > 2 or worse or any(g < 0 for g in promoted):
        raise SystemExit("more than two, or one that is worse")


main()
