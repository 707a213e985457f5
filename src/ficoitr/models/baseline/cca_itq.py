"""The coarse-grained baseline: hash codes by canonical correlation and iterative quantization."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ficoitr.errors import InputError, OptionError, ShapeError
from ficoitr.models.base import Granularity, Measure, config_from
from ficoitr.models.baseline.fitting import fit_common_space
from ficoitr.models.baseline.quantization import iterative_quantization
from ficoitr.models.baseline.space import SPACE_ARRAYS, CommonSpace, SpaceConfig, is_whole
from ficoitr.models.baseline.threads import one_blas_thread
from ficoitr.models.features import shared_features
from ficoitr.models.files import read_model, write_model
from ficoitr.outputs import HashCodes

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

# Enough for a stable rotation; more rows only cost time.
_ROTATED_ROWS = 20_000


@dataclass(frozen=True)
class CCAITQConfig(SpaceConfig):
    """Options of `CCAITQ`: those of `SpaceConfig`, where ``dimensions`` are bits, and one more.

    Parameters
    ----------
    iterations : int
        Of the quantization; the paper uses 50.
    """

    iterations: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_whole(self.iterations, 0):
            raise OptionError(f"iterations is {self.iterations!r}", where="config", expected="an integer of 0 or more")


@dataclass(frozen=True, eq=False)
class _Fitted:
    space: CommonSpace
    rotation: Array


class CCAITQ:
    """Canonical correlation as in `CCA`, then one rotation for both modalities, and a bit a dimension.

    Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011.

    Parameters
    ----------
    **options
        Fields of `CCAITQConfig`.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=60, validation=20, test=20)
    >>> model = CCAITQ(dimensions=16).fit(scenes.split("train"), scenes.split("validation"))
    >>> codes = model.encode_texts(scenes.split("test"))
    >>> len(codes), codes.bits
    (100, 16)
    """

    name = "cca-itq"
    granularity: Granularity = "coarse"
    measure: Measure = "hamming"

    def __init__(self, **options: Any) -> None:
        self.config = config_from(CCAITQConfig, options, model=self.name)
        self._state: _Fitted | None = None

    @property
    def _fitted(self) -> _Fitted:
        if self._state is None:
            raise InputError(f"the model {self.name!r} is not fitted", fix="Call fit, or load a saved model")
        return self._state

    @property
    def inputs(self) -> str:
        """The features it reads, such as ``"regions"`` or ``"efficientnet-lite0, minilm"``."""
        return self._fitted.space.inputs

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        return self._fitted.space.n_parameters + self._fitted.rotation.size

    def fit(
        self,
        train: Dataset,
        validation: Dataset | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Fit in place and return itself; see `fit_common_space` for what ``validation`` is used for.

        Raises
        ------
        ShapeError
            If the features, terms or images are too few for as many bits.
        """
        with shared_features():
            space = fit_common_space(train, validation, self.config, seed=seed, progress=progress)
            vectors = np.concatenate([space.images(train), space.texts(train)])
        if len(space.correlations) < self.config.dimensions:
            raise ShapeError(
                f"images and texts correlate in {len(space.correlations)} dimensions only",
                where=f"dataset {train.name!r}",
                expected=f"at least {self.config.dimensions}, one a bit",
                fix="Fit to more images or ask for fewer dimensions",
            )
        if len(vectors) > _ROTATED_ROWS:
            vectors = np.random.default_rng(seed).choice(vectors, _ROTATED_ROWS, replace=False)
        with one_blas_thread():
            rotation = iterative_quantization(vectors, iterations=self.config.iterations, seed=seed)
        self._state = _Fitted(space, rotation.matrix)
        return self

    def encode_images(self, dataset: Dataset, *, progress: Progress | None = None) -> HashCodes:
        """Encode the images; one bit a dimension."""
        values = self._fitted.space.images(dataset, progress) @ self._fitted.rotation
        return HashCodes.from_values(values, ids=dataset.image_ids)

    def encode_texts(self, dataset: Dataset, *, progress: Progress | None = None) -> HashCodes:
        """Encode the texts; one bit a dimension."""
        values = self._fitted.space.texts(dataset, progress) @ self._fitted.rotation
        return HashCodes.from_values(values, ids=dataset.text_ids)

    def save(self, path: Path) -> None:
        """Write the fitted model to ``path`` (``.npz``), whole or not at all."""
        settings, arrays = self._fitted.space.to_parts()
        arrays["rotation"] = self._fitted.rotation
        write_model(path, self.name, {"options": asdict(self.config), "space": settings}, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged or not of this model.
        """
        config, arrays = read_model(path, cls.name, (*SPACE_ARRAYS, "rotation"))
        model = cls(**config["options"])
        model._state = _Fitted(CommonSpace.from_parts(config["space"], arrays), arrays["rotation"])
        return model
