"""The fine-grained baseline: real-valued embeddings by canonical correlation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ficoitr.errors import InputError
from ficoitr.models.base import Granularity, Measure, config_from
from ficoitr.models.baseline.fitting import fit_common_space
from ficoitr.models.baseline.space import SPACE_ARRAYS, CommonSpace, SpaceConfig
from ficoitr.models.files import read_model, write_model
from ficoitr.outputs import Embeddings

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress


class CCA:
    """Canonical correlation of features of images with those of texts: by default classic features, and TF-IDF.

    Embeddings have rows of length 1, so that cosine and inner product agree.

    Parameters
    ----------
    **options
        Fields of `SpaceConfig`.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=60, validation=20, test=20)
    >>> model = CCA(dimensions=16).fit(scenes.split("train"), scenes.split("validation"))
    >>> model.encode_images(scenes.split("test")).values.shape
    (20, 16)
    """

    name = "cca"
    granularity: Granularity = "fine"
    measure: Measure = "cosine"

    def __init__(self, **options: Any) -> None:
        self.config = config_from(SpaceConfig, options, model=self.name)
        self._fitted: CommonSpace | None = None

    @property
    def space(self) -> CommonSpace:
        """The fitted maps.

        Raises
        ------
        InputError
            If the model is not fitted yet.
        """
        if self._fitted is None:
            raise InputError(f"the model {self.name!r} is not fitted", fix="Call fit, or load a saved model")
        return self._fitted

    @property
    def inputs(self) -> str:
        """The features it reads, such as ``"regions"`` or ``"efficientnet-lite0, minilm"``."""
        return self.space.inputs

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        return self.space.n_parameters

    def fit(
        self,
        train: Dataset,
        validation: Dataset | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Fit in place and return itself; see `fit_common_space` for what ``validation`` is used for."""
        self._fitted = fit_common_space(train, validation, self.config, seed=seed, progress=progress)
        return self

    def encode_images(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings:
        """Encode the images; float32, shape (n_images, dimensions)."""
        values = self.space.images(dataset, progress)
        return Embeddings(values.astype(np.float32), ids=dataset.image_ids)

    def encode_texts(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings:
        """Encode the texts; float32, shape (n_texts, dimensions)."""
        values = self.space.texts(dataset, progress)
        return Embeddings(values.astype(np.float32), ids=dataset.text_ids)

    def save(self, path: Path) -> None:
        """Write the fitted model to ``path`` (``.npz``), whole or not at all."""
        settings, arrays = self.space.to_parts()
        write_model(path, self.name, {"options": asdict(self.config), "space": settings}, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged or not of this model.
        """
        config, arrays = read_model(path, cls.name, SPACE_ARRAYS)
        model = cls(**config["options"])
        model._fitted = CommonSpace.from_parts(config["space"], arrays)
        return model
