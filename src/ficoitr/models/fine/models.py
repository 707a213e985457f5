"""The fine-grained models: SCAN, VSRN, IMRAM, SGRAF, VSE++ and VSE-infinity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import nn

from ficoitr.errors import OptionError
from ficoitr.models.fine.imram import IMRAMConfig
from ficoitr.models.fine.model import FineChoice, FineModel
from ficoitr.models.fine.scan import SCANConfig
from ficoitr.models.fine.sgraf import SGRAFConfig
from ficoitr.models.fine.vse_infty import VSEInftyConfig, VSEInftyRecipe
from ficoitr.models.fine.vsepp import VSEPPConfig
from ficoitr.models.fine.vsrn import VSRNConfig, VSRNRecipe
from ficoitr.models.trained.inputs import ModelInput

if TYPE_CHECKING:
    from ficoitr.models.fine.captions import WordInput


class SCANOptions(FineChoice, SCANConfig):
    """`SCANConfig`, and what is read."""


class SCAN(FineModel):
    """Stacked cross attention: words attend to regions, or regions to words.

    Parameters
    ----------
    **options
        Fields of `SCANConfig` and `FineChoice`.

    Notes
    -----
    Lee et al., "Stacked Cross Attention for Image-Text Matching", ECCV 2018. ``load`` also reads the authors'
    checkpoints (``model_best.pth.tar``), with their file of words as ``vocabulary``.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=40, validation=10, test=10)
    >>> model = SCAN(width=16, word_width=8, training={"epochs": 1, "batch_size": 32})
    >>> model.fit(scenes.split("train")).scores(scenes.split("test"))
    Scores(10 images × 50 texts, one matrix)
    """

    name = "scan"
    measure = "pairs"
    makes_sets = True
    config_class = SCANOptions
    published_choices = (
        "image_norm",
        "text_norm",
        "direction",
        "aggregation",
        "raw_feature_norm",
        "lambda_softmax",
        "lambda_lse",
    )


class VSRNOptions(FineChoice, VSRNConfig):
    """`VSRNConfig`, and what is read."""


class VSRN(FineModel):
    """Visual semantic reasoning: a graph of regions, gathered into one vector that also has to tell the caption.

    Parameters
    ----------
    **options
        Fields of `VSRNConfig` and `FineChoice`.

    Notes
    -----
    Li et al., "Visual Semantic Reasoning for Image-Text Matching", ICCV 2019. ``load`` also reads the authors'
    checkpoints (``model_best.pth.tar``), with their file of words as ``vocabulary``.
    """

    name = "vsrn"
    measure = "cosine"
    config_class = VSRNOptions

    def _triplet_recipe(self, networks: Any) -> VSRNRecipe:
        return VSRNRecipe(networks, self.config)


class IMRAMOptions(FineChoice, IMRAMConfig):
    """`IMRAMConfig`, and what is read."""


class IMRAM(FineModel):
    """Cross attention in steps, between which a memory changes what asks.

    Parameters
    ----------
    **options
        Fields of `IMRAMConfig` and `FineChoice`.

    Notes
    -----
    Chen et al., "IMRAM: Iterative Matching with Recurrent Attention Memory for Cross-Modal Image-Text Retrieval", CVPR
    2020. ``load`` also reads the authors' checkpoints (``model_best.pth.tar``), with their file of words as
    ``vocabulary``.
    """

    name = "imram"
    measure = "pairs"
    makes_sets = True
    config_class = IMRAMOptions
    published_choices = ("mode", "steps", "lambda_softmax", "normalise")


class SGRAFOptions(FineChoice, SGRAFConfig):
    """`SGRAFConfig`, and what is read."""


class SGRAF(FineModel):
    """Vectors of similarity between regions and words, reasoned over (SGR) or filtered (SAF).

    Parameters
    ----------
    **options
        Fields of `SGRAFConfig` and `FineChoice`.

    Notes
    -----
    Diao et al., "Similarity Reasoning and Filtration for Image-Text Matching", AAAI 2021, whose SGRAF is the mean
    of the scores of both modules. ``load`` also reads the authors' checkpoints (``model_best.pth.tar``), with their
    file of words as ``vocabulary``.
    """

    name = "sgraf"
    measure = "pairs"
    makes_sets = True
    config_class = SGRAFOptions
    published_choices = ("lambda_softmax", "dropout")

    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        del n_categories
        regions = image.shape[0]
        if self.config.regions not in (None, regions):
            raise OptionError(
                f"an image has {regions} regions",
                where=f"image features {image.features!r}",
                expected=f"{self.config.regions}, as the setting regions says",
            )
        self.config = self.config.model_copy(update={"regions": regions})
        network: nn.Module = self.config.network(self._width(image), self._width(text))
        return network


class VSEPPOptions(FineChoice, VSEPPConfig):
    """`VSEPPConfig`, and what is read.

    Attributes
    ----------
    vectors : bool
        Whether a vector an image is read in the place of regions, as by the published networks; ``auto`` then takes a
        vector that the dataset brings, or ``global``.
    """

    vectors: bool = False


class VSEPP(FineModel):
    """VSE++: the mean of the regions and the last state of the words, learnt from the hardest negatives.

    Parameters
    ----------
    **options
        Fields of `VSEPPConfig` and `FineChoice`.

    Notes
    -----
    Faghri et al., "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives", BMVC 2018. ``load`` also reads the
    authors' checkpoints of networks on features (``model_best.pth.tar``), with their file of words as ``vocabulary``.
    """

    name = "vsepp"
    config_class = VSEPPOptions
    published_choices = ("similarity", "image_norm", "absolute")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.axes = 1 if self.config.vectors else 2
        if self.config.similarity == "order":
            # No measure that galleries are searched by.
            self.measure = "pairs"
        else:
            self.measure = "cosine" if self.config.image_norm else "inner_product"


class VSEInfinityOptions(FineChoice, VSEInftyConfig):
    """`VSEInftyConfig`, and what is read."""


class VSEInfinity(FineModel):
    """VSE-infinity: regions and words pooled by learnt weights of their ranks.

    Parameters
    ----------
    **options
        Fields of `VSEInftyConfig` and `FineChoice`.

    Notes
    -----
    Chen et al., "Learning the Best Pooling Strategy for Visual Semantic Embedding", CVPR 2021. ``load`` also reads the
    authors' checkpoints of BiGRU networks on regions (``model_best.pth``), with their file of words as ``vocabulary``.
    """

    name = "vse-infinity"
    measure = "cosine"
    config_class = VSEInfinityOptions
    masked = True

    def _triplet_recipe(self, networks: Any) -> VSEInftyRecipe:
        return VSEInftyRecipe(networks, self.config, mask=cast("WordInput", self._fitted_inputs[1]).vocabulary.mask)
