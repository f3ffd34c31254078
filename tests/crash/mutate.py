#!/usr/bin/env python3
"""Takes each sync out of the store's and the users file's code, one at a time, in a copy of the tree, and has tests/crash look for what that breaks.

    tests/crash/mutate.py [--states N] [FILE:NUMBER ...]     NUMBER: which sync of the file, from 1

A sync that nobody misses is either needless or lacks a workload: then it ends with status 1.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYNC = re.compile(r"\bfile_sync(?:_directory|_whole)?(?=\()")
LEFT_OUT = "-w -include ../left_out.h"  # what is left out leaves things unused
HEADER = "#pragma once\n#include <stdbool.h>\nstatic inline bool left_out(int fd)\n{\n\treturn fd >= 0;\n}\n"


def sites():
    """Each sync: its file, its number there, its line's number, the line and where it stands in the text."""
    for file in sorted([*ROOT.glob("src/store/*.c"), *ROOT.glob("src/auth/*.c")]):
        text = file.read_text()
        if file.name.endswith(("_test.c", "_suite.c", "_fuzz.c")):
            continue
        for number, found in enumerate(SYNC.finditer(text), 1):
            line = text.count("\n", 0, found.start()) + 1
            yield file.relative_to(ROOT), number, line, text.splitlines()[line - 1].strip(), found.span()


def copy_tree(to):
    for part in ("src", "tests/crash", "scripts", "courses"):
        shutil.copytree(ROOT / part, to / part)
    shutil.copy(ROOT / "Makefile", to)
    (to.parent / "left_out.h").write_text(HEADER)


def build_and_run(tree, states):
    """What is noticed first; None: nothing."""
    subprocess.run(["make", "-s", "crash-program", f"CFLAGS=-O2 {LEFT_OUT}"], cwd=tree, check=True)
    done = subprocess.run([tree / "build/small/crash", "--states", str(states), "--no-kills", "--stop"], capture_output=True, text=True)
    noticed = re.search(r"^FAILED: (.*)$", done.stdout, re.M)
    return noticed[1] if noticed else None if done.returncode == 0 else done.stdout


def short(noticed):
    """Workload, trouble, and what is wrong, without the list of changes."""
    return re.sub(r"(power cut after change \d+): [^:]*:", r"\1:", noticed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=int, default=300000, help="power cuts to try for each (default %(default)s)")
    parser.add_argument("only", nargs="*", metavar="FILE:NUMBER")
    wishes = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory() as directory:
        tree = pathlib.Path(directory) / "tree"
        copy_tree(tree)
        for file, number, line, source, (begin, end) in sites():
            if wishes.only and f"{file.name}:{number}" not in wishes.only:
                continue
            text = (ROOT / file).read_text()
            (tree / file).write_text(text[:begin] + "left_out" + text[end:])
            noticed = build_and_run(tree, wishes.states)
            (tree / file).write_text(text)
            missed += noticed is None
            print(f"{file}:{line} ({number}) `{source}`\n    {short(noticed) if noticed else 'NOT NOTICED'}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
