"""docs/rfc.md names a test for each statement: that it is there."""

import re

import pytest

from harness import ROOT

PAGE = (ROOT / "docs/rfc.md").read_text()
NAMES = sorted(set(re.findall(r"`((?:[\w-]+/[\w-]+)|(?:\w+\.(?:py|c)::\w+))`", PAGE)))


def is_there(name):
    if "::" not in name:
        return (ROOT / f"tests/dialogs/{name}.dialog").is_file()
    file, test = name.split("::")
    places = [ROOT / "tests/e2e" / file] if file.endswith(".py") else list((ROOT / "src").glob(f"*/{file}"))
    return any(re.search(rf"\b{test}\(", place.read_text()) for place in places if place.is_file())


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_is_there(name):
    assert is_there(name)


def test_every_statement_has_a_section_and_something_that_shows_it():
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line and not line.startswith("| statement")]
    assert len(rows) > 60
    for row in rows:
        assert len(row) == 3 and all(cell.strip() for cell in row), row
        assert row[2].startswith("–: ") or "`" in row[2], row
