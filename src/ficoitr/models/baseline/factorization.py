"""Collective matrix factorization: latent factors of pairs from which both of their modalities can be rebuilt.

With X_t the centred features of n pairs in columns, images for t = 1 and texts for t = 2, it minimises

    O = sum_t λ_t ‖X_t - U_t V‖² + μ sum_t ‖V - P_t X_t‖² + γ (‖V‖² + sum_t ‖U_t‖² + ‖P_t‖²),   λ_1 + λ_2 = 1,

over the latent factors V (k × n), the bases U_t (d_t × k) and the maps P_t (k × d_t), norms being Frobenius': Ding, Guo
and Zhou, "Collective Matrix Factorization Hashing for Multimodal Data", CVPR 2014. Each of the three kinds has a closed
form while the others are fixed, which lowers O or leaves it as it is.

Since V is then a linear map of the features, V = C_1 X_1 + C_2 X_2, no step needs the pairs themselves, only the inner
products of their features: an update takes as long for a thousand pairs as for a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ficoitr.models.baseline.correlation import PairedMoments

Array = np.ndarray[Any, Any]
# One array of images, one of texts.
Both = tuple[Array, Array]


@dataclass(frozen=True)
class FactorizationWeights:
    """Weights of the terms of the objective.

    Parameters
    ----------
    balance : float
        λ, between 0 and 1: of rebuilding the images; that of the texts is 1 - λ.
    mu : float
        Above 0; of the maps from features to latent factors.
    gamma : float
        Above 0; of keeping everything small.
    """

    balance: float = 0.5
    mu: float = 100.0
    gamma: float = 0.01

    @property
    def sides(self) -> tuple[float, float]:
        """λ and 1 - λ."""
        return self.balance, 1 - self.balance


@dataclass(frozen=True, eq=False)
class PairProducts:
    """Inner products of centred features of n pairs, in bases in which those within a modality are diagonal.

    Parameters
    ----------
    within : pair of ndarrays, shapes (d_images,) and (d_texts,)
        The diagonals of X_1 X_1ᵀ and X_2 X_2ᵀ.
    across : ndarray, shape (d_images, d_texts)
        X_1 X_2ᵀ.
    """

    within: Both
    across: Array

    @classmethod
    def of(cls, moments: PairedMoments, n_pairs: int) -> PairProducts:
        """Sums over the pairs, from their means."""
        within = n_pairs * moments.images.values, n_pairs * moments.texts.values
        return cls(within, n_pairs * moments.cross)


@dataclass(frozen=True, eq=False)
class Latent:
    """The latent factors V by what the updates need of them.

    Parameters
    ----------
    coefficients : pair of ndarrays, shapes (k, d_images) and (k, d_texts)
        C_1 and C_2: V = C_1 X_1 + C_2 X_2.
    with_features : pair of ndarrays, shapes (k, d_images) and (k, d_texts)
        V X_1ᵀ and V X_2ᵀ.
    gram : ndarray, shape (k, k)
        V Vᵀ.
    """

    coefficients: Both
    with_features: Both
    gram: Array

    @classmethod
    def of(cls, coefficients: Both, products: PairProducts) -> Latent:
        """Compute the products of the latent factors with those coefficients."""
        images, texts = coefficients
        with_images = images * products.within[0] + texts @ products.across.T
        with_texts = images @ products.across + texts * products.within[1]
        gram = with_images @ images.T + with_texts @ texts.T
        # Rounding leaves it unsymmetric.
        return cls(coefficients, (with_images, with_texts), (gram + gram.T) / 2)


@dataclass(frozen=True, eq=False)
class CollectiveFactorization:
    """The result of `collective_factorization`, in the coordinates of the features.

    Parameters
    ----------
    maps : pair of ndarrays, shapes (k, d_images) and (k, d_texts)
        P_1 and P_2.
    bases : pair of ndarrays, shapes (d_images, k) and (d_texts, k)
        U_1 and U_2.
    coefficients : pair of ndarrays, shapes (k, d_images) and (k, d_texts)
        Of the latent factors: V = C_1 X_1 + C_2 X_2.
    losses : ndarray, shape (iterations, 3)
        The objective after each update of bases, latent factors and maps; never rises.
    """

    maps: Both
    bases: Both
    coefficients: Both
    losses: Array


def update_bases(latent: Latent, weights: FactorizationWeights) -> Both:
    """U_t = X_t Vᵀ (V Vᵀ + γ/λ_t I)⁻¹, the ridge regression of the features on the latent factors."""
    images, texts = (
        np.linalg.solve(_plus(latent.gram, weights.gamma / weight), with_features).T
        for with_features, weight in zip(latent.with_features, weights.sides, strict=True)
    )
    return images, texts


def update_maps(latent: Latent, products: PairProducts, weights: FactorizationWeights) -> Both:
    """P_t = V X_tᵀ (X_t X_tᵀ + γ/μ I)⁻¹, the ridge regression of the latent factors on the features."""
    images, texts = (
        with_features / (within + weights.gamma / weights.mu)
        for with_features, within in zip(latent.with_features, products.within, strict=True)
    )
    return images, texts


def update_latent(bases: Both, maps: Both, products: PairProducts, weights: FactorizationWeights) -> Latent:
    """V = (sum_t λ_t U_tᵀ U_t + (2 μ + γ) I)⁻¹ sum_t (λ_t U_tᵀ + μ P_t) X_t, by its coefficients."""
    penalties = 2 * weights.mu + weights.gamma
    rebuilding = [weight * base.T for base, weight in zip(bases, weights.sides, strict=True)]
    normal = _plus(rebuilding[0] @ bases[0] + rebuilding[1] @ bases[1], penalties)
    images, texts = (np.linalg.solve(normal, one + weights.mu * own) for one, own in zip(rebuilding, maps, strict=True))
    return Latent.of((images, texts), products)


def objective(latent: Latent, bases: Both, maps: Both, products: PairProducts, weights: FactorizationWeights) -> float:
    """Compute O from inner products: ‖X - U V‖² = tr X Xᵀ - 2 tr U V Xᵀ + tr U V Vᵀ Uᵀ, and so on."""
    size = np.trace(latent.gram)
    total = weights.gamma * size
    for base, own, with_features, within, weight in zip(
        bases, maps, latent.with_features, products.within, weights.sides, strict=True
    ):
        rebuilt = within.sum() - 2 * (base.T * with_features).sum() + (base.T @ base * latent.gram).sum()
        mapped = size - 2 * (own * with_features).sum() + (own**2 * within).sum()
        total += weight * rebuilt + weights.mu * mapped + weights.gamma * ((base**2).sum() + (own**2).sum())
    return float(total)


def collective_factorization(
    moments: PairedMoments, n_pairs: int, bits: int, weights: FactorizationWeights, *, iterations: int, seed: int
) -> CollectiveFactorization:
    """Minimise the objective by updating bases, latent factors and maps in turn.

    Parameters
    ----------
    moments : PairedMoments
        Of the features of the pairs.
    n_pairs : int
        n: the objective is a sum over pairs, so that its penalties weigh less the more there are.
    bits : int
        k; may be more than there are features.
    weights : FactorizationWeights
    iterations : int
        Of all three updates. The paper goes on until the objective settles.
    seed : int
        Of the latent factors to start from, which are random linear maps of the features (the paper says "random").

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.models.baseline.correlation import paired_moments
    >>> random = np.random.default_rng(0)
    >>> images = random.normal(size=(50, 6))
    >>> texts = images[:, :4] + random.normal(size=(50, 4))
    >>> moments = paired_moments(images, texts, np.arange(50))
    >>> found = collective_factorization(moments, 50, 8, FactorizationWeights(), iterations=20, seed=0)
    >>> found.maps[0].shape, bool((np.diff(found.losses.ravel()) <= 0).all())
    ((8, 6), True)
    """
    random = np.random.default_rng(seed)
    turns = moments.images.vectors, moments.texts.vectors
    products = PairProducts.of(moments, n_pairs)
    # Drawn in the coordinates of the features: eigenvectors have signs that differ between processors.
    images, texts = (random.normal(size=(bits, len(vectors))) @ vectors for vectors in turns)
    latent = Latent.of((images, texts), products)
    maps = update_maps(latent, products, weights)
    losses = []
    for _ in range(iterations):
        bases = update_bases(latent, weights)
        after_bases = objective(latent, bases, maps, products, weights)
        latent = update_latent(bases, maps, products, weights)
        after_latent = objective(latent, bases, maps, products, weights)
        maps = update_maps(latent, products, weights)
        losses.append((after_bases, after_latent, objective(latent, bases, maps, products, weights)))
    return CollectiveFactorization(
        maps=(maps[0] @ turns[0].T, maps[1] @ turns[1].T),
        bases=(turns[0] @ bases[0], turns[1] @ bases[1]),
        coefficients=(latent.coefficients[0] @ turns[0].T, latent.coefficients[1] @ turns[1].T),
        losses=np.array(losses),
    )


def _plus(matrix: Array, number: float) -> Array:
    """Add a number to the diagonal."""
    return matrix + number * np.eye(len(matrix))
