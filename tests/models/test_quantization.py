import numpy as np
import pytest

from ficoitr.models.baseline.quantization import iterative_quantization


@pytest.fixture
def vectors() -> np.ndarray:
    random = np.random.default_rng(3)
    vectors = random.normal(size=(2000, 16)) * np.linspace(2, 0.2, 16)
    return vectors - vectors.mean(axis=0)


def test_the_rotation_is_orthogonal(vectors):
    matrix = iterative_quantization(vectors, iterations=20, seed=0).matrix
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(16), atol=1e-12)


def test_the_loss_never_rises_and_falls_at_first(vectors):
    losses = iterative_quantization(vectors, iterations=50, seed=0).losses
    assert len(losses) == 51
    assert (np.diff(losses) <= 1e-12).all()
    assert losses[-1] < 0.95 * losses[0]


def test_the_reported_loss_is_that_of_the_codes(vectors):
    rotation = iterative_quantization(vectors, iterations=7, seed=0)
    rotated = vectors @ rotation.matrix
    codes = np.where(rotated > 0, 1, -1)
    assert rotation.losses[-1] == pytest.approx(((codes - rotated) ** 2).sum() / len(vectors))


def test_no_iterations_give_a_random_rotation_of_the_seed(vectors):
    first, again, other = (iterative_quantization(vectors, iterations=0, seed=seed).matrix for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_hidden_cube_is_found():
    random = np.random.default_rng(5)
    corners = random.choice([-1.0, 1.0], size=(3000, 6)) + random.normal(scale=0.05, size=(3000, 6))
    turned = corners @ np.linalg.qr(random.normal(size=(6, 6)))[0]
    best = min(iterative_quantization(turned, iterations=50, seed=seed).losses[-1] for seed in range(5))
    assert best == pytest.approx(6 * 0.05**2, rel=0.1)
