"""Fixtures: a lab of one's own, and the servers in it. See harness.py."""

import os
import shutil
import subprocess

import pytest

from harness import Lab


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path / "lab")
    yield lab
    lab.close()


@pytest.fixture
def smtpmail(lab):
    return lab.smtpmail()


@pytest.fixture
def popserver(lab):
    return lab.popserver()


def locale(path, charset):
    """The environment of a locale with another character set, made for this test."""
    if not shutil.which("localedef"):
        pytest.skip("localedef is missing")
    name = f"en_US.{charset}"
    subprocess.run(["localedef", "-i", "en_US", "-f", charset, path / name], capture_output=True)
    if not (path / name).is_dir():
        pytest.skip(f"localedef has no {charset}")
    return {**os.environ, "LOCPATH": str(path), "LC_ALL": name}


@pytest.fixture
def latin1(tmp_path):
    return locale(tmp_path, "ISO-8859-1")


@pytest.fixture
def koi8(tmp_path):
    return locale(tmp_path, "KOI8-R")
