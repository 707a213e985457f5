"""Evaluations of small models whose order of merit is known."""

from __future__ import annotations

import numpy as np
import pytest

import ficoitr

N_IMAGES, N_TEXTS_EACH, N_DIMENSIONS = 60, 5, 12


def make_evaluation(noise, name, *, seed=1, order=None, **options):
    """Evaluate images against their texts with noise; ``order`` permutes the images and their texts."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(N_IMAGES, N_DIMENSIONS))
    categories = generator.random((N_IMAGES, 6)) < 0.25
    categories[np.arange(N_IMAGES), np.arange(N_IMAGES) % 6] = True
    noise_vectors = np.random.default_rng(seed).normal(size=(N_IMAGES * N_TEXTS_EACH, N_DIMENSIONS))
    texts = np.repeat(images, N_TEXTS_EACH, axis=0) + noise * noise_vectors
    order = np.arange(N_IMAGES) if order is None else order
    rows = (order[:, None] * N_TEXTS_EACH + np.arange(N_TEXTS_EACH)).ravel()
    settings = {
        "captions_per_image": N_TEXTS_EACH,
        "categories": categories[order],
        "image_ids": [f"image-{row}" for row in order],
        "text_ids": [f"text-{row}" for row in rows],
        "resamples": 100,
        "name": name,
    }
    return ficoitr.evaluate(images[order], texts[rows], **(settings | options))


@pytest.fixture(scope="session")
def good():
    return make_evaluation(1.0, "good")


@pytest.fixture(scope="session")
def close():
    return make_evaluation(1.02, "close", seed=2)


@pytest.fixture(scope="session")
def poor():
    return make_evaluation(2.5, "<b>&|poor*_%", seed=3)


@pytest.fixture(scope="session")
def make():
    return make_evaluation
