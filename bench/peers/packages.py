"""Debian packages that are unpacked, not installed, into the build directory."""

import subprocess


def unpacked(build, package):
    """Where its files are; fetched the first time."""
    place = build / "bench" / "packages" / package
    if not (place / "usr").exists():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=place, check=True, capture_output=True)
        (archive,) = place.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, place], check=True)
    return place
