"""Fixtures: a lab of one's own, and the servers in it. See harness.py."""

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
