#!/bin/bash
# Run test layers on several releases of Debian at the same time, see platform.sh, and
# have all of them and this machine predict with each other's models:
#     test/platforms.sh "SUITE..." LAYER...
#
# A release whose folder cannot be had here is left out with a line that says so.
# Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 2

suites=${1:?usage: test/platforms.sh \"SUITE...\" LAYER...}
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
left_out=

# Everybody writes there, each platform as its own user postgres.
chmod 755 "$work"
export MLOPS_EXCHANGE=$work/exchange
mkdir -m 1777 "$MLOPS_EXCHANGE"

# report NAME STATUS: show what it printed and add its sum.  No sum is a failure.
report() {
	local p f
	if [ "$2" -eq 77 ]; then
		echo "== $1: left out: $(tail -n 1 "$work/$1.log")"
		left_out="$left_out $1 "
		return
	fi
	cat "$work/$1.log"
	read -r p f < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$work/$1.log")
	if [ -z "${f:-}" ] || { [ "$f" -eq 0 ] && [ "$2" -ne 0 ]; }; then p=0 f=1; fi
	passed=$((passed + p)) failed=$((failed + f))
	echo "== $1: $p passed, $f failed"
}

# everywhere LAYER...: on each release, at the same time
everywhere() {
	local suite
	local -A process=()
	for suite in $suites; do
		case $left_out in *" $suite "*) continue ;; esac
		test/platform.sh "$suite" "$@" > "$work/$suite.log" 2>&1 &
		process[$suite]=$!
	done
	for suite in "${!process[@]}"; do
		wait "${process[$suite]}"
		report "$suite" $?
	done
}

here() {
	test/run.sh "$@" > "$work/here.log" 2>&1
	report here $?
}

here models
everywhere "$@" models
here exchange
everywhere exchange
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
