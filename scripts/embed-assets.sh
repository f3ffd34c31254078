#!/bin/sh
# Prints a C file that holds the given files as octets (see src/web/assets.h).
# Usage: embed-assets.sh FILE … > assets.c
set -eu
LC_ALL=C
export LC_ALL

printf '/* Made by scripts/embed-assets.sh; changes here are lost. */\n#include "web/assets.h"\n\n'
n=0
for file in "$@"; do
	printf 'static const unsigned char asset_%d[] = {\n' $n
	od -An -v -tu1 "$file" | sed 's/  */,/g; s/^,//; s/$/,/'
	printf '};\n\n'
	n=$((n + 1))
done
printf 'const struct asset assets[] = {\n'
n=0
for file in "$@"; do
	printf '\t{ "%s", asset_%d, sizeof asset_%d },\n' "${file##*/}" $n $n
	n=$((n + 1))
done
printf '\t{ 0, 0, 0 },\n};\n'
