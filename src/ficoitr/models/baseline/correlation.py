"""Regularised canonical correlation analysis of images and the texts that describe them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, sparse

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Ridges:
    """How strongly the two covariances are regularised.

    Parameters
    ----------
    images, texts : float
        Added to the diagonal, in units of the covariance's mean eigenvalue.
    """

    images: float
    texts: float


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A covariance matrix by its eigenvalues, so that any ridge can be added at no cost.

    Parameters
    ----------
    mean : ndarray, shape (d,)
    values : ndarray, shape (d,)
        Eigenvalues, not negative.
    vectors : ndarray, shape (d, d)
        Eigenvectors in columns.
    """

    mean: Array
    values: Array
    vectors: Array

    def whitening_scales(self, ridge: float) -> Array:
        """Return ``1 / sqrt(value + ridge · mean value)`` of each eigenvector."""
        scales: Array = 1 / np.sqrt(self.values + ridge * self.values.mean())
        return scales


@dataclass(frozen=True, eq=False)
class PairedMoments:
    """What canonical correlation needs to know of the pairs: computed once, solved for any ridge.

    Parameters
    ----------
    images, texts : Spectrum
        Of d_images and d_texts features.
    cross : ndarray, shape (d_images, d_texts)
        Cross-covariance in the two bases of eigenvectors.
    """

    images: Spectrum
    texts: Spectrum
    cross: Array


@dataclass(frozen=True, eq=False)
class CanonicalDirections:
    """Directions of the two feature spaces that correlate most.

    Parameters
    ----------
    images : ndarray, shape (d_images, dimensions)
    texts : ndarray, shape (d_texts, dimensions)
    correlations : ndarray, shape (dimensions,)
        In falling order, between 0 and 1; shrunk by the ridges.
    """

    images: Array
    texts: Array
    correlations: Array


def paired_moments(images: Array, texts: Array | csr_matrix, text_to_image: Array) -> PairedMoments:
    """Compute means and covariances over all pairs of an image and one of its texts.

    Parameters
    ----------
    images : ndarray of float64, shape (n_images, d_images)
    texts : ndarray or sparse matrix of float64, shape (n_texts, d_texts)
    text_to_image : ndarray of int64, shape (n_texts,)
        Each text is a pair: an image weighs as much as it has texts.
    """
    n_texts = texts.shape[0]
    members = sparse.csr_matrix((np.ones(n_texts), (text_to_image, np.arange(n_texts))), shape=(len(images), n_texts))
    weights = np.bincount(text_to_image, minlength=len(images)) / n_texts
    image_mean = weights @ images
    text_mean = np.asarray(texts.mean(axis=0)).ravel()
    centred = images - image_mean
    image_covariance = (centred * weights[:, None]).T @ centred
    # Sparse texts stay so: products first, means taken off after.
    squares = texts.T @ texts
    text_covariance = (squares if isinstance(squares, np.ndarray) else squares.toarray()) / n_texts
    text_covariance = text_covariance - np.outer(text_mean, text_mean)
    sums = members @ texts
    # The image side is centred, so the text side's mean drops out.
    cross = (sums.T @ centred).T / n_texts
    image_spectrum = _spectrum(image_mean, image_covariance)
    text_spectrum = _spectrum(text_mean, text_covariance)
    return PairedMoments(
        images=image_spectrum,
        texts=text_spectrum,
        cross=image_spectrum.vectors.T @ cross @ text_spectrum.vectors,
    )


def canonical_directions(moments: PairedMoments, dimensions: int, ridges: Ridges) -> CanonicalDirections:
    """Find the directions whose projections correlate most, each of unit variance on the training pairs.

    Parameters
    ----------
    moments : PairedMoments
    dimensions : int
        How many; fewer come back if the smaller feature space has fewer.
    ridges : Ridges

    Notes
    -----
    With regularised covariances C_x, C_y and the cross-covariance C_xy, the directions are C_x^(-1/2) U and
    C_y^(-1/2) V, where U S Vᵀ is the singular value decomposition of C_x^(-1/2) C_xy C_y^(-1/2) and S holds
    the correlations (Hardoon, Szedmak and Shawe-Taylor, Neural Computation 16, 2004; Vinod 1976 for the
    ridge).
    """
    image_scales = moments.images.whitening_scales(ridges.images)
    text_scales = moments.texts.whitening_scales(ridges.texts)
    left, correlations, right = _largest_singular(image_scales[:, None] * moments.cross * text_scales, dimensions)
    images = moments.images.vectors @ (image_scales[:, None] * left)
    texts = moments.texts.vectors @ (text_scales[:, None] * right)
    # Decompositions leave the signs open, and processors differ in them: the largest weight of each text direction is
    # made positive, so that what starts from these signs, such as a quantization, comes out alike everywhere.
    signs = np.sign(texts[np.abs(texts).argmax(axis=0), np.arange(texts.shape[1])])
    return CanonicalDirections(images=images * signs, texts=texts * signs, correlations=correlations)


def _spectrum(mean: Array, covariance: Array) -> Spectrum:
    values, vectors = linalg.eigh(covariance)
    return Spectrum(mean, np.maximum(values, 0), vectors)


def _largest_singular(matrix: Array, count: int) -> tuple[Array, Array, Array]:
    """Return the ``count`` leading singular triplets, vectors in columns.

    The eigenvectors of the smaller Gram matrix cost a tenth of a full decomposition; its squaring loses
    only singular values some 1e-8 times the largest, which are noise here.
    """
    if matrix.shape[0] > matrix.shape[1]:
        right, values, left = _largest_singular(matrix.T, count)
        return left, values, right
    size = matrix.shape[0]
    squared, left = linalg.eigh(matrix @ matrix.T, subset_by_index=[max(0, size - count), size - 1])
    squared, left = squared[::-1], left[:, ::-1]
    kept = squared > squared[0] * 1e-14
    values, left = np.sqrt(squared[kept]), left[:, kept]
    return left, values, matrix.T @ left / values
