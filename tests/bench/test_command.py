"""`ficoitr bench` as it is run, on a folder of one's own: on a terminal, and piped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FICOITR = str(Path(sys.executable).with_name("ficoitr"))
ENVIRONMENT = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
SHOW_CURSOR = "\x1b[?25h"
STYLE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
BAR = "━"


def piped(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [FICOITR, "bench", *map(str, arguments)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def on_a_terminal(*arguments: str | Path) -> str:
    """Return all that is written to the terminal."""
    ours, theirs = os.openpty()
    command = [FICOITR, "bench", *map(str, arguments)]
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # what Linux says at the end of a terminal
                break
            if not part:
                break
            written += part
    os.close(ours)
    assert process.returncode == 0, written.decode()
    return written.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_a_folder_of_one_s_own(photos: Path, tmp_path: Path) -> None:
    arguments = ("--dataset", photos, "--output", tmp_path / "runs", "--resamples", "20")
    drawn, _, after = on_a_terminal(*arguments).rpartition(SHOW_CURSOR)
    for what in ("cca: fitting", "image features", "cca-itq-64: evaluating", "writing the report"):
        assert what in drawn
    assert BAR in drawn
    assert BAR not in after
    assert "Efficiency" in after

    lines = STYLE.sub("", after).split("\r\n")
    as_json = piped(*arguments, "--json")
    assert (as_json.returncode, as_json.stderr) == (0, "")
    found = json.loads(as_json.stdout)
    names = ["cca (global)", "cca-itq-64 (global)"]
    assert [one["model"] for one in found["efficiency"]] == list(found["evaluations"]) == names
    assert (found["dataset"], found["oracle"]) == ("photos", {})
    report = Path(found["report"])
    assert report.is_relative_to(tmp_path / "runs" / "photos")
    assert all(name in report.read_text(encoding="utf-8") for name in names)

    *tables, last, end = lines
    assert (last, end) == (f"Report: {report}", "")
    assert max(map(len, tables)) <= 80
    rsum = found["evaluations"]["cca (global)"]["instance"]["rsum"]
    assert any(re.match(rf"cca \(global\) .* {rsum:.1f}\s*$", line) for line in tables)


MISTAKES = {
    "a named dataset without its folder": (("--dataset", "flickr8k"), 2, "--root"),
    "a negative number": (("--resamples", "-1"), 2, "--resamples"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_in_one_message(mistake: str) -> None:
    arguments, code, message = MISTAKES[mistake]
    done = piped(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
