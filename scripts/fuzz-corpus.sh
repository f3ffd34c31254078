#!/bin/sh
# Puts into tests/corpus what fuzzing has found: of each target the fewest inputs, none of them long, that reach all edges of its code that were reached.
# Usage: fuzz-corpus.sh BUILD [CORPUS [TARGET …]]     CORPUS (BUILD/corpus) has a directory ROOM/NAME for each TARGET. make fuzz-smoke leaves all that behind.
set -u
build=$1 found=${2:-$1/corpus}
longest=2000
[ $# -lt 2 ] || shift
shift
[ $# -gt 0 ] || set -- $(ls src/*/*_fuzz.c | sed 's,^src/,,; s,_fuzz\.c$,,')

for name in "$@"; do
	[ -d "$found/$name" ] || continue
	kept=tests/corpus/$name work=$(mktemp -d)
	mkdir -p "$kept" "$build/seeds/$name" "$work/least"
	cp -r "$found/$name" "$work/found" # a fuzzer may be at work there
	# Edges alone: how often each is passed is worth no file in the tree.
	"$build/bin/${name}_fuzz" -set_cover_merge=1 -use_counters=0 -max_len=$longest \
		"$work/least" "$work/found" "$kept" "$build/seeds/$name" >"$work/log" 2>&1 || {
		echo "fuzz-corpus.sh: $name cannot be merged: see $work/log" >&2
		exit 1
	}
	rm -r "$kept"
	mkdir -p "$kept"
	for file in "$work/least"/*; do
		cp "$file" "$kept/$(basename "$file" | cut -c 1-12)"
	done
	printf '%-24s %4s files %7s octets\n' "$name" "$(ls "$kept" | wc -l)" "$(cat "$kept"/* | wc -c)"
	rm -r "$work"
done
