"""The fixtures of deploy/LIBRARY.md in a test suite of their own: pytest inside pytest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_GUIDE = (Path(__file__).parents[2] / "deploy" / "LIBRARY.md").read_text(encoding="utf-8")
_, _, _CONFTEST, _TESTS, _ = re.findall(r"```python\n(.*?)```", _GUIDE, re.DOTALL)


def test_the_fixtures_of_the_guide_work_in_somebody_else_s_tests(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_ours.py").write_text(_TESTS)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-p",
            "no:asyncio",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
