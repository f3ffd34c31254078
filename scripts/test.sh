#!/usr/bin/env bash
# All tests of a build: the unit tests, then the end-to-end tests. The last line is `N passed, N failed` for all together.
# Usage: test.sh BUILD. PYTEST_ARGS goes to pytest.
set -u
build=$1
POSTROOM_BUILD=$(realpath "$build") || exit
export POSTROOM_BUILD
report=$build/test-log/e2e.xml

python=python3
"$python" -c 'import pytest, xdist' 2>/dev/null || python=/usr/bin/python3

unit=$(scripts/run-tests.sh "$build")
unit_status=$?
printf '%s\n' "$unit"

rm -f "$report"
# shellcheck disable=SC2086 # PYTEST_ARGS is meant to be split
"$python" -m pytest -q -rs -n 2 -p no:cacheprovider --junitxml="$report" tests/e2e ${PYTEST_ARGS:-}
e2e_status=$?

counts=$("$python" - "$report" "$e2e_status" "${unit##*$'\n'}" <<'END'
import re, sys, xml.etree.ElementTree as tree
report, status, unit = sys.argv[1:]
passed, failed = map(int, re.findall(r"\d+", unit))
try:
    suite = next(tree.parse(report).iter("testsuite"))
    total, skipped, bad = (int(suite.get(k)) for k in ("tests", "skipped", "failures"))
    bad += int(suite.get("errors"))
    passed += total - skipped - bad
except (OSError, StopIteration, tree.ParseError):
    bad = 1
if status != "0" and bad == 0:
    bad = 1
print(f"{passed} passed, {failed + bad} failed")
END
)
echo "$counts"
[ "$unit_status" -eq 0 ] && [ "$e2e_status" -eq 0 ] && [ "${counts##*, }" = "0 failed" ]
