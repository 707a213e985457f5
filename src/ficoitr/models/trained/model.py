"""What the models that are trained in epochs share: features in, training, and one file."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel
from torch import nn

from ficoitr.errors import CategoryError, FicoitrError, FileFormatError, InputError, OptionError, ShapeError
from ficoitr.models.base import Granularity, Measure
from ficoitr.models.features.weights import written_by_torch
from ficoitr.models.trained.inputs import FeatureInput, ModelInput
from ficoitr.models.trained.saving import SavedModel, foreign_file, read_trained, write_trained
from ficoitr.models.training import FeaturePairs, Recipe, Trained
from ficoitr.models.training import train as run_training
from ficoitr.models.training.batches import Pairs, finite_tensor
from ficoitr.models.training.config import checked_config
from ficoitr.models.training.loop import choose_device

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

# Of what is encoded at a time: for vectors, and where an item holds more. Results above 32 MB (1,024 rows of a hidden
# layer of 8,192) would be new memory each time.
_MOST_ROWS, _MOST_NUMBERS = 512, 1 << 24
# What features of so many axes are, and where they are to be had.
_VECTORS = {
    1: ("a vector an item", "Choose features of the whole item, such as efficientnet-lite0 in the place of its grid"),
    2: ("a vector a region", "Choose region-set or efficientnet-lite0-grid, or regions that the dataset brings"),
}
# Settings that say where files lie: what these hold is known by its hash.
_PLACES = {"weights", "vocabulary"}


class TrainedModel(ABC):
    """A model that is trained in epochs on features: an `ficoitr.models.Encoder`, but for how it encodes.

    Attributes
    ----------
    config_class : type
        Its pydantic configuration, which also is an `ImageChoice`.
    labels : {"ignored", "used", "required"}
        Whether it learns from labels: never, where the dataset has them, or always.
    judged_by : {"mAP", "recall"}
        What chooses the epoch on validation pairs: the mean mAP@N of both directions where there are labels, or the
        mean of R@1, R@5 and R@10 in both directions.
    axes : {1, 2}
        Of the features of an item: 1 for vectors, 2 for sets of regions and of tokens.
    suffix : str
        Of the file that `save` writes.
    """

    name: ClassVar[str]
    granularity: Granularity
    measure: Measure
    config_class: ClassVar[type[BaseModel]]
    labels: ClassVar[Literal["ignored", "used", "required"]] = "ignored"
    judged_by: ClassVar[Literal["mAP", "recall"]] = "mAP"
    axes: Literal[1, 2] = 1
    suffix: ClassVar[str] = ".safetensors"

    def __init__(self, **options: Any) -> None:
        self.config: Any = checked_config(self.config_class, options, self.name)
        self.trained: Trained | None = None
        self._inputs: tuple[ModelInput, ModelInput] | None = None
        self._networks: Any = None
        self._n_categories = 0

    @abstractmethod
    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        """Build the networks for what is read: a module with ``encode_images`` and ``encode_texts``."""

    @abstractmethod
    def _recipe(self, networks: Any, pairs: Any, seed: int) -> Recipe:
        """Return how they are trained on these pairs, which `_pairs` has made."""

    @abstractmethod
    def _judge(self, images: Any, texts: Any, validation: Dataset) -> float:
        """Score what `_encode` has made of validation pairs; higher is better."""

    def _fit_inputs(
        self, train: Dataset, seed: int, progress: Progress | None
    ) -> tuple[tuple[ModelInput, Any], tuple[ModelInput, Any]]:
        """Learn what is read of images and of texts; with each, return what is read of the training split."""
        config = self.config
        return (
            FeatureInput.fit(
                train,
                "image",
                config.features,
                weights=config.weights,
                scaling=config.image_scaling,
                seed=seed,
                progress=progress,
            ),
            FeatureInput.fit(
                train, "text", config.text_features, scaling=config.text_scaling, seed=seed, progress=progress
            ),
        )

    def _load_inputs(self, saved: SavedModel) -> tuple[ModelInput, ModelInput]:
        """Rebuild from a file what `_fit_inputs` has learnt."""
        image, text = saved.inputs
        return (
            FeatureInput.from_parts("image", image, saved.arrays),
            FeatureInput.from_parts("text", text, saved.arrays),
        )

    def _pairs(self, train: Dataset, images: Any, texts: Any, seed: int) -> Pairs:
        """Put together what is trained on; labels, where the model learns from them."""
        del seed
        return FeaturePairs(images, texts, train.text_to_image, self._labels(train))

    def _width(self, side: ModelInput) -> int:
        """Return the length of the vectors that are read, or complain that the features are others."""
        if isinstance(side, FeatureInput) and len(side.shape) != self.axes:
            expected, fix = _VECTORS[self.axes]
            raise ShapeError(
                f"the {side.side} features {side.features!r} have the shape {side.shape} an item",
                where="features",
                expected=expected,
                fix=fix,
            )
        width = side.shape[-1]
        if width is None:
            raise ValueError("the width of a vector has to be known")
        return width

    def _read(self, features: Any, rows: Array, side: Literal["image", "text"]) -> Any:
        """Read some rows of what an input has returned: a tensor, or what can be moved to a device as one."""
        return finite_tensor(features, rows, side)

    def _labels(self, dataset: Dataset) -> Array | None:
        return None if self.labels == "ignored" else dataset.categories

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
            The epoch is kept that does best on it, see ``judged_by``. Without it the last epoch is kept.
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
        if self.labels == "required" and train.categories is None:
            raise CategoryError(
                f"the model {self.name!r} learns from labels, and the training split has none",
                where=f"dataset {train.name!r}",
                fix="Label it (ficoitr data label), or train a model that needs no labels, such as ucch",
            )
        config = self.config
        (image_input, images), (text_input, texts) = self._fit_inputs(train, seed, progress)
        device = choose_device(config.training.device)
        torch.manual_seed(seed)
        labels = self._labels(train)
        self._n_categories = 0 if labels is None else labels.shape[1]
        networks = self._build(image_input, text_input, self._n_categories).to(device)
        self._inputs, self._networks = (image_input, text_input), networks
        pairs = self._pairs(train, images, texts, seed)
        recipe = self._recipe(networks, pairs, seed)
        self.trained = run_training(
            recipe,
            pairs,
            config.training,
            seed=seed,
            validate=None if validation is None else self._validation(validation, progress),
            folder=folder,
            identity=None if folder is None else self._identity(train, validation),
            progress=progress,
        )
        networks.eval()
        return self

    def _identity(self, train: Dataset, validation: Dataset | None) -> dict[str, Any]:
        """Return all that a training hangs on, but for where files lie."""
        config = self.config.model_dump(mode="json", exclude=_PLACES)
        inputs = []
        for side in self._fitted_inputs:
            settings = side.to_parts()[0]
            settings.pop("weights", None)
            contents = [side.content(one) for one in (train, validation) if one is not None]
            inputs.append({**settings, "contents": contents})
        return {
            "model": self.name,
            "config": config,
            "dataset": train.digest(),
            "validation": None if validation is None else validation.digest(),
            "inputs": inputs,
        }

    def _validation(self, validation: Dataset, progress: Progress | None) -> Any:
        image_input, text_input = self._fitted_inputs
        images, texts = image_input(validation, progress), text_input(validation, progress)

        def score() -> float:
            return self._judge(self._encode("image", images), self._encode("text", texts), validation)

        return score

    def _encode(self, side: Literal["image", "text"], features: Any) -> Any:
        networks = self._fitted_networks
        encode = networks.encode_images if side == "image" else networks.encode_texts
        device = next(networks.parameters()).device
        was_training = networks.training
        networks.eval()
        with torch.inference_mode():
            encoded = self._joined(
                [self._kept(encode(self._read(features, rows, side).to(device))) for rows in _blocks(features.shape)]
            )
        networks.train(was_training)
        return encoded

    def _kept(self, encoded: Any) -> Any:
        """Take what the networks have made of some rows from the device."""
        return encoded.float().cpu().numpy()

    def _joined(self, parts: Sequence[Any]) -> Any:
        """Join what `_kept` has returned of all rows."""
        return np.concatenate(parts)

    @property
    def _fitted_inputs(self) -> tuple[ModelInput, ModelInput]:
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
        image_input, text_input = self._fitted_inputs
        # What auto has come to; a vocabulary is in the file.
        read = {"features": image_input.features, "text_features": text_input.features, "vocabulary": None}
        read = {name: value for name, value in read.items() if name in self.config_class.model_fields}
        write_trained(
            path,
            self.name,
            config={**self.config.model_dump(mode="json"), **read},
            n_categories=self._n_categories,
            inputs=[image_input.to_parts(), text_input.to_parts()],
            weights=self._fitted_networks.state_dict(),
        )

    @classmethod
    def load(cls, path: Path, config: Mapping[str, Any] | None = None) -> Self:
        """Read a model that `save` wrote, or a checkpoint of the authors' code.

        Parameters
        ----------
        path : Path
        config : mapping, optional
            What the model must be, such as its bits; and for the authors' checkpoints, which do not say, what it reads
            (``features``, ``text_features``, …): by default what the dataset brings with the right shape.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged, of another model or a later format.
        OptionError
            If the model is another than ``config`` says.
        """
        options = dict(config or {})
        asked = checked_config(cls.config_class, options, cls.name)
        if written_by_torch(path):
            model = cls._load_published(path, options)
        else:
            if options.get("vocabulary") is not None:
                raise OptionError(
                    "the file holds the words that it knows", where=str(path), fix="Leave vocabulary away"
                )
            # Weights of features are known by their hash, and may lie elsewhere now.
            model = cls._load_own(path, options.pop("weights", None))
        _require_as_asked(model.config, asked, options, path)
        return model

    @classmethod
    def _load_own(cls, path: Path, weights: str | None = None) -> Self:
        saved = read_trained(path, cls.name)
        if weights is not None:
            saved.config["weights"] = saved.inputs[0]["weights"] = weights
        try:
            model = cls(**saved.config)
            image_input, text_input = model._load_inputs(saved)
            networks = model._build(image_input, text_input, saved.n_categories)
            networks.load_state_dict(saved.weights)
        except FicoitrError:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as problem:
            # RuntimeError is torch's for tensors that are missing or of another shape.
            raise foreign_file(path, cls.name) from problem
        return model._with(networks, image_input, text_input, saved.n_categories)

    def _with(self, networks: nn.Module, image_input: ModelInput, text_input: ModelInput, n_categories: int) -> Self:
        """Take over trained networks and what they read; on a GPU if there is one, but for models of the CPU."""
        device = choose_device("cpu" if self.config.training.device == "cpu" else "auto")
        self._inputs, self._networks = (image_input, text_input), networks.to(device).eval()
        self._n_categories = n_categories
        return self

    @classmethod
    def _load_published(cls, path: Path, options: dict[str, Any]) -> Self:
        """Read a checkpoint of the authors' code; take out of ``options`` what is no setting of the model."""
        del options
        raise FileFormatError(
            f"checkpoints of the published code of {cls.name!r} cannot be read",
            where=str(path),
            expected="a file written by the model's save method",
        )


def _blocks(shape: tuple[int, ...]) -> Iterator[Array]:
    """Rows that are encoded at a time, of items of that shape."""
    step = max(1, min(_MOST_ROWS, _MOST_NUMBERS // max(1, math.prod(shape[1:]))))
    for start in range(0, shape[0], step):
        yield np.arange(start, min(start + step, shape[0]))


def _require_as_asked(
    found: BaseModel, asked: BaseModel, given: Mapping[str, Any], path: Path, prefix: str = ""
) -> None:
    """Compare what was given, of nested settings as of others, with what the model is."""
    for name, value in given.items():
        is_so, should = getattr(found, name), getattr(asked, name)
        if isinstance(should, BaseModel) and isinstance(is_so, BaseModel) and isinstance(value, Mapping):
            _require_as_asked(is_so, should, value, path, f"{prefix}{name}.")
        elif is_so != should:
            raise OptionError(f"{prefix}{name} is {is_so!r}", where=str(path), expected=f"{should!r}, as asked for")
