#!/bin/sh
# Prints a C file that holds the given course files as text (see src/course/embedded.h).
# Usage: embed-courses.sh courses/NAME.conf … > courses.c
set -eu
LC_ALL=C
export LC_ALL

names=
for file in "$@"; do
	name=${file##*/}
	name=${name%.conf}
	case $name in
	'' | *[!a-z0-9-]*)
		echo "embed-courses.sh: $file: a course's file is named NAME.conf, NAME of a-z, 0-9 and -" >&2
		exit 1
		;;
	esac
	[ -r "$file" ] || {
		echo "embed-courses.sh: $file: cannot be read" >&2
		exit 1
	}
	names="$names $name"
done

printf '/* Made by scripts/embed-courses.sh from the course files; changes here are lost. */\n'
printf '#include "course/embedded.h"\n\n#include <stddef.h>\n\n'

printf 'const struct embedded_course embedded_courses[] = {\n'
for file in "$@"; do
	name=${file##*/}
	printf '\t{ "%s",\n' "${name%.conf}"
	# The question mark is escaped because of C11's trigraphs.
	awk '{ gsub(/[\\"?]/, "\\\\&"); gsub(/\t/, "\\t"); gsub(/\r/, "\\r"); printf "\t  \"%s\\n\"\n", $0 } END { print "\t  \"\" }," }' "$file"
done
printf '\t{ NULL, NULL },\n};\n\n'

printf 'const char *const embedded_course_names[] = {'
for name in $names; do
	printf ' "%s",' "$name"
done
printf ' NULL };\n'
