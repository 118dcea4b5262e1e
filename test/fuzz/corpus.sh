#!/bin/bash
# The corpus of the fuzzers: a file per parser, an input per line, in base64.
#   corpus.sh unpack FOLDER   each input as a file FOLDER/PARSER/found_N
#   corpus.sh pack FOLDER     add the files there that have a SHA-1 for a name, as libFuzzer
#                             names what it finds
set -eu
cd "$(dirname "$0")/../.."

unpack() {
	local file parser line n
	for file in test/fuzz/corpus/*; do
		parser=$(basename "$file")
		n=0
		mkdir -p "$1/$parser"
		while read -r line; do
			n=$((n + 1))
			base64 -d <<< "$line" > "$1/$parser/found_$n"
		done < <(grep -v '^#' "$file")
	done
}

pack() {
	local folder parser file
	mkdir -p test/fuzz/corpus
	for folder in "$1"/*/; do
		parser=$(basename "$folder")
		for file in "$folder"/????????????????????????????????????????; do
			[ -e "$file" ] && base64 -w 0 "$file" && echo
		done >> "test/fuzz/corpus/$parser"
		[ -s "test/fuzz/corpus/$parser" ] || rm "test/fuzz/corpus/$parser"
	done
}

"$1" "$2"
