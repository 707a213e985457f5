"""Collective matrix factorization: each closed form against the objective written out over all pairs."""

import numpy as np
import pytest
from scipy import sparse

from ficoitr.models.baseline.correlation import paired_moments
from ficoitr.models.baseline.factorization import FactorizationWeights, collective_factorization

N_IMAGES, WEIGHTS = 40, FactorizationWeights(balance=0.3, mu=5.0, gamma=0.2)


@pytest.fixture(scope="module")
def data():
    """Images of 7 features with one to four texts of 5 features each, none of mean 0."""
    random = np.random.default_rng(4)
    text_to_image = random.permutation(np.repeat(np.arange(N_IMAGES), random.integers(1, 5, N_IMAGES)))
    images = random.normal(size=(N_IMAGES, 7)) + 3
    texts = images[text_to_image, :5] + 0.7 * random.normal(size=(len(text_to_image), 5)) - 1
    return images, texts, text_to_image


def pairs(data):
    """X_1 and X_2 as the paper writes them: a centred pair a column."""
    images, texts, text_to_image = data
    return [(side - side.mean(axis=0)).T for side in (images[text_to_image], texts)]


def factorize(data, *, bits=4, weights=WEIGHTS, iterations=3, seed=0):
    moments = paired_moments(*data)
    return collective_factorization(moments, len(data[2]), bits, weights, iterations=iterations, seed=seed)


def latent_of(found, features):
    return sum(coefficients @ one for coefficients, one in zip(found.coefficients, features, strict=True))


def written_out(features, latent, bases, maps, weights=WEIGHTS):
    """The objective over all pairs, one squared number after the other."""
    total = weights.gamma * (latent**2).sum()
    for one, base, own, weight in zip(features, bases, maps, (weights.balance, 1 - weights.balance), strict=True):
        total += weight * ((one - base @ latent) ** 2).sum() + weights.mu * ((latent - own @ one) ** 2).sum()
        total += weights.gamma * ((base**2).sum() + (own**2).sum())
    return total


def gradient(of, point):
    """Central differences in every entry: exact but for rounding, the objective being quadratic in each kind."""
    result = np.zeros_like(point)
    for place in np.ndindex(point.shape):
        step = np.zeros_like(point)
        step[place] = 0.5
        result[place] = of(point + step) - of(point - step)
    return result


def start_of(data, bits, seed):
    """Where the first iteration starts: random maps, and the latent factors that they make."""
    random = np.random.default_rng(seed)
    features = pairs(data)
    return features, sum(random.normal(size=(bits, len(one))) @ one for one in features)


def test_the_losses_are_the_objective_over_all_pairs(data):
    found, features = factorize(data), pairs(data)
    assert found.losses.shape == (3, 3)
    right = written_out(features, latent_of(found, features), found.bases, found.maps)
    assert found.losses[-1, -1] == pytest.approx(right, rel=1e-10)


@pytest.mark.parametrize("bits", [1, 4, 16])
@pytest.mark.parametrize("weights", [FactorizationWeights(), WEIGHTS, FactorizationWeights(0.9, 0.01, 3.0)])
def test_no_update_raises_the_objective(data, bits, weights):
    losses = factorize(data, bits=bits, weights=weights, iterations=60).losses.ravel()
    assert (np.diff(losses) <= 1e-10 * losses[:-1]).all()
    assert losses[-1] < 0.9 * losses[0]


def test_the_maps_leave_no_gradient(data):
    found, features = factorize(data), pairs(data)
    latent = latent_of(found, features)
    for side in (0, 1):

        def of(own, side=side):
            maps = [own if at == side else found.maps[at] for at in (0, 1)]
            return written_out(features, latent, found.bases, maps)

        assert np.abs(gradient(of, found.maps[side] + 1)).max() > 1, "elsewhere there is one"
        np.testing.assert_allclose(gradient(of, found.maps[side]), 0, atol=1e-9 * of(found.maps[side]))


def test_the_latent_factors_leave_no_gradient_in_any_pair(data):
    """They were set between the bases and the maps of the last iteration: those maps are of the latent before."""
    before, after, features = factorize(data, iterations=2), factorize(data, iterations=3), pairs(data)
    latent = latent_of(after, features)

    def of(point):
        return written_out(features, point, after.bases, before.maps)

    assert np.abs(gradient(of, latent + 1)).max() > 1
    np.testing.assert_allclose(gradient(of, latent), 0, atol=1e-9 * of(latent))


def test_the_bases_leave_no_gradient(data):
    """They were set first in the last iteration, on the latent factors and maps of the one before."""
    before, after, features = factorize(data, iterations=2), factorize(data, iterations=3), pairs(data)
    latent = latent_of(before, features)
    for side in (0, 1):

        def of(base, side=side):
            bases = [base if at == side else after.bases[at] for at in (0, 1)]
            return written_out(features, latent, bases, before.maps)

        assert np.abs(gradient(of, after.bases[side] + 1)).max() > 1
        np.testing.assert_allclose(gradient(of, after.bases[side]), 0, atol=1e-9 * of(after.bases[side]))


def test_the_updates_over_all_pairs_arrive_at_the_same_maps(data):
    """The paper's formulas on the features themselves, from the same start."""
    bits, iterations, seed = 9, 12, 3
    features, latent = start_of(data, bits, seed)
    weights = (WEIGHTS.balance, 1 - WEIGHTS.balance)

    def mapped(latent):
        ridge = WEIGHTS.gamma / WEIGHTS.mu
        return [latent @ one.T @ np.linalg.inv(one @ one.T + ridge * np.eye(len(one))) for one in features]

    maps = mapped(latent)
    for _ in range(iterations):
        bases = [
            one @ latent.T @ np.linalg.inv(latent @ latent.T + WEIGHTS.gamma / weight * np.eye(bits))
            for one, weight in zip(features, weights, strict=True)
        ]
        normal = sum(weight * base.T @ base for base, weight in zip(bases, weights, strict=True))
        normal = normal + (2 * WEIGHTS.mu + WEIGHTS.gamma) * np.eye(bits)
        sides = zip(features, bases, maps, weights, strict=True)
        latent = np.linalg.inv(normal) @ sum(
            (weight * base.T + WEIGHTS.mu * own) @ one for one, base, own, weight in sides
        )
        maps = mapped(latent)
    found = factorize(data, bits=bits, iterations=iterations, seed=seed)
    for mine, right in zip(found.maps, maps, strict=True):
        np.testing.assert_allclose(mine, right, rtol=0, atol=1e-8 * np.abs(right).max())


def test_sparse_texts_are_texts(data):
    images, texts, text_to_image = data
    dense, thin = (
        factorize((images, side, text_to_image))
        for side in (np.maximum(texts, 0), sparse.csr_matrix(np.maximum(texts, 0)))
    )
    np.testing.assert_allclose(thin.maps[1], dense.maps[1], atol=1e-9 * np.abs(dense.maps[1]).max())


def test_seeds_start_elsewhere_and_arrive_at_one_objective(data):
    first, again, other = (factorize(data, iterations=3000, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.maps[0], again.maps[0])
    assert not np.allclose(first.maps[0], other.maps[0], rtol=0.1)
    assert first.losses[-1, -1] == pytest.approx(other.losses[-1, -1], rel=1e-3)
