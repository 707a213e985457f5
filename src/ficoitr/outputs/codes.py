"""Binary outputs of a model: one hash code an item, packed into 64-bit words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ficoitr.errors import CodesError
from ficoitr.outputs.checks import Array, as_matrix, check_ids, require_finite, row_blocks
from ficoitr.outputs.embeddings import Embeddings, read_ids, write_ids
from ficoitr.outputs.files import atomic_path, naming, read_array


@dataclass(frozen=True, eq=False)
class HashCodes:
    """Hash codes of images or texts.

    Parameters
    ----------
    words : uint64 array of shape (n_items, ceil(bits / 64))
        Bit k of an item is bit ``k % 64`` of word ``k // 64``; unused high bits are 0, so that padding never
        adds to a Hamming distance.
    bits : int
        Length of a code.
    ids : sequence of str, optional
        Unique identifiers, one a row.

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.outputs import HashCodes
    >>> codes = HashCodes.from_values(np.array([[-1, 1, 1], [1, -1, 1]]))
    >>> codes
    HashCodes(2 × 3 bits)
    >>> codes.unpack().astype(int)
    array([[0, 1, 1],
           [1, 0, 1]])
    """

    words: Array
    bits: int
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        width = -(-self.bits // 64)
        words = np.ascontiguousarray(self.words)
        if self.bits < 1 or words.ndim != 2 or words.dtype != np.uint64 or words.shape[1] != width or not len(words):
            raise CodesError(
                f"words of dtype {words.dtype} and shape {words.shape} do not hold {self.bits}-bit codes",
                where="hash codes",
                expected=f"uint64 of shape (n_items, {width})",
                fix="Build codes with HashCodes.from_values",
            )
        if self.bits % 64 and (words[:, -1] >> np.uint64(self.bits % 64)).any():
            raise CodesError(f"bits beyond the {self.bits}th are set", where="hash codes", expected="zero padding")
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "ids", check_ids(self.ids, len(words), "hash codes"))

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"HashCodes({len(self.words)} × {self.bits} bits)"

    @property
    def nbytes(self) -> int:
        """Bytes of storage, packed: items × ceil(bits / 8)."""
        return len(self.words) * -(-self.bits // 8)

    @classmethod
    def from_values(
        cls, codes: Any, *, packed: bool = False, bits: int | None = None, ids: Sequence[str] | None = None
    ) -> HashCodes:
        """Build codes from {0, 1}, {-1, +1}, bool or float values (a bit is ``value > 0``), or packed bytes.

        Parameters
        ----------
        codes : array of shape (n_items, bits), or uint8 (n_items, ceil(bits / 8)) when ``packed``
            Packed bytes hold bit k of an item at bit ``7 - k % 8`` of byte ``k // 8``, as ``numpy.packbits``
            and most published codes do.
        packed : bool
            Whether ``codes`` are packed bytes.
        bits : int, optional
            Length of a packed code, when it is no multiple of 8.
        ids : sequence of str, optional
            Identifiers.

        Raises
        ------
        CodesError
            For integers outside one alphabet, for ±1 mixed with 0, for bytes where bits were announced and the
            reverse, for a number of bits that the bytes do not hold.
        """
        array = as_matrix(codes, "hash codes")
        identifiers = None if ids is None else tuple(ids)
        if packed:
            return cls(*_from_packed(array, bits), identifiers)
        if bits is not None and bits != array.shape[1]:
            raise CodesError(
                f"the codes have {array.shape[1]} columns but {bits} bits were announced",
                where="hash codes",
                fix="For packed bytes pass packed=True",
            )
        _check_alphabet(array)
        blocks = [_pack_words(block > 0) for _, block in row_blocks(array)]
        return cls(np.concatenate(blocks), array.shape[1], identifiers)

    def unpack(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return the bits as a bool array of shape (n_items, bits)."""
        as_bytes = self.words.astype("<u8", copy=False).view(np.uint8)
        return np.unpackbits(as_bytes, axis=1, count=self.bits, bitorder="little").astype(np.bool_)

    def to_packed(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return packed bytes of shape (n_items, ceil(bits / 8)), in the order ``from_values`` reads."""
        return np.packbits(self.unpack(), axis=1)

    def save(self, path: str | Path) -> None:
        """Write packed bytes to ``path`` (``.npy``); the number of bits is for the reader to know."""
        path = Path(path)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, self.to_packed(), allow_pickle=False)
        write_ids(path, self.ids)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        packed: bool = True,
        bits: int | None = None,
        ids: Sequence[str] | None = None,
    ) -> HashCodes:
        """Read codes from a ``.npy`` file, packed as ``save`` writes them or one value a bit."""
        path = Path(path)
        identifiers = ids if ids is not None else read_ids(path)
        with naming(str(path)):
            return cls.from_values(read_array(path), packed=packed, bits=bits, ids=identifiers)


def _from_packed(array: Array, bits: int | None) -> tuple[Array, int]:
    if array.dtype != np.uint8:
        raise CodesError(
            f"packed codes have dtype {array.dtype}",
            where="hash codes",
            expected="uint8, as numpy.packbits gives",
            fix="For one value a bit leave packed away",
        )
    n_bytes = array.shape[1]
    bits = 8 * n_bytes if bits is None else bits
    if not isinstance(bits, int):
        raise CodesError(f"the number of bits is {bits!r}", where="hash codes", expected="a whole number")
    if not 8 * (n_bytes - 1) < bits <= 8 * n_bytes:
        raise CodesError(
            f"{n_bytes} bytes an item do not hold codes of {bits} bits",
            where="hash codes",
            expected=f"between {8 * n_bytes - 7} and {8 * n_bytes} bits",
        )
    unpacked = np.unpackbits(np.asarray(array), axis=1)
    if unpacked[:, bits:].any():
        raise CodesError(f"padding bits beyond the {bits}th are set", where="hash codes", expected="zero padding")
    return _pack_words(unpacked[:, :bits].astype(np.bool_)), bits


def _pack_words(bits: Array) -> Array:
    n_items, n_bits = bits.shape
    as_bytes = np.zeros((n_items, 8 * -(-n_bits // 64)), dtype=np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little")
    as_bytes[:, : packed.shape[1]] = packed
    return as_bytes.view("<u8").astype(np.uint64, copy=False)


def _check_alphabet(array: Array) -> None:
    """Integer codes come from one alphabet; floats are real-valued codes, cut at 0."""
    if array.dtype.kind == "b":
        return
    if array.dtype.kind == "f":
        require_finite(array, "hash codes")
        return
    low, high = int(array.min()), int(array.max())
    if low >= 0 and high <= 1:
        return
    if low < -1 or high > 1:
        raise CodesError(
            f"integer codes hold values from {low} to {high}",
            where="hash codes",
            expected="{0, 1}, {-1, +1}, bool or floats",
            fix="For packed bytes use HashCodes.from_values(codes, packed=True) (on the command line --packed)",
        )
    if (array == 0).any():
        row = int(np.argmax((array == 0).any(axis=1)))
        raise CodesError(
            f"the codes mix -1/+1 with 0 (row {row})",
            where="hash codes",
            expected="one alphabet, {0, 1} or {-1, +1}",
            fix="Pass the real values before sign(): a bit is value > 0",
        )


def as_codes(
    values: Any, *, packed: bool = False, bits: int | None = None, ids: Sequence[str] | None = None
) -> HashCodes:
    """Turn whatever a user passes (array, path, HashCodes, real-valued codes as Embeddings) into HashCodes."""
    if isinstance(values, Embeddings):
        return HashCodes.from_values(values.values, bits=bits, ids=values.ids if ids is None else ids)
    if isinstance(values, HashCodes):
        return values if ids is None else HashCodes(values.words, values.bits, tuple(ids))
    if isinstance(values, str | Path):
        return HashCodes.load(values, packed=packed, bits=bits, ids=ids)
    return HashCodes.from_values(values, packed=packed, bits=bits, ids=ids)
