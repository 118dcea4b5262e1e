#!/bin/bash
# Run test layers, or a benchmark, on another release of Debian, with its PostgreSQL
# and XGBoost: test/platform.sh SUITE LAYER..., for instance
#     test/platform.sh trixie unit sql
#     BENCH=bench-kernel test/platform.sh sid bench
#
# The release lives in a folder made by mmdebstrap, kept for the next time:
# $MLOPS_PLATFORMS/SUITE, by default below /var/tmp/mlops-platforms.  Needs root.
set -eu
cd "$(dirname "$0")/.."

suite=${1:?usage: test/platform.sh SUITE LAYER...}
shift
root=${MLOPS_PLATFORMS:-/var/tmp/mlops-platforms}/$suite

if [ "$(id -u)" -ne 0 ]; then echo "a folder of another release needs root"; exit 1; fi
if ! command -v mmdebstrap > /dev/null; then
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends mmdebstrap > /dev/null
fi

if [ ! -e "$root/.complete" ]; then
	rm -rf --one-file-system "$root"
	mkdir -p "$(dirname "$root")"
	mmdebstrap --quiet --variant=apt --include=make,ca-certificates \
		--aptopt='Acquire::Check-Valid-Until "false"' "$suite" "$root"
	# The packages come by the same way as on this machine.
	cp -n /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
	touch "$root/.complete"
fi

# The mounts live in a namespace of their own and end with it.  The tree is what
# git knows, the changes that are not committed yet included.
rm -rf "$root/mlops"
mkdir "$root/mlops"
git ls-files --cached --others --exclude-standard -z | xargs -0 tar -c --ignore-failed-read | tar -x -C "$root/mlops"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
unshare --mount bash -c '
	set -eu
	root=$1
	shift
	for folder in proc dev sys; do mount --rbind "/$folder" "$root/$folder"; done
	exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		BENCH="${BENCH:-}" CI="${CI:-}" DEBIAN_FRONTEND=noninteractive \
		sh -c "cd /mlops && test/setup.sh && exec test/run.sh \"\$@\"" sh "$@"
' bash "$root" "$@"
