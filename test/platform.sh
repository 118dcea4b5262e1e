#!/bin/bash
# Run test layers, or a benchmark, on another release of Debian, with its PostgreSQL
# and XGBoost: test/platform.sh SUITE LAYER..., for instance
#     test/platform.sh trixie unit sql
#     BENCH=bench-kernel test/platform.sh sid bench
#
# The release lives in a folder made by mmdebstrap, kept for the next time:
# $MLOPS_PLATFORMS/SUITE, by default below /var/tmp/mlops-platforms.  Needs root.
# Exits with 77, and a last line that says why, where the folder cannot be had.
set -eu
cd "$(dirname "$0")/.."

suite=${1:?usage: test/platform.sh SUITE LAYER...}
shift
root=${MLOPS_PLATFORMS:-/var/tmp/mlops-platforms}/$suite

leave_out() {
	echo "$1"
	exit 77
}

[ "$(id -u)" -eq 0 ] || leave_out "a folder of another release needs root"
mkdir -p "$root" || leave_out "$root cannot be made"
# One run at a time: the tree in the folder is this run's.
exec 9> "$root.lock"
flock 9

if ! command -v mmdebstrap > /dev/null; then
	apt-get update -qq && apt-get install -y -qq --no-install-recommends mmdebstrap > /dev/null || leave_out "mmdebstrap cannot be installed"
fi
unshare --mount --pid --fork true 2> /dev/null || leave_out "namespaces of mounts and processes are not allowed here"

if [ ! -e "$root/.complete" ]; then
	rm -rf --one-file-system "$root"
	timeout 900 mmdebstrap --quiet --variant=apt --include=make,ca-certificates \
		--aptopt='Acquire::Check-Valid-Until "false"' "$suite" "$root" || leave_out "mmdebstrap could not make the folder"
	# The packages come by the same way as on this machine.
	cp -n /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
	touch "$root/.complete"
fi

test/copy_tree.sh "$root/mlops"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"

# Models that platforms exchange.
exchange=
if [ -n "${MLOPS_EXCHANGE:-}" ]; then
	exchange=/exchange
	mkdir -p "$root$exchange"
fi

# Mounts and processes live in namespaces of their own and end with them.
unshare --mount --pid --fork --kill-child bash -c '
	set -eu
	root=$1 exchange=$2
	shift 2
	mount -t proc proc "$root/proc"
	for folder in dev sys; do mount --rbind "/$folder" "$root/$folder"; done
	if [ -n "$exchange" ]; then mount --bind "$MLOPS_EXCHANGE" "$root$exchange"; fi
	exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		BENCH="${BENCH:-}" CI="${CI:-}" MLOPS_EXCHANGE="$exchange" DEBIAN_FRONTEND=noninteractive \
		sh -c "cd /mlops && { test/setup.sh || { echo the packages cannot be installed; exit 77; }; } && exec test/run.sh \"\$@\"" sh "$@"
' bash "$root" "$exchange" "$@"
