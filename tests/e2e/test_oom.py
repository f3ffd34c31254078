"""Whatever allocation or descriptor is refused, sessions keep their promises: tests/oom, with fewer of them than `make oom` tries."""

import re
import subprocess

import pytest

from harness import BUILD, SANITISED

pytestmark = pytest.mark.skipif(SANITISED, reason="the sanitizers' memory is not the program's")


def test_every_session_ends_well():
    done = subprocess.run([BUILD / "oom", "--runs", "15"], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout
    counts = re.fullmatch(r"(\d+) scenes: (\d+) allocations and (\d+) descriptors failed, in (\d+) sessions .*\n0 promises broken\n", done.stdout)
    scenes, allocations, descriptors, sessions = map(int, counts.groups())
    assert scenes >= 17 and allocations > 500 and descriptors > 200 and sessions > 2000
