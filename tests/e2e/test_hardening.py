"""What the compiler and the linker put between a mistake in memory and somebody's way in: looked for in the programs themselves."""

import os
import re
import shutil
import subprocess

import pytest

from harness import BUILD, ROOT, SANITISED

pytestmark = pytest.mark.skipif(SANITISED, reason="a sanitizer does more, in its own way")
PROGRAMS = ["smtpmail", "popserver", "mailclient", "postroom"]


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, BUILD / program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_loaded_anywhere(program):
    assert re.search(r"Type:\s+DYN", readelf(program, "-h"))
    assert "PIE" in readelf(program, "-d")


@pytest.mark.parametrize("program", PROGRAMS)
def test_its_table_of_functions_is_read_only_before_it_begins(program):
    assert "GNU_RELRO" in readelf(program, "-l") and "NOW" in readelf(program, "-d")


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_memory_is_written_and_executed(program):
    segments = re.findall(r"^\s+(LOAD|GNU_STACK)\s.*?0x\w+ 0x\w+\s+([RWE ]+?)\s+0x", readelf(program, "-l"), re.M)
    assert {name for name, _ in segments} == {"LOAD", "GNU_STACK"}
    assert not [flags for _, flags in segments if "W" in flags and "E" in flags]


@pytest.mark.parametrize("program", PROGRAMS)
def test_stacks_have_canaries_and_the_library_s_copies_know_their_room(program):
    wanted = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in wanted
    assert len(set(re.findall(r"__\w+_chk\b", wanted))) >= 3, "fortified calls"


WRONG_CALL = """
#include <stdio.h>
typedef long (*number)(const char *, long);
static int text(int a) { return a; }
int main(int argc, char **argv)
{
	void *volatile f = (void *)text;
	(void)argv;
	printf("%s\\n", argc > 5 ? "" : "here");
	fflush(stdout);
	return (int)((number)f)("", argc);
}
"""


@pytest.mark.skipif(not shutil.which("clang") or not shutil.which("ld.lld"), reason="needs clang and lld")
def test_with_clang_a_call_through_a_pointer_of_the_wrong_type_ends_the_program(tmp_path):
    environment = {**os.environ, "MAKEFLAGS": ""}
    flags = subprocess.run(["make", "-s", "-C", ROOT, "hardening", "CC=clang"], capture_output=True, text=True, check=True, env=environment).stdout.split()
    (tmp_path / "wrong.c").write_text(WRONG_CALL)
    subprocess.run([*flags, "wrong.c", "-o", "wrong"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run([tmp_path / "wrong"], capture_output=True, text=True)
    assert done.stdout == "here\n" and done.returncode < 0, "a trap"
    plain = [flag for flag in flags if "cfi" not in flag]
    subprocess.run([*plain, "wrong.c", "-o", "without"], cwd=tmp_path, check=True, capture_output=True)
    assert subprocess.run([tmp_path / "without"], capture_output=True).returncode >= 0, "or this shows nothing"
