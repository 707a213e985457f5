"""An explicit map into the space of a Gaussian kernel, from landmarks among the training images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import linalg
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import rbf_kernel

Array = np.ndarray[Any, Any]

_NEGLIGIBLE = 1e-9


@dataclass(frozen=True, eq=False)
class GaussianMap:
    """The map x ↦ k(x, landmarks) W, whose inner products approximate the kernel k (Nyström's method).

    Parameters
    ----------
    landmarks : ndarray of float64, shape (n_landmarks, d)
    decay : float
        k(x, y) = exp(-decay · ‖x - y‖²).
    whitening : ndarray of float64, shape (n_landmarks, n_outputs)
        W = V S^(-1/2), where V S Vᵀ is the kernel among the landmarks.

    Notes
    -----
    Williams and Seeger, "Using the Nyström Method to Speed Up Kernel Machines", NIPS 2000. The decay is one
    over the median squared distance of two landmarks.
    """

    landmarks: Array
    decay: float
    whitening: Array

    @classmethod
    def fit(cls, features: Array, *, n_landmarks: int, seed: int) -> Self:
        """Choose landmarks among the rows of ``features``, all rows if there are fewer."""
        chosen = np.random.default_rng(seed).permutation(len(features))[:n_landmarks]
        landmarks = features[np.sort(chosen)]
        typical = float(np.median(pdist(landmarks, "sqeuclidean")))
        decay = 1 / typical if typical > 0 else 1.0
        values, vectors = linalg.eigh(rbf_kernel(landmarks, gamma=decay))
        kept = values > _NEGLIGIBLE * values[-1]
        return cls(landmarks, decay, vectors[:, kept] / np.sqrt(values[kept]))

    def __call__(self, features: Array) -> Array:
        """Map rows of shape (n, d) to rows of shape (n, n_outputs)."""
        mapped: Array = rbf_kernel(features, self.landmarks, gamma=self.decay) @ self.whitening
        return mapped
