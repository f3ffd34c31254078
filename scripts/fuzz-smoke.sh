#!/bin/sh
# Runs the fuzz targets: first every input of tests/corpus and every seed once, then each target for SECONDS_EACH seconds (60), two at a time.
# Usage: fuzz-smoke.sh BUILD [TARGET …]     TARGET is ROOM/NAME. What they say stands in BUILD/logs; what they find new is kept in BUILD/corpus.
set -u
each=${SECONDS_EACH:-60}

# ---- one target ----

# Its directories of inputs: what was found earlier comes first, for libFuzzer adds to that. Absolute, for a target may change its own.
inputs() {
	for d in "$build/corpus/$1" "$build/seeds/$1" "$PWD/tests/corpus/$1"; do
		[ ! -d "$d" ] || echo "$d"
	done
}

fuzz() {
	name=$1 log=$build/logs/$(echo "$1" | tr / -).log
	shift
	set -- "$build/bin/${name}_fuzz" -timeout=60 -artifact_prefix="$build/finding-$(echo "$name" | tr / -)-" "$@"
	[ ! -e "src/${name}_fuzz.dict" ] || set -- "$@" "-dict=src/${name}_fuzz.dict"
	"$@" $(inputs "$name") >"$log" 2>&1 && return
	file=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	printf 'FINDING: %s\n' "$name"
	grep -E '^SUMMARY|runtime error|ERROR:|Assertion' "$log" | head -n 3 | sed 's/^/  /'
	printf '  the input: %s\n  again:     %s %s\n  all of it: %s\n' "${file:-none was written}" "$build/bin/${name}_fuzz" "$file" "$log"
	return 1
}

replay() {
	fuzz "$1" -runs=0
}

run() {
	mkdir -p "$build/corpus/$1"
	fuzz "$1" -max_total_time="$each" -print_final_stats=1 && line "$1"
}

# Name, executions, and edges of the code that were reached.
line() {
	log=$build/logs/$(echo "$1" | tr / -).log
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	printf '%-24s %10s executions %6s edges\n' "$1" "$executions" "$edges"
}

# ---- all of them ----

two_at_a_time() {
	printf '%s\n' $targets | xargs -n 1 -P 2 "$0" "$1" "$build"
}

case ${1:-} in
--replay | --run)
	build=$2
	"${1#--}" "$3"
	exit
	;;
esac

mkdir -p "$1" || exit
build=$(cd "$1" && pwd)
shift
targets=$*
[ -n "$targets" ] || targets=$(ls src/*/*_fuzz.c | sed 's,^src/,,; s,_fuzz\.c$,,')
mkdir -p "$build/logs"
scripts/fuzz-seeds.py "$build/seeds" || exit
two_at_a_time --replay || exit 1
echo "All inputs of tests/corpus and all seeds: no finding."
two_at_a_time --run || exit 1
