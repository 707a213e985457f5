"""What the fine-grained models share: regions and words in, embeddings or scores of pairs out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np
from pydantic import Field
from torch import nn

from ficoitr.errors import OptionError, ShapeError
from ficoitr.models.base import Granularity
from ficoitr.models.features import load_extractor
from ficoitr.models.fine.captions import CaptionPairs, Captions, WordInput, training_vocabulary
from ficoitr.models.fine.published import read_network
from ficoitr.models.fine.recipe import TripletRecipe
from ficoitr.models.fine.scoring import PairScorer
from ficoitr.models.fine.vocabulary import MASK, Vocabulary
from ficoitr.models.fine.word_vectors import begin_with, require_word_vectors
from ficoitr.models.fine.words import Words
from ficoitr.models.judging import mean_recall
from ficoitr.models.trained.choices import ImageChoice
from ficoitr.models.trained.inputs import FeatureInput, ModelInput, Scaling
from ficoitr.models.trained.model import TrainedModel
from ficoitr.models.trained.saving import SavedModel
from ficoitr.models.training import Recipe
from ficoitr.models.training.config import checked_config
from ficoitr.outputs import Embeddings, Scores, VectorSets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]


class FineChoice(ImageChoice):
    """What a fine-grained model reads.

    Attributes
    ----------
    features : str
        Sets of regions: a name of `ficoitr.models.features.feature_names`, or of features that the dataset brings.
        ``auto`` takes what the dataset brings, or else ``region-set``.
    weights : str, optional
        File of the weights of the image features, where no package brings them.
    image_scaling : {"none", "whole", "each"}
        ``none`` leaves regions as they are, as published. ``whole`` brings all their values together to mean 0 and
        variance 1, ``each`` those of each number of a region, as they are on the training split.
    vocabulary : str, optional
        File of the words it knows: the authors' JSON or pickle, which their checkpoints need. By default the words of
        the training split.
    vocabulary_threshold : int
        How often a word must be there to be known.
    word_vectors : str, optional
        Text features of a word that its vector begins with, such as ``minilm``, where training captions are few; see
        `ficoitr.models.fine.word_vectors.begin_with`. By default random numbers, as published.
    """

    image_scaling: Scaling = "none"
    vocabulary: str | None = None
    vocabulary_threshold: int = Field(default=4, ge=1)
    word_vectors: str | None = None


class FineModel(TrainedModel):
    """A model on the regions of images and the words of texts.

    Where its ``measure`` is ``pairs``, only `scores` and `scorer` compare what it makes of an image and of a text: sets
    of vectors, or the vectors of order embeddings.

    Attributes
    ----------
    published_choices : tuple of str
        Settings that no tensor of the authors' checkpoints tells, and their options may.
    masked : bool
        Whether its vocabulary has ``<mask>``.
    makes_sets : bool
        Whether it makes a set of vectors of an image or a text, and not one.
    """

    granularity: Granularity = "fine"
    judged_by = "recall"
    axes: Literal[1, 2] = 2
    published_choices: ClassVar[tuple[str, ...]] = ()
    masked: ClassVar[bool] = False
    makes_sets: ClassVar[bool] = False

    def _build(self, image: ModelInput, text: ModelInput, n_categories: int) -> nn.Module:
        del n_categories
        network: nn.Module = self.config.network(self._width(image), self._width(text))
        return network

    def _recipe(self, networks: Any, pairs: Any, seed: int) -> Recipe:
        del pairs, seed
        if self.config.word_vectors is not None:
            words = cast("WordInput", self._fitted_inputs[1])
            begin_with(networks.text.embed, words.vocabulary, self.config.word_vectors)
        return self._triplet_recipe(networks)

    def _triplet_recipe(self, networks: Any) -> TripletRecipe:
        """Return how the networks are trained on regions and words."""
        return TripletRecipe(networks, self.config)

    def _fit_inputs(
        self, train: Dataset, seed: int, progress: Progress | None
    ) -> tuple[tuple[ModelInput, Any], tuple[ModelInput, Any]]:
        config = self.config
        # What may be wrong is found before regions are read, which take long.
        if config.word_vectors is not None:
            require_word_vectors(config.word_vectors)
        known = (
            training_vocabulary(train, config.vocabulary_threshold)
            if config.vocabulary is None
            else Vocabulary.read(config.vocabulary)
        )
        words = WordInput(known.with_mask() if self.masked else known)
        captions = words(train, progress)
        images = FeatureInput.fit(
            train,
            "image",
            config.features,
            axes=self.axes,
            weights=config.weights,
            scaling=config.image_scaling,
            seed=seed,
            progress=progress,
        )
        return images, (words, captions)

    def _load_inputs(self, saved: SavedModel) -> tuple[ModelInput, ModelInput]:
        return FeatureInput.from_parts("image", saved.inputs[0], saved.arrays), WordInput.from_parts(saved.arrays)

    def _pairs(self, train: Dataset, images: Any, texts: Captions, seed: int) -> CaptionPairs:
        del seed
        return CaptionPairs(images, texts, train.text_to_image)

    def _read(self, features: Any, rows: Array, side: Literal["image", "text"]) -> Any:
        return features.take(rows) if side == "text" else super()._read(features, rows, side)

    def _kept(self, encoded: Any) -> Any:
        if isinstance(encoded, Words):
            return VectorSets(encoded.states[encoded.mask].float().cpu().numpy(), encoded.lengths.cpu().numpy())
        return super()._kept(encoded)

    def _joined(self, parts: Sequence[Any]) -> Any:
        """Join vectors to an array, and sets of vectors to `VectorSets`."""
        if isinstance(parts[0], VectorSets):
            return VectorSets(
                np.concatenate([part.values for part in parts]), np.concatenate([part.lengths for part in parts])
            )
        vectors: Array = super()._joined(parts)
        if vectors.ndim == 2:
            return vectors
        n_items, n_regions, width = vectors.shape
        return VectorSets(vectors.reshape(-1, width), np.full(n_items, n_regions))

    def _judge(self, images: Any, texts: Any, validation: Dataset) -> float:
        return mean_recall(PairScorer(self._fitted_networks, images, texts).matrix(), validation.text_to_image)

    def _identity(self, train: Dataset, validation: Dataset | None) -> dict[str, Any]:
        features = self.config.word_vectors
        source = None if features is None else load_extractor(features).identity
        return {**super()._identity(train, validation), "word_vectors": source}

    def encode_images(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings | VectorSets:
        """Encode the images: float32, d numbers each, or each of their regions."""
        return _outputs(self._encode("image", self._fitted_inputs[0](dataset, progress)), dataset.image_ids)

    def encode_texts(self, dataset: Dataset, *, progress: Progress | None = None) -> Embeddings | VectorSets:
        """Encode the texts: float32, d numbers each, or each of their words."""
        return _outputs(self._encode("text", self._fitted_inputs[1](dataset, progress)), dataset.text_ids)

    def scorer(
        self,
        images: Embeddings | VectorSets,
        texts: Embeddings | VectorSets,
        *,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> PairScorer:
        """Return what scores pairs of encoded images and texts: all of them, or those of lists of candidates.

        Raises
        ------
        ShapeError
            If they are not what this model makes of images and texts.
        """
        for side, given in (("images", images), ("texts", texts)):
            self._require_own(side, given)
        return PairScorer(self._fitted_networks, images, texts, dtype=dtype)

    def scores(self, dataset: Dataset, *, folder: str | Path | None = None, progress: Progress | None = None) -> Scores:
        """Score every image of a dataset with every text.

        Parameters
        ----------
        dataset : Dataset
        folder : path, optional
            Where the scores are kept, see `PairScorer.matrix`: a second call goes on where the first was stopped.
        progress : callable, optional
        """
        images, texts = self.encode_images(dataset, progress=progress), self.encode_texts(dataset, progress=progress)
        return Scores(self.scorer(images, texts).matrix(folder=folder, progress=progress))

    def _require_own(self, side: str, given: Embeddings | VectorSets) -> None:
        width = self._fitted_networks.sizes["width"]
        kind = VectorSets if self.makes_sets else Embeddings
        if not isinstance(given, kind) or given.values.shape[1] != width:
            raise ShapeError(
                f"these are {given!r}",
                where=side,
                expected=f"{kind.__name__} of {width} numbers, as encode_{side} of this model returns",
            )

    @classmethod
    def _load_published(cls, path: Path, options: dict[str, Any]) -> Self:
        asked: Any = checked_config(cls.config_class, options, cls.name)
        if asked.vocabulary is None:
            raise OptionError(
                "the checkpoint does not hold the words that it knows",
                where=str(path),
                expected="the option vocabulary, the file that it was trained with, such as f30k_precomp_vocab.json",
            )
        choices = {name: getattr(asked, name) for name in cls.published_choices if name in options}
        network: Any = read_network(path, cls.name, **choices).network
        width, n_words = network.widths
        vocabulary = Vocabulary.read(asked.vocabulary)
        # <mask> is in no file: the authors' code adds it.
        adds_mask = cls.masked and MASK not in vocabulary.rows
        vocabulary.require_size(n_words - adds_mask, asked.vocabulary)
        vocabulary = vocabulary.with_mask() if adds_mask else vocabulary
        fixed = {**network.sizes, "image_scaling": "none"}
        choice: Any = checked_config(cls.config_class, {**options, **fixed}, cls.name)
        model = cls(**choice.model_dump())
        shape = (fixed.get("regions"), width)[-model.axes :]
        images = FeatureInput.published("image", choice.features, shape, weights=choice.weights)
        return model._with(network, images, WordInput(vocabulary), 0)


def _outputs(encoded: Array | VectorSets, ids: tuple[str, ...]) -> Embeddings | VectorSets:
    if isinstance(encoded, VectorSets):
        return replace(encoded, ids=ids)
    return Embeddings(encoded, ids=ids)
