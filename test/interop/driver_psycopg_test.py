#!/usr/bin/python3
"""Predictions through psycopg 3, which sends text without a type; run by driver_test.py with socket folder and port."""
import json
import sys

import psycopg

passed = failed = 0


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"not ok psycopg {name} {detail}")


def object_text(row):
    return json.dumps({"city": row[4], "ok": row[3], "b": row[2], "a": row[1], "more": [1]})


def compare(name, rows, predict):
    """Every row's prediction must be libxgboost's, to the last bit."""
    wrong = [(row[0], predict(row), row[-1]) for row in rows if predict(row) != row[-1]]
    check(name, not wrong, wrong[:3])


def sqlstate(conn, sql, *parameters):
    try:
        conn.execute(sql, parameters)
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test(conn):
    rows = conn.execute("SELECT id, a, b, ok, city, expected FROM row_mixed ORDER BY id").fetchall()
    vectors = conn.execute("SELECT id, v, expected FROM row_number ORDER BY id").fetchall()

    def ask(sql, *parameters, **options):
        return conn.execute(sql, parameters, **options).fetchone()[0]

    compare("untyped object", rows, lambda r: ask("SELECT mlops.predict(%s, %s)", "driver", object_text(r)))
    compare("jsonb object", rows, lambda r: ask("SELECT mlops.predict(%s, %s::jsonb)", "driver", object_text(r)))
    compare("typed parameters", rows, lambda r: ask(
        "SELECT mlops.predict(%s, %s::int, %s::float8, %s::boolean, %s::text)", "driver", *r[1:5]))
    compare("typed function", rows, lambda r: ask("SELECT driver_score(%s, %s, %s, %s)", *r[1:5]))
    compare("typed function, all untyped", rows, lambda r: ask(
        "SELECT driver_score(%s, %s, %s, %s)", *(None if v is None else str(v) for v in r[1:5])))
    compare("array", vectors, lambda r: ask("SELECT mlops.predict(%s, %s::float8[])", "driver_number", r[1]))
    compare("array in binary", vectors, lambda r: ask("SELECT mlops.predict(%s, %b::float8[])", "driver_number", r[1], binary=True))
    compare("binary parameters and result", rows, lambda r: ask("SELECT driver_score(%b, %b, %b, %b)", *r[1:5], binary=True)
            if None not in r[1:5] else r[-1])
    compare("prepared", rows, lambda r: ask("SELECT mlops.predict(%s, %s) + 0", "driver", object_text(r), prepare=True))
    compare("prepared typed function", rows, lambda r: ask("SELECT driver_score(%s, %s, %s, %s) + 0",
            *(None if v is None else str(v) for v in r[1:5]), prepare=True))
    generic = conn.execute("SELECT count(*) FROM pg_prepared_statements WHERE generic_plans > 0 AND statement ~ '[+] 0'").fetchone()[0]
    check("both came to a generic plan", generic == 2, generic)

    check("no object, no answer", ask("SELECT mlops.predict(%s, %s)", "driver", None) is None)
    check("JSON null, no answer", ask("SELECT mlops.predict(%s, %s)", "driver", "null") is None)
    check("class of a regression", sqlstate(conn, "SELECT mlops.predict_class(%s, %s)", "driver", object_text(rows[0])) == "42809")
    check("missing member", sqlstate(conn, "SELECT mlops.predict(%s, %s)", "driver", '{"a": 1}') == "ML004")
    check("no JSON", sqlstate(conn, "SELECT mlops.predict(%s, %s)", "driver", "Oslo") == "ML004")
    check("no model", sqlstate(conn, "SELECT mlops.predict(%s, %s)", "absent", "{}") == "ML001")

    conn.execute("CREATE TEMP TABLE scored AS SELECT id, expected, NULL::float8 AS p FROM row_mixed LIMIT 0")
    conn.execute("INSERT INTO scored SELECT id, expected, mlops.predict(%s, r) FROM row_mixed r", ["driver"])
    check("batch", ask("SELECT count(*) FILTER (WHERE p = expected) FROM scored") == len(rows))
    with conn.pipeline():
        cursors = [conn.execute("SELECT mlops.predict(%s, %s)", ["driver", object_text(r)]) for r in rows]
    check("pipeline", [c.fetchone()[0] for c in cursors] == [r[-1] for r in rows])
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO scored SELECT %s, %s, mlops.predict(%s, %s)",
                           [(r[0], r[-1], "driver", object_text(r)) for r in rows])
    check("executemany", ask("SELECT count(*) FILTER (WHERE p = expected) FROM scored") == 2 * len(rows))


with psycopg.connect(host=sys.argv[1], port=sys.argv[2], user="analyst", dbname="postgres", autocommit=True) as connection:
    try:
        test(connection)
    except Exception as error:  # what stops the test is a failed test
        check("test", False, repr(error))
print(f"psycopg: {passed} passed, {failed} failed")
sys.exit(failed > 0)
