#!/usr/bin/env bash
# `make deb`: the Debian package, in build/deb/. The sources are copied, so that a package is never made in the tree that is worked on.
# Usage: deb.sh VERSION. DEB_BUILD_OPTIONS goes to debian/rules; without it the unit tests, which `make test` runs, are left out.
set -eu
version=$1
place=build/deb
tree=$place/postroom-$version
[ -n "${DEB_BUILD_OPTIONS:-}" ] || export DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" DEB_BUILD_PROFILES=nocheck

mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
tar -c --exclude-vcs --exclude=./build --exclude=./demo --exclude='./inbox*' --exclude=__pycache__ . | tar -x -C "$tree"
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean) >"$place/log" 2>&1 || {
	tail -40 "$place/log" >&2
	echo "deb.sh: that did not work; all of it is in $place/log" >&2
	exit 1
}
ls -t "$place"/postroom_"$version"_*.deb | head -1
