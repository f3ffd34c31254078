"""Whatever goes wrong at whatever point of the store's work, its promises are kept: tests/crash, with fewer power cuts than `make crash` tries."""

import re
import subprocess

import pytest

from harness import BUILD, SANITISED

CRASH = BUILD / "small/crash"


def crash(*options):
    return subprocess.run([CRASH, *map(str, options)], capture_output=True, text=True, timeout=900)


pytestmark = pytest.mark.skipif(SANITISED, reason="the same again, for many minutes")


def test_every_promise_is_kept_at_every_point():
    done = crash("--states", 20000)
    assert done.returncode == 0, done.stdout
    counts = re.fullmatch(r"(\d+) workloads: (\d+) kills, (\d+) calls that fail, (\d+) distinct states .*\n0 promises broken\n", done.stdout)
    workloads, kills, faults, states = map(int, counts.groups())
    assert workloads >= 60 and kills > 20000 and faults > 15000 and states > 80000


@pytest.mark.parametrize("name", ["mymailbox", "alice", ".mymailbox.deleted", ".mymailbox.new"])
def test_a_sync_that_is_left_out_is_noticed(name):
    """The files' own, and the directory's."""
    done = crash("--states", 4500, "--forget-sync", name)
    assert done.returncode == 1 and "FAILED: " in done.stdout and " power cut after change " in done.stdout
