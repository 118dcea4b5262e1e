#!/bin/bash
# Install the Debian packages that building and testing need, if any is missing;
# with the argument demo only those that building and the demo need.
set -eu

version=$(ls -d /usr/lib/postgresql/*/bin/initdb 2> /dev/null | sort -V | tail -n 1 | cut -d/ -f5)
if [ -z "$version" ]; then
	# The lists of a fresh machine are empty or old.
	if [ "$(id -u)" -eq 0 ]; then apt-get update -qq; fi
	version=$(apt-cache depends postgresql 2> /dev/null | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
fi
packages="build-essential libssl-dev libxgboost-dev
	postgresql-${version:-15} postgresql-server-dev-${version:-15}"
if [ "${1:-}" != demo ]; then
	packages="$packages libipc-run-perl clang libclang-rt-dev binutils postgresql-${version:-15}-cron
		python3-minimal python3-sklearn python3-xgboost python3-psycopg
		default-jdk-headless libpostgresql-jdbc-java"
	# Debian's node driver wants Debian's node; beside one that came with npm it comes from there.
	command -v npm > /dev/null || packages="$packages node-pg"
	# The indenter is a package of its own up to Debian 12.
	grep -qs '^VERSION_ID="12"' /etc/os-release && packages="$packages pg-bsd-indent"
fi

missing=
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
done
npm_missing=
if [ "${1:-}" != demo ] && command -v npm > /dev/null && [ ! -d "$(npm root --global)/pg" ]; then npm_missing="pg@8"; fi
[ -z "$missing$npm_missing" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages:$missing${npm_missing:+, and from npm, globally: $npm_missing}"
	echo "Install them, or run this as root."
	exit 1
fi
echo "installing$missing $npm_missing"
export DEBIAN_FRONTEND=noninteractive
# A server package makes and starts a cluster unless told otherwise; none is wanted here.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	mkdir -p /etc/postgresql-common
	echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
fi
if [ -n "$missing" ]; then
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends $missing > /dev/null
fi
if [ -n "$npm_missing" ]; then npm install --global --silent --no-audit --no-fund "$npm_missing" > /dev/null; fi
