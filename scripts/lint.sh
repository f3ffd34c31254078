#!/usr/bin/env bash
# `make lint`: the house rules, the layout, and static analysis. Silent rules, loud offences; every check runs, then the status.
set -u
shopt -s nullglob
status=0
sources=(src/*/*.[ch] tests/crash/*.[ch] tests/oom/*.[ch] bench/load/*.[ch])
code=(src/*/*.c)
plain=()
for f in "${code[@]}"; do
	[[ $f == *_test.c || $f == *_suite.c || $f == *_fuzz.c ]] || plain+=("$f")
done

# offence TEXT: its input, where there is any, are offences.
offence() {
	local lines
	lines=$(cat)
	[ -z "$lines" ] && return
	printf '%s:\n%s\n\n' "$1" "$lines"
	status=1
}

offence "Includes" < <(scripts/lint-arrows.sh)
offence "Layout (clang-format -i mends it)" < <(clang-format --dry-run -Werror "${sources[@]}" 2>&1 | grep 'error:')
offence "Over 700 lines" < <(wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 700')
offence "Functions without a bound" < <(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\(' "${plain[@]}")
offence "A course named in code: courses are data" < <(
	names=(courses/*.conf)
	names=("${names[@]/#courses\/standard.conf}") # an ordinary word, too
	names=(${names[@]})
	names=("${names[@]#courses/}")
	grep -nHiwE "$(IFS='|' && echo "${names[*]%.conf}")" "${plain[@]}")
offence "A file opens with what it is for" < <(for f in "${sources[@]}"; do
	IFS= read -r first <"$f"
	[[ $first == '/*'* ]] || echo "$f"
done)
offence "Unfinished" < <(grep -nwE 'TODO|FIXME|XXX' "${sources[@]}")
offence "Shell" < <(for f in scripts/*.sh .ci/run; do bash -n "$f" 2>&1; done)

flags=(-std=c11 -D_GNU_SOURCE -DPOSTROOM_VERSION='""' -Isrc $(pkg-config --cflags $(sed -n 's/^PACKAGES := //p' Makefile)))
offence "cppcheck" < <(cppcheck -j 2 --quiet --std=c11 --enable=warning,portability --inline-suppr \
	--suppressions-list=scripts/cppcheck.suppressions --template='{file}:{line}: {id}: {message}' \
	-D_GNU_SOURCE -DPOSTROOM_VERSION='""' -Isrc "${plain[@]}" 2>&1)
offence "clang-tidy" < <(printf '%s\n' "${plain[@]}" |
	xargs -P 2 -n 1 sh -c 'clang-tidy --quiet "$@" -- '"${flags[*]@Q}"' 2>/dev/null' sh | grep -E '(warning|error):' | sort -u)

[ $status -eq 0 ] && echo "lint: all well"
exit $status
