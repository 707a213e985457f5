"""ADV as a model: trained on regions or pixels and tokens, or read from its authors' checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np
from pydantic import Field
from torch import nn

from ficoitr.errors import InputError, OptionError
from ficoitr.models.coarse.adv import ADVRecipe
from ficoitr.models.coarse.adv_checkpoints import PublishedADV, read_published
from ficoitr.models.coarse.adv_config import ADVConfig
from ficoitr.models.coarse.adv_inputs import BertInput, PixelInput, TokenInput, read_vocabulary
from ficoitr.models.coarse.adv_tokens import ADVPairs, EncodedTexts, LinkedTokens, StoredTokens
from ficoitr.models.coarse.adversarial_captions import exchanged_words, other_texts
from ficoitr.models.coarse.model import HashingModel
from ficoitr.models.trained.choices import FeatureChoice
from ficoitr.models.trained.inputs import FeatureInput, ModelInput
from ficoitr.models.trained.saving import SavedModel
from ficoitr.models.training import Recipe
from ficoitr.models.training.config import checked_config

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

# Tokens that the published code reads, where a checkpoint does not say.
_PUBLISHED_TOKENS = 32


class ADVOptions(FeatureChoice, ADVConfig):
    """`ADVConfig`, and which features are read.

    Attributes
    ----------
    rephrased_number, adversarial_number : int
        How many rephrased and adversarial texts a text has at most: other texts of the same image, and texts with a
        noun or a number exchanged; see ``ficoitr.models.coarse.adversarial_captions``.
    vocabulary : str, optional
        For the authors' checkpoints: the ``vocab.txt`` of the BERT that they hold (BERT-base in lower case).
    bert_heads : int
        For the authors' checkpoints: attention heads of that BERT, which weights do not tell.
    """

    rephrased_number: int = Field(default=2, ge=1)
    adversarial_number: int = Field(default=10, ge=1)
    vocabulary: str | None = None
    bert_heads: int = Field(default=12, ge=1)


class ADV(HashingModel):
    """Hash codes of regions and of tokens with half of the bits set, see `ADVRecipe`.

    Parameters
    ----------
    **options
        Fields of `ADVConfig` and `ADVOptions`.

    Notes
    -----
    Image features are sets of regions (``auto``: what the dataset brings, or ``region-set``), or pixels for the
    screening model; text features are the states of tokens (``auto``: what the dataset brings, or ``minilm-tokens``).
    Labels of the images, where there are any, are the concepts that are learnt from.

    ``load`` also reads the authors' checkpoints (``checkpoint_N.pth.tar``); ``vocabulary`` names that of their BERT.
    """

    name = "adv"
    config_class = ADVOptions
    labels = "used"
    judged_by = "recall"
    axes = 2

    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        network: nn.Module = self.config.network(self._width(image), self._width(text), n_categories)
        return network

    def _recipe(self, networks: Any, pairs: ADVPairs, seed: int) -> Recipe:
        del pairs, seed
        return ADVRecipe(networks, self.config)

    def _fit_inputs(
        self, train: Dataset, seed: int, progress: Progress | None
    ) -> tuple[tuple[ModelInput, Any], tuple[ModelInput, Any]]:
        config = self.config
        texts = TokenInput.fit(train, config.text_features, max_tokens=config.max_tokens, progress=progress)
        if config.image_encoder == "pixels":
            pixels = PixelInput()
            return (pixels, pixels(train)), texts
        regions = FeatureInput.fit(
            train, "image", config.features, axes=2, weights=config.weights, seed=seed, progress=progress
        )
        return regions, texts

    def _load_inputs(self, saved: SavedModel) -> tuple[ModelInput, ModelInput]:
        image, text = saved.inputs
        return (
            PixelInput()
            if image["features"] == PixelInput.features
            else FeatureInput.from_parts("image", image, saved.arrays),
            BertInput.from_parts(text, saved.arrays) if "bert" in text else TokenInput.from_parts(text, saved.arrays),
        )

    def _pairs(self, train: Dataset, images: Any, texts: StoredTokens, seed: int) -> ADVPairs:
        config, rephrased, adversarial = self.config, None, None
        if config.rephrased:
            rephrased = LinkedTokens(texts, other_texts(train.text_to_image, config.rephrased_number))
        if config.adversarial:
            encoder = cast("TokenInput", self._fitted_inputs[1]).encoder
            if encoder is None:
                raise InputError(
                    "the states of texts come from the dataset, so that none can be had of adversarial texts",
                    where="text features",
                    fix="Choose minilm-tokens, or set adversarial=false",
                )
            linked = exchanged_words(train.texts, train.text_to_image, number=config.adversarial_number, seed=seed)
            wrong = EncodedTexts(linked.texts, encoder, max_tokens=config.max_tokens)
            adversarial = LinkedTokens(wrong, linked.rows)
        return ADVPairs(
            images, texts, train.text_to_image, self._labels(train), rephrased=rephrased, adversarial=adversarial
        )

    def _read(self, features: Any, rows: Array, side: Literal["image", "text"]) -> Any:
        return features.take(rows) if side == "text" else super()._read(features, rows, side)

    @classmethod
    def _load_published(cls, path: Path, options: dict[str, Any]) -> Self:
        asked = checked_config(cls.config_class, options, cls.name)
        found = read_published(path, heads=asked.heads, bert_heads=asked.bert_heads)
        tokens = int(found.options.get("max_words", _PUBLISHED_TOKENS))
        found_options = {**options, "max_tokens": tokens, **found.network.sizes}
        choice = checked_config(cls.config_class, found_options, cls.name)
        image, text = _images(choice, found), _texts(choice, found, path)
        return cls(**choice.model_dump())._with(found.network, image, text, found.network.n_concepts)


def _images(choice: Any, found: PublishedADV) -> ModelInput:
    """What the image network of a checkpoint reads."""
    if choice.image_encoder == "pixels":
        return PixelInput()
    regions = (None, found.network.widths[0])
    return FeatureInput.published("image", choice.features, regions, weights=choice.weights)


def _texts(choice: Any, found: PublishedADV, path: Path) -> ModelInput:
    """What the text network of a checkpoint reads: the states of the BERT that it holds, or features by name."""
    if found.bert is None:
        states = FeatureInput.published("text", choice.text_features, (None, found.network.widths[1]))
        return TokenInput(states, choice.max_tokens)
    if choice.vocabulary is None:
        raise OptionError(
            "the checkpoint holds a BERT, but not the words that it knows",
            where=str(path),
            expected="the option vocabulary, a file vocab.txt of BERT-base in lower case",
        )
    size = found.bert.config.vocabulary
    return BertInput(found.bert, read_vocabulary(Path(choice.vocabulary), size), choice.max_tokens)
