"""What the trainable hashing models share: features in, codes out, training, and one file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from ficoitr.errors import CategoryError, InputError, ShapeError
from ficoitr.models.base import Granularity, Measure
from ficoitr.models.coarse.inputs import FeatureInput, Standardised
from ficoitr.models.coarse.saving import foreign_file, read_trained, write_trained
from ficoitr.models.judging import mean_average_precision, mean_recall
from ficoitr.models.training import FeaturePairs, Recipe, Trained
from ficoitr.models.training import train as run_training
from ficoitr.models.training.config import checked_config
from ficoitr.models.training.loop import choose_device
from ficoitr.outputs import Embeddings, HashCodes

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_ENCODED_ROWS = 1024


class FeatureChoice(BaseModel):
    """Which features a model reads.

    Attributes
    ----------
    features, text_features : str
        Names of `ficoitr.models.features.feature_names`, or of features that the dataset brings. ``auto`` takes what
        the dataset brings, or else ``global`` and ``bag-of-words``.
    weights : str, optional
        File of the weights of the image features, where no package brings them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: str = "auto"
    text_features: str = "auto"
    weights: str | None = None


class HashingModel(ABC):
    """A model that is trained on features and encodes to hash codes: an `ficoitr.models.Encoder`.

    Attributes
    ----------
    config_class : type
        Its pydantic configuration, which also is a `FeatureChoice`.
    supervised : bool
        Whether it learns from labels.
    standardised : bool
        Whether image features are brought to mean 0 and variance 1, all of them by the same two numbers.
    """

    name: ClassVar[str]
    granularity: Granularity = "coarse"
    measure: Measure = "hamming"
    config_class: ClassVar[type[BaseModel]]
    supervised: ClassVar[bool] = False
    standardised: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        self.config: Any = checked_config(self.config_class, options, self.name)
        self.trained: Trained | None = None
        self._inputs: tuple[FeatureInput, FeatureInput] | None = None
        self._networks: Any = None

    @abstractmethod
    def _build(self, image_width: int, text_width: int) -> nn.Module:
        """Build the networks: a module with ``encode_images`` and ``encode_texts``, features to values (n, bits)."""

    @abstractmethod
    def _recipe(self, networks: Any, n_pairs: int, labels: Array | None, seed: int) -> Recipe:
        """Return how they are trained on so many pairs, of which ``labels`` has a row each."""

    @property
    def inputs(self) -> str:
        """The features it reads, of images and of texts."""
        return ", ".join(side.features for side in self._fitted_inputs)

    @property
    def n_parameters(self) -> int:
        """Numbers that training has set."""
        return sum(parameter.numel() for parameter in self._fitted_networks.parameters())

    def fit(
        self,
        train: Dataset,
        validation: Dataset | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        folder: Path | None = None,
    ) -> Self:
        """Train in place and return itself.

        Parameters
        ----------
        train : Dataset
            Every text makes a pair with its image.
        validation : Dataset, optional
            The epoch is kept that does best on it: by the mean mAP@N of both directions where it has labels, else by
            the mean of R@1, R@5 and R@10 in both directions. Without it the last epoch is kept.
        seed : int
            Of the first weights, the order of the pairs, and all else that is random.
        progress : callable, optional
        folder : Path, optional
            Where checkpoints and logs go; a second start goes on where the first one was stopped.

        Raises
        ------
        CategoryError
            If the model learns from labels and the dataset has none.
        ShapeError
            If the features are no vectors, or there are too few pairs for a batch.
        TrainingError
            If a loss or a weight is no number.
        """
        if self.supervised and train.categories is None:
            raise CategoryError(
                f"the model {self.name!r} learns from labels, and the training split has none",
                where=f"dataset {train.name!r}",
                fix="Label it (ficoitr data label), or train a model that needs no labels, such as ucch",
            )
        config = self.config
        image_input, images = FeatureInput.fit(
            train,
            "image",
            config.features,
            weights=config.weights,
            standardise=self.standardised,
            seed=seed,
            progress=progress,
        )
        text_input, texts = FeatureInput.fit(train, "text", config.text_features, seed=seed, progress=progress)
        device = choose_device(config.training.device)
        torch.manual_seed(seed)
        networks: Any = self._build(_width(image_input), _width(text_input)).to(device)
        labels = None
        if self.supervised and train.categories is not None:
            labels = train.categories[train.text_to_image]
        recipe = self._recipe(networks, len(train.text_to_image), labels, seed)
        self._inputs, self._networks = (image_input, text_input), networks
        pairs = FeaturePairs(images, texts, train.text_to_image, train.categories if self.supervised else None)
        self.trained = run_training(
            recipe,
            pairs,
            config.training,
            seed=seed,
            validate=None if validation is None else self._validation(validation, progress),
            folder=folder,
            identity={
                "model": self.name,
                "config": config.model_dump(mode="json"),
                "dataset": train.digest(),
                "validation": None if validation is None else validation.digest(),
                "inputs": [image_input.to_parts()[0], text_input.to_parts()[0]],
            },
            progress=progress,
        )
        networks.eval()
        return self

    def _validation(self, validation: Dataset, progress: Progress | None) -> Any:
        image_input, text_input = self._fitted_inputs
        images, texts = image_input(validation, progress), text_input(validation, progress)

        def score() -> float:
            values = self._encode("images", images), self._encode("texts", texts)
            if validation.categories is not None:
                codes = [HashCodes.from_values(_signed(one)) for one in values]
                return mean_average_precision(codes[0], codes[1], validation.categories, validation.text_to_image)
            signs = [np.where(_signed(one), 1, -1).astype(np.float32) for one in values]
            return mean_recall(signs[0] @ signs[1].T, validation.text_to_image)

        return score

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
        return Embeddings(self._encode("images", features), ids=dataset.image_ids)

    def text_values(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings:
        """Return the continuous values whose signs are the codes of the texts; float32, shape (n_texts, bits)."""
        features = self._fitted_inputs[1](dataset, progress)
        return Embeddings(self._encode("texts", features), ids=dataset.text_ids)

    def _encode(self, side: str, features: Standardised) -> Array:
        networks = self._fitted_networks
        encode = networks.encode_images if side == "images" else networks.encode_texts
        device = next(networks.parameters()).device
        was_training = networks.training
        networks.eval()
        with torch.inference_mode():
            parts = [encode(block.to(device)).float().cpu().numpy() for block in _blocks(features)]
        networks.train(was_training)
        return np.concatenate(parts)

    @property
    def _fitted_inputs(self) -> tuple[FeatureInput, FeatureInput]:
        if self._inputs is None:
            raise InputError(f"the model {self.name!r} is not trained", fix="Call fit, or load a saved model")
        return self._inputs

    @property
    def _fitted_networks(self) -> Any:
        if self._networks is None:
            raise InputError(f"the model {self.name!r} is not trained", fix="Call fit, or load a saved model")
        return self._networks

    def save(self, path: Path) -> None:
        """Write the trained model to one file (``.safetensors`` inside, whatever its name), whole or not at all."""
        write_trained(
            path,
            self.name,
            config=self.config.model_dump(mode="json"),
            inputs=[side.to_parts() for side in self._fitted_inputs],
            weights=self._fitted_networks.state_dict(),
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged, of another model or a later format.
        """
        saved = read_trained(path, cls.name)
        try:
            model = cls(**saved.config)
            image, text = saved.inputs
            inputs = (
                FeatureInput.from_parts("image", image, saved.arrays),
                FeatureInput.from_parts("text", text, saved.arrays),
            )
            networks = model._build(_width(inputs[0]), _width(inputs[1]))
            networks.load_state_dict(saved.weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as problem:
            # RuntimeError is torch's for tensors that are missing or of another shape.
            raise foreign_file(path, cls.name) from problem
        model._inputs, model._networks = inputs, networks.eval()
        return model


def _width(side: FeatureInput) -> int:
    if len(side.shape) != 1:
        raise ShapeError(
            f"the {side.side} features {side.features!r} have the shape {side.shape} an item",
            where="features",
            expected="a vector an item",
            fix="Choose features of the whole item, such as efficientnet-lite0 in the place of its grid",
        )
    return side.shape[0]


def _signed(values: Array) -> Array:
    """Whether each value is 0 or more: the sign of 0 is +1, as in the papers."""
    signed: Array = values >= 0
    return signed


def _blocks(features: Standardised) -> Iterator[Tensor]:
    for start in range(0, len(features), _ENCODED_ROWS):
        yield torch.from_numpy(features[start : start + _ENCODED_ROWS])
