#!/usr/bin/env bash
# Runs all unit tests of a build, two at a time, shows what failed whole, and ends with `N passed, N failed`.
# Usage: run-tests.sh BUILD. The outputs stay in BUILD/test-log/.
set -u
build=$1
export logs=$build/test-log CMOCKA_MESSAGE_OUTPUT=STDOUT
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1}
rm -rf "$logs"
mkdir -p "$logs" || exit

one() {
	local log name=${1#*/test/}
	log=$logs/${name//\//-}.log
	timeout 60 "$1" >"$log" 2>&1
	echo $? >"${log%.log}.status"
}
export -f one
# Only tests that have a source: a build directory may hold older ones.
for source in src/*/*_test.c; do
	program=${source#src/}
	printf '%s\n' "$build/test/${program%.c}"
done | xargs -P 2 -I {} bash -c 'one {}'

passed=0 failed=0
for status in "$logs"/*.status; do
	log=${status%.status}.log
	good=$(grep -c '^\[       OK \]' "$log")
	skipped=$(grep -c '^\[  SKIPPED \]' "$log")
	begun=$(sed -n 's/^\[==========\] .*Running \([0-9]*\) test(s).*/+\1/p' "$log")
	bad=$((0 $begun - good - skipped))
	bad=$((bad > 0 ? bad : $(<"$status") != 0)) # one that broke off before it began has failed as well
	if [ "$bad" -gt 0 ]; then
		echo "--- $log (exit status $(<"$status"))"
		cat "$log"
	fi
	passed=$((passed + good)) failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
