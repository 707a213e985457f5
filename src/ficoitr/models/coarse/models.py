"""The trainable hashing models by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from ficoitr.models.coarse.dadh import DADHRecipe
from ficoitr.models.coarse.dadh_config import DADHConfig
from ficoitr.models.coarse.dadh_networks import DADHDiscriminators
from ficoitr.models.coarse.model import FeatureChoice, HashingModel
from ficoitr.models.coarse.ucch import UCCHConfig, UCCHRecipe
from ficoitr.models.training import Recipe

Array = np.ndarray[Any, Any]


class UCCHOptions(FeatureChoice, UCCHConfig):
    """`UCCHConfig`, and which features are read."""


class UCCH(HashingModel):
    """Unsupervised contrastive cross-modal hashing, see `UCCHRecipe`.

    Parameters
    ----------
    **options
        Fields of `UCCHConfig` and `FeatureChoice`.

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

    def _build(self, image_width: int, text_width: int) -> nn.Module:
        network: nn.Module = self.config.network(image_width, text_width)
        return network

    def _recipe(self, networks: Any, n_pairs: int, labels: Array | None, seed: int) -> Recipe:
        del labels
        return UCCHRecipe(networks, n_pairs, self.config, seed=seed)


class DADHOptions(FeatureChoice, DADHConfig):
    """`DADHConfig`, and which features are read."""


class DADH(HashingModel):
    """Deep adversarial discrete hashing, see `DADHRecipe`; it learns from labels.

    Parameters
    ----------
    **options
        Fields of `DADHConfig` and `FeatureChoice`.
    """

    name = "dadh"
    config_class = DADHOptions
    supervised = True
    standardised = True

    def _build(self, image_width: int, text_width: int) -> nn.Module:
        generator: nn.Module = self.config.networks(image_width, text_width)[0]
        return generator

    def _recipe(self, networks: Any, n_pairs: int, labels: Array | None, seed: int) -> Recipe:
        del n_pairs
        discriminators = DADHDiscriminators(bits=self.config.bits, hidden=self.config.hidden)
        device = next(networks.parameters()).device
        return DADHRecipe(networks, discriminators.to(device), labels, self.config, seed=seed)
