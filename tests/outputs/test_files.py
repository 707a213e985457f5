"""Outputs on disk: round trips, refused files, and writes that are whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ficoitr.errors import FileFormatError, IdentifierError, OutputError, ShapeError
from ficoitr.outputs import Embeddings, HashCodes
from ficoitr.outputs.files import atomic_path, read_array, read_json, read_lines

# Identifiers hold anything but the ends of lines, which part them in the file.
NAMES = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r"), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
    unique=True,
)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64])
def test_embeddings_survive_the_disk(dtype: type, tmp_path: Path) -> None:
    values = np.arange(12).reshape(4, 3).astype(dtype)
    Embeddings(values, ids=("a", "b", "c", "d")).save(tmp_path / "images.npy")
    again = Embeddings.load(tmp_path / "images.npy")
    assert again.values.dtype == dtype
    assert isinstance(again.values, np.memmap)
    np.testing.assert_array_equal(again.values, values)
    assert again.ids == ("a", "b", "c", "d")


@pytest.mark.parametrize("bits", [1, 7, 8, 63, 64, 65, 200])
def test_codes_survive_the_disk(bits: int, tmp_path: Path) -> None:
    codes = HashCodes.from_values(np.random.default_rng(bits).random((5, bits)) < 0.5, ids=tuple("vwxyz"))
    codes.save(tmp_path / "codes.npy")
    again = HashCodes.load(tmp_path / "codes.npy", bits=bits)
    np.testing.assert_array_equal(again.words, codes.words)
    assert again.ids == codes.ids
    assert np.load(tmp_path / "codes.npy").nbytes == codes.nbytes


@settings(max_examples=50, deadline=None)
@given(names=NAMES)
def test_identifiers_survive_the_disk(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("ids") / "x.npy"
    Embeddings(np.ones((len(names), 2)), ids=tuple(names)).save(path)
    assert Embeddings.load(path).ids == tuple(names)


def test_identifiers_of_an_older_file_do_not_stay(tmp_path: Path) -> None:
    Embeddings(np.ones((2, 2)), ids=("old", "older")).save(tmp_path / "x.npy")
    Embeddings(np.ones((2, 2))).save(tmp_path / "x.npy")
    assert Embeddings.load(tmp_path / "x.npy").ids is None


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    lines = ["a dog\u2028runs", "two\x85words", "form\x0cfeed", "the last"]
    (tmp_path / "captions.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert read_lines(tmp_path / "captions.txt") == lines


def test_shards_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "img_emb"
    folder.mkdir()
    for number in (10, 9, 0):
        np.save(folder / f"img_emb_{number}.npy", np.full((1, 2), number, dtype=np.float32))
    assert Embeddings.load(tmp_path, modality="images").values[:, 0].tolist() == [0, 9, 10]
    np.save(folder / "img_emb_11.npy", np.ones((1, 3), dtype=np.float32))
    with pytest.raises(ShapeError, match="different widths"):
        Embeddings.load(tmp_path, modality="images")


def test_pickled_arrays_are_not_opened(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return (mark.touch, ())

    np.save(tmp_path / "x.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="pickled"):
        read_array(tmp_path / "x.npy")
    assert not mark.exists()


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("kept", [0, 5, 60, 200])
def test_truncated_arrays_are_named(mmap: bool, kept: int, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.ones((10, 10)))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileFormatError, match=r"x\.npy"):
        read_array(path, mmap=mmap)


def test_files_that_are_no_arrays_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no such file"):
        read_array(tmp_path / "none.npy")
    with pytest.raises(FileFormatError, match="folder"):
        read_array(tmp_path)
    np.savez(tmp_path / "many.npz", a=np.ones(2), b=np.ones(2))
    with pytest.raises(FileFormatError, match="archive"):
        read_array(tmp_path / "many.npz")
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(FileFormatError, match="NumPy's format"):
        read_array(tmp_path / "text.npy")


def test_json_errors_name_the_place(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1,\n "b" 2}')
    with pytest.raises(FileFormatError, match="line 2, column 6"):
        read_json(tmp_path / "x.json")
    (tmp_path / "y.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(FileFormatError, match="UTF-8"):
        read_json(tmp_path / "y.json")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text("new, but")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")
    program = (
        "import sys, time\n"
        "from ficoitr.outputs.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary, temporary.open('w') as file:\n"
        "    file.write('new, but'); file.flush(); print('half way', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        process.send_signal(signal.SIGKILL)
    assert target.read_text() == "old"


def test_a_whole_write_replaces_and_has_usual_permissions(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    other = tmp_path / "usual.txt"
    other.write_text("")
    assert target.stat().st_mode == other.stat().st_mode


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"), atomic_path(tmp_path / "none" / "x.json"):
        pass
    with pytest.raises(OutputError, match="folder of that name"), atomic_path(tmp_path):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot write"), atomic_path(tmp_path / "x.json"):
        pass


def test_identifiers_are_checked() -> None:
    with pytest.raises(IdentifierError, match="occurs twice"):
        Embeddings(np.ones((2, 2)), ids=("a", "a"))
    with pytest.raises(IdentifierError, match="1 identifiers for 2"):
        Embeddings(np.ones((2, 2)), ids=("a",))
