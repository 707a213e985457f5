"""What the trainable hashing models share: codes out of continuous values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.models.base import Granularity, Measure
from ficoitr.models.judging import mean_average_precision, mean_recall
from ficoitr.models.trained.model import TrainedModel
from ficoitr.outputs import Embeddings, HashCodes

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]


class HashingModel(TrainedModel):
    """A model that encodes to hash codes, the signs of values in (-1, 1)."""

    granularity: Granularity = "coarse"
    measure: Measure = "hamming"

    def _judge(self, images: Array, texts: Array, validation: Dataset) -> float:
        if validation.categories is not None and self.judged_by == "mAP":
            codes = [HashCodes.from_values(_signed(one)) for one in (images, texts)]
            return mean_average_precision(codes[0], codes[1], validation.categories, validation.text_to_image)
        signs = [np.where(_signed(one), 1, -1).astype(np.float32) for one in (images, texts)]
        return mean_recall(signs[0] @ signs[1].T, validation.text_to_image)

    def encode_images(self, dataset: Dataset, *, progress: Progress | None = None) -> HashCodes:
        """Encode the images; a bit is whether the value is 0 or more."""
        return HashCodes.from_values(
            _signed(self.image_values(dataset, progress=progress).values), ids=dataset.image_ids
        )

    def encode_texts(self, dataset: Dataset, *, progress: Progress | None = None) -> HashCodes:
        """Encode the texts; a bit is whether the value is 0 or more."""
        return HashCodes.from_values(_signed(self.text_values(dataset, progress=progress).values), ids=dataset.text_ids)

    def image_values(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings:
        """Return the continuous values whose signs are the codes of the images; float32, shape (n_images, bits)."""
        features = self._fitted_inputs[0](dataset, progress)
        return Embeddings(self._encode("image", features), ids=dataset.image_ids)

    def text_values(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings:
        """Return the continuous values whose signs are the codes of the texts; float32, shape (n_texts, bits)."""
        features = self._fitted_inputs[1](dataset, progress)
        return Embeddings(self._encode("text", features), ids=dataset.text_ids)


def _signed(values: Array) -> Array:
    """Whether each value is 0 or more: the sign of 0 is +1, as in the papers."""
    signed: Array = values >= 0
    return signed
