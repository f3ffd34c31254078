"""The page in a real browser, and the API from JavaScript: tests/web/*.test.mjs, run by node."""

import os
import pathlib
import shutil
import subprocess

import pytest

from harness import BUILD, ROOT, SANITISED

WEB = ROOT / "tests" / "web"


def node(*tests):
    if not shutil.which("node"):
        pytest.skip("node is not here")
    environment = {**os.environ, "POSTROOM_BUILD": os.path.relpath(BUILD, ROOT)}
    done = subprocess.run(["node", "--test", *tests], cwd=WEB, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_api_from_javascript():
    node("api.test.mjs")


@pytest.mark.skipif(SANITISED, reason="a browser is slow enough")
def test_the_page_in_a_browser():
    if not any(pathlib.Path(path).exists() for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser")):
        pytest.skip("chromium is not here")
    if not (WEB / "node_modules" / "playwright-core").exists():
        fetched = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=WEB, capture_output=True, text=True)
        if fetched.returncode != 0:
            pytest.skip("playwright-core cannot be fetched")
    node("page.test.mjs")
