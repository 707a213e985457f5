"""The models that UCCH and DADH are compared with: DCMH, DJSRH, JDSH and DGCPN."""

from __future__ import annotations

from typing import Any

from torch import nn

from ficoitr.models.coarse.dcmh import DCMHConfig, DCMHRecipe
from ficoitr.models.coarse.dgcpn import DGCPNConfig, DGCPNRecipe
from ficoitr.models.coarse.djsrh import DJSRHConfig, DJSRHRecipe
from ficoitr.models.coarse.jdsh import JDSHConfig, JDSHRecipe
from ficoitr.models.coarse.model import HashingModel
from ficoitr.models.trained.choices import VectorChoice
from ficoitr.models.trained.inputs import ModelInput, Scaling
from ficoitr.models.training import FeaturePairs, Recipe


class _PerceptronModel(HashingModel):
    """A model whose configuration builds its networks from the widths of the features."""

    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        del n_categories
        network: nn.Module = self.config.network(self._width(image), self._width(text))
        return network


class DCMHOptions(VectorChoice, DCMHConfig):
    """`DCMHConfig`, and which features are read.

    Attributes
    ----------
    image_scaling : {"none", "whole", "each"}
        See `VectorChoice`; ``whole`` by default, since plain SGD hangs on the scale.
    """

    image_scaling: Scaling = "whole"


class DCMH(_PerceptronModel):
    """Deep cross-modal hashing, see `DCMHRecipe`; it learns from labels.

    Parameters
    ----------
    **options
        Fields of `DCMHConfig` and `VectorChoice`.
    """

    name = "dcmh"
    config_class = DCMHOptions
    labels = "required"

    def _recipe(self, networks: Any, pairs: FeaturePairs, seed: int) -> Recipe:
        labels = None if pairs.labels is None else pairs.labels[pairs.text_to_image]
        return DCMHRecipe(networks, labels, self.config, seed=seed)


class DJSRHOptions(VectorChoice, DJSRHConfig):
    """`DJSRHConfig`, and which features are read."""


class DJSRH(_PerceptronModel):
    """Deep joint-semantics reconstructing hashing, see `DJSRHRecipe`.

    Parameters
    ----------
    **options
        Fields of `DJSRHConfig` and `VectorChoice`.
    """

    name = "djsrh"
    config_class = DJSRHOptions

    def _recipe(self, networks: Any, pairs: FeaturePairs, seed: int) -> Recipe:
        del pairs, seed
        return DJSRHRecipe(networks, self.config)


class JDSHOptions(VectorChoice, JDSHConfig):
    """`JDSHConfig`, and which features are read."""


class JDSH(_PerceptronModel):
    """Joint-modal distribution-based similarity hashing, see `JDSHRecipe`.

    Parameters
    ----------
    **options
        Fields of `JDSHConfig` and `VectorChoice`.
    """

    name = "jdsh"
    config_class = JDSHOptions

    def _recipe(self, networks: Any, pairs: FeaturePairs, seed: int) -> Recipe:
        return JDSHRecipe(networks, pairs, self.config, seed=seed)


class DGCPNOptions(VectorChoice, DGCPNConfig):
    """`DGCPNConfig`, and which features are read."""


class DGCPN(_PerceptronModel):
    """Deep graph-neighbour coherence preserving hashing, see `DGCPNRecipe`.

    Parameters
    ----------
    **options
        Fields of `DGCPNConfig` and `VectorChoice`.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=40, validation=10, test=10)
    >>> model = DGCPN(bits=16, hidden=32, neighbours=20, training={"epochs": 1, "batch_size": 32})
    >>> codes = model.fit(scenes.split("train")).encode_texts(scenes.split("test"))
    >>> len(codes), codes.bits
    (50, 16)
    """

    name = "dgcpn"
    config_class = DGCPNOptions

    def _recipe(self, networks: Any, pairs: FeaturePairs, seed: int) -> Recipe:
        del seed
        return DGCPNRecipe(networks, pairs, self.config)
