#!/bin/sh
# Runs every fuzz target for some seconds with its dictionary. Usage: fuzz-smoke.sh BUILD SECONDS
set -u
build=$1 seconds=$2
for source in src/*/*_fuzz.c; do
	name=${source#src/}
	name=${name%.c}
	dict=${source%.c}.dict
	corpus=$build/corpus/$name
	mkdir -p "$corpus"
	set --
	[ ! -e "$dict" ] || set -- "-dict=$dict"
	echo "$name"
	"$build/bin/$name" -max_total_time="$seconds" -print_final_stats=0 -verbosity=0 -artifact_prefix="$build/" "$@" "$corpus" ||
		exit 1
done
