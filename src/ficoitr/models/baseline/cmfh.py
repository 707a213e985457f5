"""A classic of hashing without labels: Collective Matrix Factorization Hashing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ficoitr.errors import InputError, OptionError
from ficoitr.models.base import Granularity, Measure, config_from
from ficoitr.models.baseline.correlation import paired_moments
from ficoitr.models.baseline.factorization import FactorizationWeights, collective_factorization
from ficoitr.models.baseline.fitting import require_differences, require_enough_images
from ficoitr.models.baseline.image_inputs import ImageInputs, chosen_image_features
from ficoitr.models.baseline.space import is_whole
from ficoitr.models.baseline.text_inputs import (
    TERMS,
    TextInputs,
    chosen_text_features,
    fit_text_inputs,
    text_inputs_from_parts,
)
from ficoitr.models.baseline.threads import one_blas_thread
from ficoitr.models.features import shared_features
from ficoitr.models.files import read_model, write_model
from ficoitr.outputs import HashCodes

if TYPE_CHECKING:
    from pathlib import Path

    from scipy.sparse import csr_matrix

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_ARRAYS = ("image_scale", "image_map", "text_map")


@dataclass(frozen=True)
class CMFHConfig:
    """Options of `CMFH`; the weights are those of the paper.

    Parameters
    ----------
    dimensions : int
        Bits; may be more than there are features.
    features, text_features, weights, max_terms
        As in `SpaceConfig`.
    balance : float
        λ, between 0 and 1: how much it matters to rebuild images rather than texts.
    mu : float
        μ, above 0: how much it matters that codes follow from either modality alone.
    gamma : float
        γ, above 0: of the penalty on large numbers.
    iterations : int
        1 or more. The paper goes on until the objective settles, and names no number.
    """

    dimensions: int = 64
    features: str = "auto"
    text_features: str = "auto"
    weights: str | None = None
    max_terms: int = 1500
    balance: float = 0.5
    mu: float = 100.0
    gamma: float = 0.01
    iterations: int = 100

    def __post_init__(self) -> None:
        for name in ("dimensions", "max_terms", "iterations"):
            _require(name, getattr(self, name), is_whole(getattr(self, name), 1), "an integer of 1 or more")
        for name in ("features", "text_features"):
            _require(name, getattr(self, name), isinstance(getattr(self, name), str), "a name of features")
        _require("weights", self.weights, isinstance(self.weights, str | None), "the path of a file")
        for name, below, expected in (
            ("balance", 1, "a number above 0 and below 1"),
            ("mu", np.inf, "a number above 0"),
            ("gamma", np.inf, "a number above 0"),
        ):
            value = getattr(self, name)
            fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < below
            _require(name, value, fits, expected)


def _require(name: str, value: object, fits: bool, expected: str) -> None:
    if not fits:
        raise OptionError(f"{name} is {value!r}", where="config", expected=expected)


@dataclass(frozen=True, eq=False)
class HashFunctions:
    """Fitted hash functions of both modalities.

    Parameters
    ----------
    image_inputs : ImageInputs
    image_map : ndarray of float64, shape (d_images + 1, bits)
        The last row is the offset; a bit is 1 where the mapped features are above 0.
    text_inputs : TextInputs
    text_map : ndarray of float64, shape (d_texts + 1, bits)
    """

    image_inputs: ImageInputs
    image_map: Array
    text_inputs: TextInputs
    text_map: Array


class CMFH:
    """Codes from latent factors that are shared by an image and its texts, and from which both can be rebuilt.

    Ding, Guo and Zhou, "Collective Matrix Factorization Hashing for Multimodal Data", CVPR 2014; Ding, Guo, Zhou and
    Gao, "Large-Scale Cross-Modality Search via Collective Matrix Factorization Hashing", IEEE Transactions on Image
    Processing 25, 2016, without its use of labels. A code is sign(P (x - m)), m being the mean in training.

    Parameters
    ----------
    **options
        Fields of `CMFHConfig`.

    Notes
    -----
    Where the paper leaves things open: every image is paired with each of its texts; features are scaled as for the
    other baselines, every kind of descriptor to a total variance of 1, so that the published weights mean much the same
    whatever the features; items of the training set are encoded as all others, each modality by itself.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=60, validation=20, test=20)
    >>> model = CMFH(dimensions=16).fit(scenes.split("train"))
    >>> codes = model.encode_texts(scenes.split("test"))
    >>> len(codes), codes.bits
    (100, 16)
    """

    name = "cmfh"
    granularity: Granularity = "coarse"
    measure: Measure = "hamming"

    def __init__(self, **options: Any) -> None:
        self.config = config_from(CMFHConfig, options, model=self.name)
        self._functions: HashFunctions | None = None

    @property
    def functions(self) -> HashFunctions:
        """The fitted hash functions.

        Raises
        ------
        InputError
            If the model is not fitted yet.
        """
        if self._functions is None:
            raise InputError(f"the model {self.name!r} is not fitted", fix="Call fit, or load a saved model")
        return self._functions

    @property
    def inputs(self) -> str:
        """The features it reads, such as ``"regions"`` or ``"efficientnet-lite0, minilm"``."""
        names = [self.functions.image_inputs.features, self.functions.text_inputs.features]
        return ", ".join(name for name in names if name != TERMS)

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        fitted = self.functions
        maps = fitted.image_map.size + fitted.text_map.size
        return fitted.image_inputs.n_parameters + fitted.text_inputs.n_parameters + maps

    def fit(
        self,
        train: Dataset,
        validation: Dataset | None = None,  # noqa: ARG002 - nothing is chosen
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Fit in place and return itself; ``validation`` is not used.

        Raises
        ------
        ShapeError
            If there are fewer than 10 images.
        ValuesError
            If the texts share no words, or if all images or all texts are alike.
        OptionError
            If there are no such features.
        """
        require_enough_images(train)
        config = self.config
        with one_blas_thread(), shared_features():
            text_features = chosen_text_features(config.text_features, train)
            texts = fit_text_inputs(train, text_features, max_terms=config.max_terms, seed=seed, progress=progress)
            image_features = chosen_image_features(config.features, train)
            images = ImageInputs.fit(train, image_features, config.weights, progress)
            moments = paired_moments(images(train), texts(train), train.text_to_image)
            require_differences(moments, train)
            factorization = collective_factorization(
                moments,
                len(train.text_to_image),
                config.dimensions,
                FactorizationWeights(config.balance, config.mu, config.gamma),
                iterations=config.iterations,
                seed=seed,
            )
        image_map, text_map = (
            np.vstack([matrix.T, -side.mean @ matrix.T])
            for matrix, side in zip(factorization.maps, (moments.images, moments.texts), strict=True)
        )
        self._functions = HashFunctions(images, image_map, texts, text_map)
        return self

    def encode_images(self, dataset: Dataset, *, progress: Progress | None = None) -> HashCodes:
        """Encode the images; one bit a dimension."""
        features = self.functions.image_inputs(dataset, progress)
        return HashCodes.from_values(_mapped(features, self.functions.image_map), ids=dataset.image_ids)

    def encode_texts(self, dataset: Dataset, *, progress: Progress | None = None) -> HashCodes:
        """Encode the texts; one bit a dimension."""
        features = self.functions.text_inputs(dataset, progress)
        return HashCodes.from_values(_mapped(features, self.functions.text_map), ids=dataset.text_ids)

    def save(self, path: Path) -> None:
        """Write the fitted model to ``path`` (``.npz``), whole or not at all."""
        image_settings, image_arrays = self.functions.image_inputs.to_parts()
        text_settings, text_arrays = self.functions.text_inputs.to_parts()
        maps = {"image_map": self.functions.image_map, "text_map": self.functions.text_map}
        settings = {"options": asdict(self.config), "inputs": {**image_settings, **text_settings}}
        write_model(path, self.name, settings, {**image_arrays, **text_arrays, **maps})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged or not of this model.
        """
        config, arrays = read_model(path, cls.name, _ARRAYS)
        model = cls(**config["options"])
        model._functions = HashFunctions(
            image_inputs=ImageInputs.from_parts(config["inputs"], arrays),
            image_map=arrays["image_map"],
            text_inputs=text_inputs_from_parts(config["inputs"], arrays),
            text_map=arrays["text_map"],
        )
        return model


def _mapped(features: Array | csr_matrix, affine: Array) -> Array:
    mapped: Array = features @ affine[:-1] + affine[-1]
    return mapped
