"""The hashing models on vectors that learn from no labels or from labels: UCCH and DADH."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field
from torch import nn

from ficoitr.errors import FileFormatError, OptionError
from ficoitr.models.coarse.dadh import DADHRecipe
from ficoitr.models.coarse.dadh_config import DADHConfig
from ficoitr.models.coarse.dadh_networks import DADHDiscriminators, DADHGenerator
from ficoitr.models.coarse.model import HashingModel
from ficoitr.models.coarse.ucch import UCCHConfig, UCCHRecipe
from ficoitr.models.coarse.ucch_networks import UCCHNetwork
from ficoitr.models.features.weights import read_checkpoint
from ficoitr.models.trained.choices import VectorChoice
from ficoitr.models.trained.inputs import FeatureInput, ModelInput, Scaling
from ficoitr.models.training import FeaturePairs, Recipe
from ficoitr.models.training.config import checked_config

# The authors' networks read features as they are, but for DADH's images.
_UNSCALED = {"image_scaling": "none", "text_scaling": "none"}


class UCCHOptions(VectorChoice, UCCHConfig):
    """`UCCHConfig`, and which features are read."""


class UCCH(HashingModel):
    """Unsupervised contrastive cross-modal hashing, see `UCCHRecipe`.

    Parameters
    ----------
    **options
        Fields of `UCCHConfig` and `VectorChoice`.

    Notes
    -----
    ``load`` also reads the authors' checkpoints of networks on features (``…_best_checkpoint.t7``).

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=40, validation=10, test=10)
    >>> model = UCCH(bits=16, hidden=32, negatives=8, training={"epochs": 1, "batch_size": 32})
    >>> codes = model.fit(scenes.split("train")).encode_texts(scenes.split("test"))
    >>> len(codes), codes.bits
    (50, 16)
    """

    name = "ucch"
    config_class = UCCHOptions

    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        del n_categories
        network: nn.Module = self.config.network(self._width(image), self._width(text))
        return network

    def _recipe(self, networks: Any, pairs: FeaturePairs, seed: int) -> Recipe:
        return UCCHRecipe(networks, len(pairs), self.config, seed=seed)

    @classmethod
    def _load_published(cls, path: Path, options: dict[str, Any]) -> Self:
        foreign = _foreign(path, "UCCH", "…_best_checkpoint.t7")
        content = read_checkpoint(path, foreign)
        if not isinstance(content, dict):
            raise foreign
        network = UCCHNetwork.from_published(content)
        choice = checked_config(cls.config_class, {**options, **network.sizes, **_UNSCALED}, cls.name)
        return cls(**choice.model_dump())._with(network, *_inputs(choice, network.widths), 0)


class DADHOptions(VectorChoice, DADHConfig):
    """`DADHConfig`, and which features are read.

    Attributes
    ----------
    image_scaling : {"none", "whole", "each"}
        See `VectorChoice`; ``whole`` as published.
    image_mean, image_deviation : float, optional
        For the authors' checkpoints, which do not hold them: the mean and the standard deviation of all values of the
        image features of the file that the model was trained on, queries and database together.
    """

    image_scaling: Scaling = "whole"
    image_mean: float | None = None
    image_deviation: float | None = Field(default=None, gt=0)


class DADH(HashingModel):
    """Deep adversarial discrete hashing, see `DADHRecipe`; it learns from labels.

    Parameters
    ----------
    **options
        Fields of `DADHConfig` and `DADHOptions`.

    Notes
    -----
    ``load`` also reads the authors' checkpoints (``GEN_module.pth``).
    """

    name = "dadh"
    config_class = DADHOptions
    labels = "required"

    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        del n_categories
        generator: nn.Module = self.config.networks(self._width(image), self._width(text))[0]
        return generator

    def _recipe(self, networks: Any, pairs: FeaturePairs, seed: int) -> Recipe:
        discriminators = DADHDiscriminators(bits=self.config.bits, hidden=self.config.hidden)
        device = next(networks.parameters()).device
        labels = None if pairs.labels is None else pairs.labels[pairs.text_to_image]
        return DADHRecipe(networks, discriminators.to(device), labels, self.config, seed=seed)

    @classmethod
    def _load_published(cls, path: Path, options: dict[str, Any]) -> Self:
        foreign = _foreign(path, "DADH", "GEN_module.pth")
        content = read_checkpoint(path, foreign)
        if not isinstance(content, dict):
            raise foreign
        asked = checked_config(cls.config_class, options, cls.name)
        network = DADHGenerator.from_published(content, **({"dropout": asked.dropout} if "dropout" in options else {}))
        fixed = {**network.sizes, **_UNSCALED, "image_scaling": "whole"}
        choice = checked_config(cls.config_class, {**options, **fixed}, cls.name)
        if choice.image_mean is None or choice.image_deviation is None:
            raise OptionError(
                "the authors' checkpoints do not say how image features are scaled",
                where="config",
                expected="image_mean and image_deviation, of all values of the image features it was trained on",
                fix="Compute them by numpy's mean() and std() on the whole file of features, queries and database",
            )
        image, text = _inputs(choice, network.widths, shift=choice.image_mean, scale=1 / choice.image_deviation)
        return cls(**choice.model_dump())._with(network, image, text, 0)


def _inputs(
    choice: Any, widths: tuple[int, int], *, shift: float = 0.0, scale: float = 1.0
) -> tuple[FeatureInput, FeatureInput]:
    """What the networks of an authors' checkpoint read."""
    image, text = widths
    return (
        FeatureInput.published("image", choice.features, (image,), weights=choice.weights, shift=shift, scale=scale),
        FeatureInput.published("text", choice.text_features, (text,)),
    )


def _foreign(path: Path, model: str, name: str) -> FileFormatError:
    return FileFormatError(
        f"this is no checkpoint of {model}'s published code, or it is damaged", where=str(path), expected=f"a {name}"
    )
