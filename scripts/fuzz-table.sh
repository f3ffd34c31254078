#!/bin/sh
# Prints the table of docs/promises.md out of what the fuzz targets said. Usage: fuzz-table.sh LOGS     (LOGS/ROOM-NAME.log; of make fuzz-smoke: build/fuzz/logs)
set -u
logs=$1

# The opening comment's first sentence.
purpose() {
	sed -n '2,/\*\//p' "$1" | tr -d '\n' | sed 's/^ \* //; s/ \* / /g; s/^[a-z0-9_]*: //; s/\. .*//; s/\.\? *\*\/.*//; s/\.$//; s/|/\\|/g'
}

echo '| target | what is fed, and what must hold | minutes | executions | edges |'
echo '| --- | --- | ---: | ---: | ---: |'
for source in src/*/*_fuzz.c; do
	name=${source#src/}
	name=${name%_fuzz.c}
	log=$logs/$(echo "$name" | tr / -).log
	done=$(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 \2/p' "$log" 2>/dev/null)
	edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" 2>/dev/null | tail -n 1)
	if [ -n "$done" ]; then
		runs=$(printf '%s\n' "${done% *}" | sed -e :a -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/;ta')
		minutes=$((${done#* } / 60))
		echo "| $name | $(purpose "$source") | $minutes | $runs | $edges |"
	else
		echo "| $name | $(purpose "$source") | not yet | | |"
	fi
done
