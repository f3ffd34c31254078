#!/bin/sh
# The arrows go down: a file in src/ROOM/ includes only ROOM's headers and those of the rooms in its NEEDS line in the Makefile.
# (src/programs/ wires everything.) Every include of ours names its room.
set -u
sed -n 's/^NEEDS_\([a-z0-9_-]*\) *:= *\(.*\)/\1 \2/p' Makefile | grep -Ev '^(smtpmail|popserver|mailclient|postroom|postroom-web) ' |
	sed 's/\$(NEEDS_[a-z0-9_]*)//' | {
	while read -r room needs; do
		allowed=$(echo "$room $needs" | tr -s ' ' '|')
		grep -Hn '^#include "' "src/$room"/*.[ch] /dev/null | grep -Ev "#include \"($allowed)/"
	done
	grep -Hn '^#include "' src/programs/*.[ch] | grep -Ev '#include "[a-z]+/'
} | { ! sed 's/$/   <- an arrow that goes up or names no room/' | grep . ; }
