#!/bin/bash
# Run test layers in a private copy of tree and installation; called by run.sh.
# Each layer prints lines "N passed, N failed", perhaps after "name: "; their sum ends the output.
set -u
passed=0 failed=0
pgxs_test=$(dirname "$(pg_config --pgxs)")/../test
bindir=$(pg_config --bindir)

# count LAYER FILE STATUS: add the layer's lines.  No line at all, or a bad exit
# without a failed test, is a failure.
count() {
	local p f
	read -r p f < <(grep -E '^([a-z_]+: )?[0-9]+ passed, [0-9]+ failed' "$2" | sed -E 's/^[a-z_]+: //' |
		awk '{ p += $1; f += $3 } END { print p + 0, f + 0 }')
	if [ "$f" -eq 0 ] && { [ "$p" -eq 0 ] || [ "$3" -ne 0 ]; }; then f=1; fi
	passed=$((passed + p)) failed=$((failed + f))
	echo "== $1: $p passed, $f failed ($SECONDS s)"
}

# tests FOLDER SUFFIX: names of the tests there
tests() { (cd "$1" && ls -- *"$2" 2> /dev/null) | sed "s/$2\$//" | sort; }

# regress LOG DIFFS COMMAND...: pg_regress speaks its own language up to 15 and TAP later.
regress() {
	local log=$1 diffs=$2
	shift 2
	"$@" > "$log" 2>&1
	local status=$?
	grep -vE '^(test .*\.\.\. ok|ok )' "$log"
	[ -s "$diffs" ] && cat "$diffs"
	echo "$(grep -cE '\.\.\. ok|^ok ' "$log") passed, $(grep -cE '\.\.\. FAILED|^not ok' "$log") failed"
	return $status
}

# check_logs FOLDER...: the servers' logs, in those that exist, do not say that something went wrong inside one.
check_logs() {
	local folders
	folders=$(ls -d "$@" 2> /dev/null)
	[ -n "$folders" ] && grep -rhE --include='*.log' 'PANIC: |^TRAP: | cache lookup failed|(refcount|reference|file) leak: |resource was not closed|write past chunk end|problem in alloc set|AddressSanitizer|runtime error: ' $folders
	if [ $? -eq 1 ] && [ -n "$folders" ]; then echo "logs: 1 passed, 0 failed"; else echo "logs: 0 passed, 1 failed"; fi
}

run_lint() { bash test/lint/lint.sh; }
run_unit() { make -s -j"$(nproc)" unit; }
run_fuzz() { make -s -k -j"$(nproc)" fuzz-smoke; }
run_interop() { make -s -k interop; }
run_identity() { make -s identity; }
run_models() { /usr/bin/python3 test/interop/exchange_test.py write "$MLOPS_EXCHANGE"; }
run_exchange() { /usr/bin/python3 test/interop/exchange_test.py read "$MLOPS_EXCHANGE"; }

# sql_tests LAYER ARGUMENT...: tests of test/sql in a server of their own
sql_tests() {
	local layer=$1
	shift
	rm -rf log regression.diffs
	regress "$layer.log" regression.diffs "$pgxs_test/regress/pg_regress" --bindir="$bindir" \
		--inputdir=test --dbname=regress_mlops --temp-instance="$TMPDIR/$layer" \
		--no-locale --encoding=UTF8 --temp-config=test/conf/mlops.conf --load-extension=mlops "$@"
	local status=$?
	check_logs log
	return $status
}

run_sql() { sql_tests sql $(tests test/sql .sql); }

# Caches forget whenever they may: for a server with assertions, and slow.
run_discard() { sql_tests discard --temp-config=test/conf/discard.conf registry import predict predict_session references; }

run_isolation() {
	regress isolation.log output_iso/regression.diffs "$pgxs_test/isolation/pg_isolation_regress" \
		--bindir="$bindir" --inputdir=test/isolation --outputdir=output_iso --dbname=isolation_mlops \
		--temp-instance="$TMPDIR/iso" --no-locale --encoding=UTF8 --temp-config=test/conf/mlops.conf --load-extension=mlops \
		$(tests test/isolation/specs .spec)
	local status=$?
	check_logs output_iso/log
	return $status
}

run_tap() {
	PERL5LIB="$pgxs_test/perl:$PWD/test/perl:${PERL5LIB:-}" PG_REGRESS="$pgxs_test/regress/pg_regress" \
		TESTDIR="$PWD" TESTDATADIR="$TMPDIR/tap" TESTLOGDIR="$TMPDIR/tap/log" \
		prove --verbose --timer --jobs $((2 * $(nproc))) test/t/*.pl > tap.log 2>&1
	local status=$?
	grep -E '\.\. *$|^# |^ *not ok|^Files=|^Result|Dubious|Wstat|Parse errors|Bad plan|\) *ok |died| at [^ ]+ line [0-9]+\.$' tap.log
	echo "$(grep -cE '^ok [0-9]' tap.log) passed, $(grep -cE '^not ok [0-9]' tap.log) failed"
	# PostgreSQL 15 knows one folder, later versions two
	check_logs "$TMPDIR/tap/log" tmp_check/log
	return $status
}

run_bench() { make -s "${BENCH:-bench-all}"; }
run_demo() { bash demo/demo.sh; }
run_soak() { make -s soak-run; }

for layer in "$@"; do
	if [ "$layer" = demo ] || [ "$layer" = bench ] || [ "$layer" = soak ]; then
		"run_$layer"
		exit
	fi
	"run_$layer" > "$TMPDIR/$layer.out" 2>&1
	status=$?
	tail -n 200 "$TMPDIR/$layer.out"
	count "$layer" "$TMPDIR/$layer.out" "$status"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
