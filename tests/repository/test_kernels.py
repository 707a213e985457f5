"""Compiled code is never kept beyond a change of any file that it may have been made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from ficoitr import compiled
from ficoitr.metrics.whole import walk_whole_rankings
from ficoitr.similarity.hamming import _count


@pytest.mark.parametrize("function", [walk_whole_rankings, _count])
def test_kept_code_is_stamped_with_the_digest_of_all_kernel_files(function: object) -> None:
    # numba's own stamp knows the caller's file only; where numba keeps the stamp is its private matter and may move.
    assert function._cache._cache_file._source_stamp[1] == compiled._sources()


@pytest.mark.parametrize("room", ["metrics", "similarity"])
def test_a_change_in_either_room_changes_the_digest(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("metrics", "similarity"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel.py").write_text("x = 1\n")
    (tmp_path / "compiled.py").write_text("")
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    before = compiled._sources.__wrapped__()
    (tmp_path / room / "kernel.py").write_text("x = 2\n")
    assert compiled._sources.__wrapped__() != before
