#!/bin/bash
# Run test layers in a private copy of tree and installation; called by run.sh.
# Each layer prints its own "N passed, N failed" and the sum ends the output.
set -u
passed=0 failed=0
pgxs_test=$(dirname "$(pg_config --pgxs)")/../test
bindir=$(pg_config --bindir)

# count LAYER FILE: add the last "N passed, N failed" of the output; none is a failure.
count() {
	local line p f
	line=$(grep -oE '[0-9]+ passed, [0-9]+ failed' "$2" | tail -n 1)
	if [ -z "$line" ]; then p=0 f=1; else p=${line%% *} f=${line#*, } f=${f%% *}; fi
	passed=$((passed + p)) failed=$((failed + f))
	echo "== $1: $p passed, $f failed ($SECONDS s)"
}

# Sum of TAP-like results of pg_regress: "ok" and "FAILED" of 15, "ok" and "not ok" later.
sum_regress() {
	local p f
	p=$(grep -cE '^(test .*\.\.\. ok|ok [0-9])|^     .*\.\.\. ok' "$1")
	f=$(grep -cE '\.\.\. FAILED|^not ok' "$1")
	echo "$p passed, $f failed" >> "$1"
}

run_lint() { bash test/lint/lint.sh; }
run_unit() { make -s unit; }
run_interop() { make -s interop; }

run_sql() {
	local tests
	tests=$(cd test/sql && ls *.sql 2> /dev/null | sed 's/\.sql$//' | sort)
	"$pgxs_test/regress/pg_regress" --bindir="$bindir" --inputdir=test --dbname=regress_mlops \
		--temp-instance="$TMPDIR/sql" --temp-config=test/conf/mlops.conf --load-extension=mlops $tests > sql.log 2>&1
	sum_regress sql.log
	[ -s regression.diffs ] && cat regression.diffs >> sql.log
	cat sql.log
	tail -n 1 < <(grep -E 'passed, [0-9]+ failed' sql.log)
}

run_isolation() {
	local tests
	tests=$(cd test/isolation/specs && ls *.spec 2> /dev/null | sed 's/\.spec$//' | sort)
	"$pgxs_test/isolation/pg_isolation_regress" --bindir="$bindir" --inputdir=test/isolation \
		--outputdir=output_iso --dbname=isolation_mlops --temp-instance="$TMPDIR/iso" \
		--temp-config=test/conf/mlops.conf --load-extension=mlops $tests > isolation.log 2>&1
	sum_regress isolation.log
	[ -s output_iso/regression.diffs ] && cat output_iso/regression.diffs >> isolation.log
	cat isolation.log
	tail -n 1 < <(grep -E 'passed, [0-9]+ failed' isolation.log)
}

run_tap() {
	PERL5LIB="$pgxs_test/perl:$PWD/test/perl:${PERL5LIB:-}" PG_REGRESS="$pgxs_test/regress/pg_regress" \
		TESTDATADIR="$TMPDIR/tap" TESTLOGDIR="$TMPDIR/tap/log" \
		prove --verbose --timer --jobs 2 test/t/ > tap.log 2>&1
	local status=$?
	grep -E '^\[|\.\. |^# |not ok|^Files=|^Result' tap.log
	echo "$(grep -cE '^ok ' tap.log) passed, $(($(grep -cE '^not ok ' tap.log) + (status != 0 && $(grep -cE '^not ok ' tap.log) == 0))) failed"
}

run_bench() { make -s bench-all; }
run_demo() { bash demo/demo.sh; }

for layer in "$@"; do
	if [ "$layer" = demo ] || [ "$layer" = bench ]; then
		"run_$layer"
		exit
	fi
	"run_$layer" > "$TMPDIR/$layer.out" 2>&1
	grep -vE '^(test .*ok|ok )' "$TMPDIR/$layer.out" | tail -n 150
	count "$layer" "$TMPDIR/$layer.out"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
