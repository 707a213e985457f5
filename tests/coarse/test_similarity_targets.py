"""Targets and the neighbour graph against loops written from their equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ficoitr.errors import OptionError, ShapeError, ValuesError
from ficoitr.models.coarse import neighbour_graph
from ficoitr.models.coarse.neighbour_graph import NeighbourGraph
from ficoitr.models.coarse.similarity_targets import (
    SimilarityDistribution,
    coherence_target,
    cosines,
    feature_similarities,
    joint_similarities,
    reconstruction_target,
    weighted_similarities,
)
from ficoitr.models.training import FeaturePairs

CPU = torch.device("cpu")


def cosine(one, other) -> float:
    length = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / length) if length else 0.0


def features(n: int = 7, seed: int = 0):
    generator = np.random.default_rng(seed)
    return [np.maximum(generator.normal(0.5, 1, size=(n, width)), 0) for width in (6, 9)]


def similarities(values):
    return np.array([[2 * cosine(one, other) - 1 for other in values] for one in values])


def test_cosines_and_similarities() -> None:
    images, _ = features()
    images[2] = 0
    found = feature_similarities(torch.from_numpy(images))
    np.testing.assert_allclose(found, similarities(images), atol=1e-12)
    # A row of zeros is like nothing.
    assert cosines(torch.zeros(1, 3), torch.ones(2, 3)).tolist() == [[0, 0]]


@pytest.mark.parametrize("n", [2, 7])
def test_reconstruction_target(n: int) -> None:
    images, texts = map(similarities, features(n))
    expected = np.zeros((n, n))
    joint = 0.7 * images + 0.3 * texts
    for i in range(n):
        for j in range(n):
            mutual = sum(joint[i, k] * joint[j, k] for k in range(n)) / n
            expected[i, j] = 1.5 * (0.6 * joint[i, j] + 0.4 * mutual)
    found = reconstruction_target(
        torch.from_numpy(images), torch.from_numpy(texts), image_share=0.7, mutual_share=0.4, scale=1.5
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("n", [2, 7])
def test_joint_similarities(n: int) -> None:
    images, texts = map(similarities, features(n))
    expected = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            mutual = (cosine(images[i], texts[j]) + cosine(images[j], texts[i])) / 2
            expected[i, j] = 0.5 * images[i, j] + 0.1 * texts[i, j] + 0.4 * mutual
    found = joint_similarities(
        torch.from_numpy(images), torch.from_numpy(texts), image_weight=0.5, text_weight=0.1, mutual_weight=0.4
    )
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_weighted_similarities() -> None:
    distribution = SimilarityDistribution(mode=-0.2, left_scale=0.1, right_scale=0.15, lowest=-0.7, highest=0.9)
    values = np.random.default_rng(0).uniform(-0.9, 1, size=(6, 6))
    expected = values.copy()
    for place, value in np.ndenumerate(values):
        if value < -0.2 - 2 * 0.1:
            expected[place] = (1 + 0.1 * np.exp(-(value + 0.7))) * value
        if value > -0.2 + 3 * 0.15:
            expected[place] = (1 + 0.3 * np.exp(value - 0.9)) * value
    weights = {"left_deviations": 2, "right_deviations": 3, "left_weight": 0.1, "right_weight": 0.3}
    found = weighted_similarities(torch.from_numpy(values), distribution, **weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    changed = expected != values
    assert changed.any()
    assert not changed.all()


def test_a_measured_distribution() -> None:
    """Two halves of normal distributions, of other scales, around one mode."""
    generator = np.random.default_rng(0)
    left, right = np.abs(generator.normal(size=(2, 200_000)))
    found = SimilarityDistribution.measured(np.concatenate([-0.4 - 0.05 * left[:50_000], -0.4 + 0.2 * right]))
    assert found.mode == pytest.approx(-0.4, abs=0.02)
    assert found.left_scale == pytest.approx(0.05, rel=0.3)
    assert found.right_scale == pytest.approx(0.2, rel=0.1)
    assert found.lowest == pytest.approx(-0.4 - 0.05 * left[:50_000].max())
    # Where all are equal nothing lies apart.
    flat = SimilarityDistribution.measured(np.full(9, 0.5))
    assert max(flat.left_scale, flat.right_scale) < 0.02
    with pytest.raises(ShapeError, match="no similarities to measure"):
        SimilarityDistribution.measured(np.empty(0))


def pairs_of_a_graph(n_texts: int = 30):
    """Some images with two texts."""
    generator = np.random.default_rng(3)
    owners = generator.integers(20, size=n_texts)
    images, texts = (np.maximum(generator.normal(0.3, 1, size=(n, w)), 0) for n, w in ((20, 8), (n_texts, 11)))
    return FeaturePairs(images.astype(np.float32), texts.astype(np.float32), owners)


def whole_matrix(pairs: FeaturePairs, image_share: float, neighbours: int):
    """P as a loop over all pairs of pairs."""
    n = len(pairs)
    joint = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            images = cosine(pairs.images[pairs.text_to_image[i]], pairs.images[pairs.text_to_image[j]])
            joint[i, j] = image_share * images + (1 - image_share) * cosine(pairs.texts[i], pairs.texts[j])
    steps = np.zeros((n, n))
    for i in range(n):
        others = sorted((j for j in range(n) if j != i), key=lambda j, i=i: -joint[i, j])[:neighbours]
        total = sum(max(joint[i, j], 0) for j in others)
        for j in others:
            steps[i, j] = max(joint[i, j], 0) / total if total else 0
    return joint, steps


@pytest.mark.parametrize("numbers_at_once", [1, 100, 1 << 24])
@pytest.mark.parametrize("neighbours", [1, 5, 1000])
def test_the_graph_is_that_of_the_whole_matrix(
    neighbours: int, numbers_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_graph, "_MOST_NUMBERS", numbers_at_once)
    pairs = pairs_of_a_graph()
    graph = NeighbourGraph(pairs, image_share=0.6, neighbours=neighbours, device=CPU)
    joint, steps = whole_matrix(pairs, 0.6, neighbours)
    rows = np.array([4, 0, 29, 17, 5])
    coherence = graph.coherence(torch.from_numpy(rows))
    np.testing.assert_allclose(coherence, (steps @ steps.T)[np.ix_(rows, rows)], atol=1e-6)
    target = coherence_target(torch.from_numpy(joint), torch.from_numpy(steps @ steps.T), coherence_share=0.3, scale=40)
    expected = 2 * (0.7 * joint + 0.3 * 40 * steps @ steps.T) - 1
    np.testing.assert_allclose(target, expected, atol=1e-12)
    assert graph.indices.shape == (30, min(neighbours, 29))


def test_pairs_that_are_like_nothing_go_nowhere() -> None:
    images = np.eye(4, dtype=np.float32)
    images[3] = 0
    graph = NeighbourGraph(FeaturePairs(images, -images, np.arange(4)), image_share=0.5, neighbours=2, device=CPU)
    assert torch.equal(graph.coherence(torch.arange(4)), torch.zeros(4, 4))


def test_what_is_no_graph() -> None:
    one = np.ones((1, 2), dtype=np.float32)
    with pytest.raises(OptionError, match="there are 1 pairs"):
        NeighbourGraph(FeaturePairs(one, one, np.zeros(1, int)), image_share=0.5, neighbours=2, device=CPU)
    bad = np.ones((3, 2), dtype=np.float32)
    bad[1, 1] = np.inf
    with pytest.raises(ValuesError, match="image 1"):
        NeighbourGraph(FeaturePairs(bad, bad, np.arange(3)), image_share=0.5, neighbours=2, device=CPU)
