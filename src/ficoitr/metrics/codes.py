"""Whether hash codes are good as codes: balance and correlation of their bits, and how many items share a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.errors import CodesError, ValuesError
from ficoitr.metrics.bits import popcount

Array = np.ndarray[Any, Any]
# Items whose bits are counted at a time: columns of 64 bits then stay in the second-level cache.
_BLOCK = 8192


@dataclass(frozen=True)
class CodeStatistics:
    """Statistics of the hash codes of n items, the result of `code_statistics`.

    Weiss, Torralba and Fergus ("Spectral Hashing", NIPS 2008, equation 1) ask of good codes that every bit is
    balanced and that bits are uncorrelated. Both are measured here, and what follows where they fail: items of one
    code, which no ranking by Hamming distance can tell apart.

    Parameters
    ----------
    items, bits : int
        n, and the length of a code.
    ones : tuple of float
        p_k, the share of the items whose bit k is 1.
    imbalance : float
        The mean of abs(p_k - 1/2) over the bits: 0 where all are balanced, 1/2 where all are constant.
    constant_bits : int
        Bits that are the same in all items: p_k is 0 or 1.
    mean_correlation, max_correlation : float or None
        Mean and maximum of abs(r_jk) over all pairs j < k of bits that are not constant; None without such a pair.
        r_jk is Pearson's correlation, which of two bits is
        (n c_jk - s_j s_k) / sqrt(s_j (n - s_j) s_k (n - s_k)), where s_k items have bit k, and c_jk both bits.
    distinct : int
        Different codes.
    colliding : int
        Items whose code another item has too.
    largest_bucket : int
        Items of the most frequent code.
    collision_probability : float or None
        Of two different items, drawn at random, to share a code: the sum of m (m - 1) / (n (n - 1)) over the codes,
        m being how many items have one (Simpson, "Measurement of Diversity", Nature 163, 1949). None for one item.
    """

    items: int
    bits: int
    ones: tuple[float, ...]
    imbalance: float
    constant_bits: int
    mean_correlation: float | None
    max_correlation: float | None
    distinct: int
    colliding: int
    largest_bucket: int
    collision_probability: float | None

    def worst_bits(self, count: int = 3) -> list[tuple[int, float]]:
        """The least balanced bits, from 0, each with its share of 1s, the worst first; fewer if all else is balanced.

        Examples
        --------
        >>> import numpy as np
        >>> codes = np.array([[1], [1], [1], [3]], dtype=np.uint64)
        >>> code_statistics(codes, 3).worst_bits()
        [(0, 1.0), (2, 0.0), (1, 0.25)]
        """
        order = sorted(range(self.bits), key=lambda bit: -abs(self.ones[bit] - 0.5))
        return [(bit, self.ones[bit]) for bit in order[:count] if self.ones[bit] != 0.5]


def code_statistics(words: Array, bits: int) -> CodeStatistics:
    """Compute the statistics of hash codes.

    All comes from whole counts: the order of the items makes no difference, down to the last bit. Memory is that of a
    copy of the codes, and of bits × bits numbers.

    Parameters
    ----------
    words : uint64 array of shape (n_items, ceil(bits / 64))
        Bit k of an item is bit ``k % 64`` of word ``k // 64``, unused high bits being 0, as in ``HashCodes``.
    bits : int
        Length of a code.

    Returns
    -------
    CodeStatistics

    Raises
    ------
    CodesError
        If the words do not hold codes of that length.
    ValuesError
        If there are no items.

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.outputs import HashCodes
    >>> codes = HashCodes.from_values(np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 0, 1]]))
    >>> found = code_statistics(codes.words, codes.bits)
    >>> found.ones, found.constant_bits, round(found.max_correlation, 3)
    ((0.5, 0.25, 1.0), 1, 0.577)
    >>> found.distinct, found.colliding, found.largest_bucket
    (3, 2, 2)
    """
    if words.dtype != np.uint64 or words.ndim != 2 or bits < 1 or words.shape[1] != -(-bits // 64):
        raise CodesError(
            f"words of dtype {words.dtype} and shape {words.shape} do not hold {bits}-bit codes",
            where="hash codes",
            expected=f"uint64 of shape (n_items, {-(-bits // 64)})",
            fix="Pass the words and the bits of HashCodes",
        )
    n_items = len(words)
    if n_items == 0:
        raise ValuesError("there are no items", where="hash codes", expected="one code or more")
    words = np.ascontiguousarray(words)
    both = _pair_counts(words, bits)
    with_bit = both.diagonal()
    mean, largest = _correlations(both, n_items)
    sizes = _bucket_sizes(words)
    return CodeStatistics(
        items=n_items,
        bits=bits,
        ones=tuple((with_bit / n_items).tolist()),
        # Twice the distance from n / 2 is whole, so that the sum is exact.
        imbalance=int(np.abs(2 * with_bit - n_items).sum()) / (2 * n_items * bits),
        constant_bits=int(((with_bit == 0) | (with_bit == n_items)).sum()),
        mean_correlation=mean,
        max_correlation=largest,
        distinct=len(sizes),
        colliding=int(sizes[sizes > 1].sum()),
        largest_bucket=int(sizes.max()),
        collision_probability=int((sizes * (sizes - 1)).sum()) / (n_items * (n_items - 1)) if n_items > 1 else None,
    )


def _pair_counts(words: Array, bits: int) -> Array:
    """Items that have bit j and bit k, int64 (bits, bits), for j <= k; below the diagonal 0."""
    counts = np.zeros((bits, bits), dtype=np.int64)
    for start in range(0, len(words), _BLOCK):
        _add_pairs(words[start : start + _BLOCK], counts)
    return counts


def _correlations(both: Array, n_items: int) -> tuple[float | None, float | None]:
    """Mean and maximum of abs(r) over the pairs of bits that vary."""
    ones = both.diagonal()
    # Up to n² / 4 each, so that their product goes beyond int64.
    spread = (ones * (n_items - ones)).astype(np.float64)
    varying = np.flatnonzero(spread)
    n_pairs = len(varying) * (len(varying) - 1) // 2
    if n_pairs == 0:
        return None, None
    total = largest = 0.0
    for place, bit in enumerate(varying[:-1]):
        others = varying[place + 1 :]
        covariance = n_items * both[bit, others] - ones[bit] * ones[others]
        absolute = np.abs(covariance) / np.sqrt(spread[bit] * spread[others])
        total += float(absolute.sum())
        largest = max(largest, float(absolute.max()))
    return total / n_pairs, largest


def _bucket_sizes(words: Array) -> Array:
    """How many items each distinct code has, int64 (n_distinct,)."""
    keys = words[:, 0] if words.shape[1] == 1 else words.view(f"V{words.itemsize * words.shape[1]}")[:, 0]
    ordered = np.sort(keys)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return np.diff(starts, append=len(ordered))


@kernel
def _add_pairs(words, counts):  # type: ignore[no-untyped-def]
    """Add to counts[j, k], j <= k, the items of a block that have both bits: bits are turned into columns of words."""
    n_items = len(words)
    n_bits = len(counts)
    columns = np.zeros((n_bits, (n_items + 63) // 64), np.uint64)
    one = np.uint64(1)
    for group in range(columns.shape[1]):
        first = 64 * group
        in_group = min(64, n_items - first)
        for bit in range(n_bits):
            word, shift = bit // 64, np.uint64(bit % 64)
            gathered = np.uint64(0)
            for i in range(in_group):
                gathered |= ((words[first + i, word] >> shift) & one) << np.uint64(i)
            columns[bit, group] = gathered
    for j in range(n_bits):
        for k in range(j, n_bits):
            both = np.uint64(0)
            for group in range(columns.shape[1]):
                both += popcount(columns[j, group] & columns[k, group])
            counts[j, k] += np.int64(both)
