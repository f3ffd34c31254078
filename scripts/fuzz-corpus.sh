#!/bin/sh
# Puts into tests/corpus what fuzzing has found: of each target a few small inputs that reach edges of the code which no seed reaches.
# Usage: fuzz-corpus.sh BUILD [CORPUS]     CORPUS (BUILD/corpus) has a directory ROOM/NAME for each target. The seeds must be there: make fuzz-smoke.
set -u
build=$1 found=${2:-$1/corpus}
longest=2000 most=60

for source in src/*/*_fuzz.c; do
	name=${source#src/}
	name=${name%_fuzz.c}
	[ -d "$found/$name" ] || continue
	kept=tests/corpus/$name seeds=$build/seeds/$name work=$(mktemp -d)
	mkdir -p "$kept" "$seeds" "$work/all" "$work/beyond"
	# Edges alone: how often each is passed is worth no file in the tree.
	merge="$build/bin/${name}_fuzz -merge=1 -use_counters=0 -max_len=$longest"
	$merge "$work/all" "$seeds" >"$work/log" 2>&1 || exit
	cp -a "$work/all/." "$work/beyond/"
	$merge "$work/beyond" "$kept" "$found/$name" >>"$work/log" 2>&1 || exit
	for file in "$work/all"/*; do
		rm -f "$work/beyond/${file##*/}"
	done
	rm -rf "$kept"
	mkdir -p "$kept"
	ls -Sr "$work/beyond" | head -n $most | while read -r file; do
		cp "$work/beyond/$file" "$kept/$(echo "$file" | cut -c 1-12)"
	done
	printf '%-24s %s files\n' "$name" "$(ls "$kept" | wc -l)"
	rmdir "$kept" 2>/dev/null
	rm -r "$work"
done
du -sb --apparent-size tests/corpus
