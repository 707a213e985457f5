"""Where datasets come from: the table, the check of folders, and the commands."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.data import dataset_names
from ficoitr.data.fetch import fetch
from ficoitr.data.sources import Archive, Source, SourceFile, check_files, source_of, sources
from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

FILE = {"path": "a.txt", "what": "lines", "origin": "somewhere"}
BY_HAND: dict[str, Any] = {
    "title": "Lines",
    "obtained": "by hand",
    "licence": "none stated",
    "citation": "nobody",
    "obstacle": "nobody passes it on",
    "files": (FILE,),
}


def show(*words: object) -> tuple[int, str]:
    """Run ``show`` and return its exit code and what it printed."""
    done = CliRunner().invoke(application, ["data", "show", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def source(**changes: Any) -> Source:
    """Make a small source."""
    return Source.model_validate(BY_HAND | changes)


def test_every_dataset_says_where_it_comes_from() -> None:
    built_in = {entry.name for entry in dataset_names() if entry.loader.startswith("ficoitr.")}
    assert built_in - set(sources()) == set()


@pytest.mark.parametrize("name", sources())
def test_every_entry_is_complete(name: str) -> None:
    entry = source_of(name)
    # Half sentences are put together with others in messages.
    for text in (entry.title, entry.obstacle, *(file.what for file in entry.files)):
        assert text is None or not text.endswith(".")
    paths = [file.path for file in entry.files]
    assert len(set(paths)) == len(paths)
    for path in (*paths, *(place for file in entry.files for place in file.also)):
        assert not path.startswith("/")
        assert ".." not in path.split("/")
    for file in entry.files:
        if file.sha256 and "*" in file.path:
            assert file.count
    assert entry.homepage or entry.obtained in ("generated", "your own")
    # Which registry npm asks is a matter of the user's settings.
    assert "://registry." not in entry.model_dump_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"obstacle": None},
        {"obtained": "fetched"},
        {"obtained": "fetched", "obstacle": None},
        {"obtained": "generated", "obstacle": None},
        {"obtained": "your own", "obstacle": None, "files": ()},
        {"files": ()},
        {"licence": ""},
        {"licenze": "x"},
        {"files": ({**FILE, "sha256": "A" * 64},)},
        {"files": ({**FILE, "size": 0},)},
    ],
)
def test_incomplete_entries_are_refused(changes: dict[str, Any]) -> None:
    source()
    with pytest.raises(ValidationError):
        source(**changes)


def test_an_entry_like_another_has_its_files() -> None:
    assert source_of("coco-25000").files == source_of("coco").files
    assert source_of("coco-25000").title != source_of("coco").title


def test_unknown_names() -> None:
    with pytest.raises(OptionError, match=r"comes from.*Did you mean 'flickr30k'"):
        source_of("flicker30k")


def test_files_that_are_there_missing_or_optional(tmp_path: Path) -> None:
    pair = source(files=(FILE, {**FILE, "path": "b.txt", "optional": True}))
    states = check_files(pair, tmp_path / "no folder")
    assert [(one.state, one.is_good) for one in states] == [("missing", False), ("missing", True)]
    (tmp_path / "a.txt").write_text("x")
    assert [one.state for one in check_files(pair, tmp_path)] == ["there", "missing"]
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.txt").mkdir()
    assert check_files(pair, tmp_path)[0].state == "missing"


@pytest.mark.parametrize(
    ("known", "state"),
    [
        ({"size": 5}, "there"),
        ({"size": 4}, "wrong size"),
        ({"sha256": hashlib.sha256(b"hello").hexdigest(), "size": 5}, "there"),
        ({"sha256": "0" * 64}, "wrong hash"),
        ({"md5": hashlib.md5(b"hello", usedforsecurity=False).hexdigest()}, "there"),
        ({"md5": "0" * 32}, "wrong hash"),
    ],
)
@pytest.mark.parametrize("kind", ["file", "archive"])
def test_sizes_and_hashes(tmp_path: Path, kind: str, known: dict[str, Any], state: str) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    if kind == "file":
        described = source(files=({**FILE, **known},))
    else:
        described = source(archives=({"name": "a.txt", "url": "https://example.org/a.txt", **known},))
    last = check_files(described, tmp_path)[-1]
    assert last.state == state
    assert last.is_good == (state == "there")
    if state != "there":
        assert last.found != last.expected


def test_an_archive_that_was_unpacked_and_removed_is_not_missed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    archived = source(archives=(Archive(name="a.zip", url="https://example.org/a.zip", size=3),))
    assert [one.path for one in check_files(archived, tmp_path)] == ["a.txt"]


def test_patterns_count_and_hash_all_their_files(tmp_path: Path) -> None:
    lines = ""
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(name)
    for name in ("a.txt", "b.txt"):
        lines += f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n"
    digest = hashlib.sha256(lines.encode()).hexdigest()
    known = SourceFile(path="*.txt", what="x", origin="y", count=2, size=10, sha256=digest)
    state = check_files(source(files=(known,)), tmp_path)[0]
    assert (state.state, state.checked) == ("there", "size and hash")
    (tmp_path / "c.txt").write_text("more")
    assert check_files(source(files=(known.model_copy(update={"size": None}),)), tmp_path)[0].state == "wrong hash"
    few = check_files(source(files=(known.model_copy(update={"count": 4}),)), tmp_path)[0]
    assert (few.state, few.found, few.expected) == ("too few files", "3", "4")


def test_other_places_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"hello"))
    assert check_files(source(files=({**FILE, "also": ("a.txt.gz",)},)), tmp_path)[0].state == "there"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("coco338", "coco338"),
        ("coco5k", "coco5k"),
        ("flickr8k", "flickr8k"),
        ("flickr30k-captions", "flickr30k_text"),
        ("mirflickr25k", "mirflickr25k_dcmh"),
        ("wiki", "wiki"),
        ("wiki", "wiki/wikipedia_info"),
    ],
)
def test_real_folders_hold_what_they_should(test_data: Path, name: str, folder: str) -> None:
    code, printed = show(name, "--root", test_data / folder, "--json")
    result = json.loads(printed)
    assert [one for one in result["checked"] if not one["good"]] == []
    assert code == 0
    assert result["next"].startswith("nothing")


def test_a_real_folder_from_which_a_file_is_missing(test_data: Path) -> None:
    code, printed = show("flickr30k", "--root", test_data / "flickr30k_text")
    assert code == 1
    assert "dataset_flickr30k.json ✗ missing" in printed
    assert "Next: put dataset_flickr30k.json, images/*.jpg in" in printed


@pytest.mark.parametrize("name", sources())
def test_show_says_all_there_is_to_know(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FICOITR_DATA", str(tmp_path))
    code, printed = show(name)
    assert code == 0
    as_words = " ".join(re.sub("[│├└─]", " ", printed).split())
    entry = source_of(name)
    known = [entry.title, entry.licence, entry.citation, entry.homepage, entry.obstacle]
    known += [text for file in entry.files for text in (file.what, file.origin, file.path.rpartition("/")[2])]
    known += [text for one in entry.archives for text in (one.url, one.sha256, one.md5)]
    known += [one.name for one in entry.packages]
    assert [text for text in known if text and text not in as_words] == []
    as_json = json.loads(show(name, "--json")[1])
    assert as_json.pop("name") == name
    assert as_json.pop("checked") is None
    assert as_json.pop("next") in as_words
    assert Source.model_validate(as_json) == entry


def test_show_checks_where_a_fetched_dataset_was_put(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FICOITR_DATA", str(tmp_path))
    assert "Next: ficoitr data fetch emoji\n" in show("emoji")[1]
    (tmp_path / "emoji").mkdir()
    code, printed = show("emoji")
    assert code == 1
    assert "emoji.json ✗ missing" in printed


@pytest.mark.parametrize("name", [name for name in sources() if name != "emoji"])
def test_what_cannot_be_fetched_says_why_and_points_to_show(name: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        fetch(name, tmp_path / "new")
    reason = source_of(name).obstacle or ("drawn" if name == "scenes" else "your own")
    assert reason in str(caught.value)
    assert f"ficoitr data show {name}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
