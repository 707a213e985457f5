import numpy as np
import pytest
from scipy import linalg, sparse
from sklearn import cross_decomposition

from ficoitr.models.baseline.correlation import Ridges, canonical_directions, paired_moments

PLANTED = np.array([0.9, 0.7, 0.4])


def planted_pairs(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two views whose canonical correlations are PLANTED, mixed by random matrices and shifted."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=(n, 3))
    noise = random.normal(size=(2, n, 3))
    other = PLANTED * shared + np.sqrt(1 - PLANTED**2) * noise[0]
    left = np.hstack([shared, random.normal(size=(n, 5))]) @ random.normal(size=(8, 8)) + 3
    right = np.hstack([other, random.normal(size=(n, 3))]) @ random.normal(size=(6, 6)) - 2
    return left, right


def one_to_one(left: np.ndarray, right: np.ndarray):
    return paired_moments(left, sparse.csr_matrix(right), np.arange(len(left)))


def test_planted_correlations_are_found():
    directions = canonical_directions(one_to_one(*planted_pairs()), 3, Ridges(0, 0))
    np.testing.assert_allclose(directions.correlations, PLANTED, atol=0.04)


def test_projections_are_white_and_correlate_as_reported():
    left, right = planted_pairs()
    directions = canonical_directions(one_to_one(left, right), 4, Ridges(0, 0))
    images = (left - left.mean(axis=0)) @ directions.images
    texts = (right - right.mean(axis=0)) @ directions.texts
    np.testing.assert_allclose(images.T @ images / len(left), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(texts.T @ texts / len(left), np.eye(4), atol=1e-9)
    np.testing.assert_allclose(images.T @ texts / len(left), np.diag(directions.correlations), atol=1e-9)


def test_agrees_with_scikit_learn():
    left, right = planted_pairs()
    peer = cross_decomposition.CCA(n_components=3, max_iter=5000, tol=1e-12).fit(left, right)
    pairs = zip(*(scores.T for scores in peer.transform(left, right)), strict=True)
    expected = [np.corrcoef(image, text)[0, 1] for image, text in pairs]
    found = canonical_directions(one_to_one(left, right), 3, Ridges(0, 0)).correlations
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_ridges_agree_with_the_generalised_eigenproblem():
    left, right = planted_pairs(n=300)
    d_images, d_texts = left.shape[1], right.shape[1]
    joint = np.cov(np.hstack([left, right]).T, bias=True)
    sides = linalg.block_diag(joint[:d_images, :d_images], joint[d_images:, d_images:])
    ridges = [0.5 * np.trace(joint[:d_images, :d_images]) / d_images] * d_images
    ridges += [0.2 * np.trace(joint[d_images:, d_images:]) / d_texts] * d_texts
    expected = linalg.eigh(joint - sides, sides + np.diag(ridges), eigvals_only=True)[::-1][:5]
    found = canonical_directions(one_to_one(left, right), 5, Ridges(0.5, 0.2)).correlations
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_several_texts_count_as_pairs_of_their_image():
    left, right = planted_pairs(n=200)
    text_to_image = np.sort(np.random.default_rng(1).integers(0, 200, size=500))
    texts = np.random.default_rng(2).normal(size=(500, 6)) + right[text_to_image]
    grouped = canonical_directions(paired_moments(left, sparse.csr_matrix(texts), text_to_image), 4, Ridges(0.1, 0.1))
    repeated = canonical_directions(one_to_one(left[text_to_image], texts), 4, Ridges(0.1, 0.1))
    np.testing.assert_allclose(grouped.correlations, repeated.correlations, atol=1e-10)
    np.testing.assert_allclose(grouped.images, repeated.images, atol=1e-7)


def test_more_ridge_gives_smaller_correlations():
    moments = one_to_one(*planted_pairs(n=500))
    sums = [canonical_directions(moments, 6, Ridges(ridge, ridge)).correlations.sum() for ridge in (0.0, 0.1, 1.0)]
    assert sums[0] > sums[1] > sums[2] > 0


@pytest.mark.parametrize("asked", [2, 6, 50])
def test_no_more_dimensions_than_the_smaller_side(asked):
    found = canonical_directions(one_to_one(*planted_pairs(n=500)), asked, Ridges(0.1, 0.1))
    assert found.images.shape == (8, min(asked, 6))
    assert found.texts.shape == (6, min(asked, 6))
