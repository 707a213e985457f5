"""Named arrays of MATLAB's, HDF5's and NumPy's files, as they were when they were written; and damaged files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from ficoitr.data.arrays import has_array, read_array, read_matrix, read_strings
from ficoitr.errors import FileFormatError

h5py = pytest.importorskip("h5py")

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.arange(12.0).reshape(4, 3)
SPARSE = csc_array(np.array([[0, 2.0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 3]]))


def save_v73(path: Path, **arrays: object) -> None:
    """Write a file as MATLAB 7.3 does: transposed, in compressed pieces, with its attributes and its header."""
    with h5py.File(path, "w", userblock_size=512) as file:
        refs = file.create_group("#refs#")
        for name, value in arrays.items():
            if isinstance(value, csc_array):
                group = file.create_group(name)
                group.attrs["MATLAB_class"] = np.bytes_("double")
                group.attrs["MATLAB_sparse"] = np.uint64(value.shape[0])
                group["jc"], group["ir"], group["data"] = value.indptr, value.indices, value.data
            elif isinstance(value, list):
                cells = []
                for number, text in enumerate(value):
                    refs[f"{name}{number}"] = np.array([[ord(letter)] for letter in text], np.uint16)
                    cells.append([refs[f"{name}{number}"].ref])
                file.create_dataset(name, data=np.array(cells, h5py.ref_dtype).T)
                file[name].attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                value = np.asarray(value)
                node = file.create_dataset(name, data=value.T, chunks=value.T.shape, compression="gzip")
                node.attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def save_h5(path: Path, **arrays: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file[name] = value


WRITERS = {
    "MATLAB 5": ("x.mat", lambda path: savemat(path, {"X": VALUES, "other": np.eye(2)})),
    "MATLAB 5, compressed": ("x.mat", lambda path: savemat(path, {"X": VALUES}, do_compression=True)),
    "MATLAB 7.3": ("x.mat", lambda path: save_v73(path, X=VALUES, other=np.eye(2))),
    "HDF5 of Python": ("x.h5py", lambda path: save_h5(path, X=VALUES)),
    "HDF5 called .mat": ("x.mat", lambda path: save_h5(path, X=VALUES)),
    "MATLAB 5 called .h5": ("x.h5", lambda path: savemat(path, {"X": VALUES}, appendmat=False)),
    "npy": ("x.npy", lambda path: np.save(path, VALUES)),
    "npz": ("x.npz", lambda path: np.savez(path, X=VALUES)),
}


@pytest.mark.parametrize("case", WRITERS)
def test_every_format_gives_the_array_that_was_written(tmp_path: Path, case: str) -> None:
    name, write = WRITERS[case]
    write(tmp_path / name)
    values = read_matrix(tmp_path / name, "X", rows=4)
    np.testing.assert_array_equal(values, VALUES)
    assert values.dtype == VALUES.dtype
    assert has_array(tmp_path / name, "X")
    if name != "x.npy":
        assert not has_array(tmp_path / name, "Y")


@pytest.mark.parametrize("case", ["MATLAB 5", "MATLAB 7.3"])
def test_sparse_matrices_come_out_dense(tmp_path: Path, case: str) -> None:
    if case == "MATLAB 5":
        savemat(tmp_path / "x.mat", {"X": SPARSE.tocsc()})
    else:
        save_v73(tmp_path / "x.mat", X=SPARSE)
    np.testing.assert_array_equal(read_matrix(tmp_path / "x.mat", "X"), SPARSE.toarray())


def test_fields_of_structs_and_groups(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", {"data": {"X": VALUES, "split": {"train": np.array([[1, 2]])}}})
    np.testing.assert_array_equal(read_array(tmp_path / "x.mat", "data.X"), VALUES)
    assert read_array(tmp_path / "x.mat", "data.split.train").tolist() == [[1, 2]]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data/X"] = VALUES
    np.testing.assert_array_equal(read_array(tmp_path / "x.h5", "data.X"), VALUES)
    with pytest.raises(FileFormatError, match=r"no array 'data\.Z'.*one of data\.X, data\.split"):
        read_array(tmp_path / "x.mat", "data.Z")
    with pytest.raises(FileFormatError, match=r"no array 'data\.Z'.*one of data\.X"):
        read_array(tmp_path / "x.h5", "data.Z")
    with pytest.raises(FileFormatError, match=r"'data' is no array.*data\.X"):
        read_array(tmp_path / "x.h5", "data")


@pytest.mark.parametrize("case", ["MATLAB 5", "MATLAB 7.3"])
def test_cell_arrays_of_strings(tmp_path: Path, case: str) -> None:
    names = ["im1.jpg", "im10.jpg", "ü.jpg"]
    if case == "MATLAB 5":
        savemat(tmp_path / "x.mat", {"F": np.array(names, object)[:, None], "X": VALUES})
    else:
        save_v73(tmp_path / "x.mat", F=names, X=VALUES)
    assert read_strings(tmp_path / "x.mat", "F") == names
    with pytest.raises(FileFormatError, match="'X' is no cell array of strings"):
        read_strings(tmp_path / "x.mat", "X")


def test_what_python_wrote_in_one_piece_is_mapped(tmp_path: Path) -> None:
    # Behind a block of the owner's, too: the place of the values is counted from the beginning of the file.
    with h5py.File(tmp_path / "x.h5", "w", userblock_size=1024) as file:
        file["X"] = VALUES.astype(">f4")
        file["B"] = VALUES > 5
    values = read_matrix(tmp_path / "x.h5", "X")
    assert isinstance(values, np.memmap)
    np.testing.assert_array_equal(values, VALUES)
    np.testing.assert_array_equal(read_matrix(tmp_path / "x.h5", "B"), VALUES > 5)


def _cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _save_and_cut(path: Path, case: str, share: float) -> None:
    big = np.random.default_rng(0).random((40, 50))
    if case == "MATLAB 5":
        savemat(path, {"X": big})
    elif case == "MATLAB 5, compressed":
        savemat(path, {"X": big}, do_compression=True)
    elif case == "MATLAB 7.3":
        save_v73(path, X=big)
    elif case == "npy":
        np.save(path.with_suffix(".npy"), big)
        path.with_suffix(".npy").rename(path)
    else:
        np.savez(path.with_suffix(".npz"), X=big)
        path.with_suffix(".npz").rename(path)
    _cut(path, share)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("case", ["MATLAB 5", "MATLAB 5, compressed", "MATLAB 7.3", "npy", "npz"])
def test_files_that_are_cut_off(tmp_path: Path, case: str, share: float) -> None:
    path = tmp_path / "x.mat"
    _save_and_cut(path, case, share)
    with pytest.raises(FileFormatError, match=f"{re.escape(str(path))}.*cut off"):
        read_array(path, "X")


BAD = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty.*MATLAB 5 or later"),
    "text": (lambda path: path.write_text("a,b\n" * 100), "of an unknown format"),
    "a folder": (lambda path: path.mkdir(), "cannot be read"),
    "no such array": (lambda path: savemat(path, {"Xs": VALUES}), "no array 'X'.*one of Xs.*Did you mean 'Xs'"),
    "no such array, 7.3": (lambda path: save_v73(path, Xs=VALUES), "no array 'X'.*one of Xs.*Did you mean"),
    "no array at all": (lambda path: savemat(path, {}), "no array 'X'.*an array; it has none"),
    "text in it": (lambda path: savemat(path, {"X": "hello"}), "'X' is of type <U5.*numbers"),
    "one axis": (lambda path: save_h5(path, X=np.arange(4.0)), r"'X' has the shape \(4,\)"),
    "three axes": (lambda path: savemat(path, {"X": np.zeros((4, 3, 2))}), r"'X' has the shape \(4, 3, 2\)"),
    "no rows": (lambda path: savemat(path, {"X": np.zeros((0, 3))}), r"'X' has the shape \(0, 3\)"),
    "other rows": (lambda path: savemat(path, {"X": np.zeros((5, 3))}), "'X' has 5 rows. Expected 4, a row an item.$"),
    "transposed": (lambda path: savemat(path, {"X": np.zeros((3, 4))}), "'X' has 3 rows.*transpose it"),
    "a struct": (lambda path: savemat(path, {"X": {"a": VALUES}}), "'X' is of type.*numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(tmp_path: Path, case: str) -> None:
    write, message = BAD[case]
    path = tmp_path / "x.mat"
    write(path)
    with pytest.raises(FileFormatError, match=f"^{re.escape(str(path))}: .*{message}"):
        read_matrix(path, "X", rows=4)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"x\.mat: the file does not exist"):
        read_array(tmp_path / "x.mat", "X")


def test_a_missing_array_of_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", Xs=VALUES)
    with pytest.raises(FileFormatError, match=r"no array 'X'.*Did you mean 'Xs'"):
        read_array(tmp_path / "x.npz", "X")


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_array(tmp_path / "x.npy", "X")
