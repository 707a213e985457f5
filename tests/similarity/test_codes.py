"""Scorers of hash codes: widths, blocks of the gallery, and the errors."""

from __future__ import annotations

import numpy as np
import pytest

from ficoitr.errors import CodesError
from ficoitr.outputs import HashCodes
from ficoitr.similarity.hamming import hamming_scorer
from metrics.rankings import by_lists


@pytest.mark.parametrize("bits", [16, 64, 100, 255, 256, 512])
@pytest.mark.parametrize("n_candidates", [1, 2047, 2048, 2049, 5000])
def test_counting_over_blocks_of_the_gallery(bits: int, n_candidates: int) -> None:
    generator = np.random.default_rng(bits + n_candidates)
    queries, candidates = (generator.random((n, bits)) < 0.5 for n in (4, n_candidates))
    distances = (queries[:, None, :] != candidates[None, :, :]).sum(axis=2)
    own = generator.integers(0, n_candidates, 4)
    relevant = np.arange(n_candidates) == own[:, None]
    scorer = hamming_scorer(HashCodes.from_values(queries), HashCodes.from_values(candidates))
    for groups in (scorer.counted_groups(0, 4, by_lists(relevant)), scorer.ordered_groups(0, 4, by_lists(relevant))):
        reached = np.take_along_axis(distances, own[:, None], axis=1)
        np.testing.assert_array_equal(groups.before, (distances < reached).sum(axis=1))
        np.testing.assert_array_equal(groups.size, (distances == reached).sum(axis=1))


def test_codes_of_two_lengths_are_refused() -> None:
    with pytest.raises(CodesError, match="pack both or neither"):
        hamming_scorer(HashCodes.from_values(np.eye(8)), HashCodes.from_values(np.eye(64)))
