#!/bin/bash
# Copy the tree to a folder, for a build of another kind: test/copy_tree.sh FOLDER.
# The tree is what git knows, the changes that are not committed yet included; what was
# built there from the same tree stays.
set -eu
cd "$(dirname "$0")/.."

folder=$1
tree=$(mktemp)
trap 'rm -f "$tree"' EXIT
git ls-files --cached --others --exclude-standard -z | xargs -0 tar -c --ignore-failed-read > "$tree"
digest=$(sha256sum < "$tree")
[ "$(cat "$folder/.digest" 2> /dev/null)" = "$digest" ] && exit 0
rm -rf "$folder"
mkdir -p "$folder"
tar -x -C "$folder" < "$tree"
echo "$digest" > "$folder/.digest"
