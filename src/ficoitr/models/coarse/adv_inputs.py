"""What ADV reads of a dataset: regions or pixels of images, states of the tokens of texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

from ficoitr.errors import FileFormatError, InputError, ShapeError
from ficoitr.models.coarse.adv_pixels import SIDE, ScreeningPixels
from ficoitr.models.coarse.adv_tokens import EncodedTexts, StoredTokens
from ficoitr.models.features.bert import Bert, BertConfig
from ficoitr.models.features.registry import feature_names, load_extractor
from ficoitr.models.features.tokens import FrozenTextEncoder
from ficoitr.models.trained.inputs import FeatureInput, Parts, Scaled
from ficoitr.outputs.files import require_file

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_ROWS = 1024
_MARKS = ("[CLS]", "[SEP]", "[UNK]")


class PixelInput:
    """The pixels of images, as the screening model reads them."""

    side: Literal["image"] = "image"
    features = "pixels"
    shape = (3, SIDE, SIDE)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> ScreeningPixels:
        """Return the pixels of a dataset, decoded when they are asked for.

        Raises
        ------
        InputError
            If it has none.
        """
        del progress
        if not dataset.has_pixels:
            raise InputError("this dataset has no pixels", where=f"dataset {dataset.name!r}")
        return ScreeningPixels(dataset.images)

    def content(self, dataset: Dataset) -> str:
        """Return a hash of the images."""
        return dataset.images.digest()

    def to_parts(self) -> Parts:
        """Return what a file needs to hold."""
        return {"features": self.features}, {}


class TokenInput:
    """States of tokens that are features by name, extracted or brought by the dataset.

    Parameters
    ----------
    states : FeatureInput
        Of sets of states, one a token.
    max_tokens : int
        How many of a text are read.

    Notes
    -----
    How many tokens a text has is counted anew where the features have a name that says how. Others end, for each text,
    with the last state that is not all zeros: what follows counts as padding.
    """

    side: Literal["text"] = "text"

    def __init__(self, states: FeatureInput, max_tokens: int) -> None:
        self._states = states
        self._max_tokens = max_tokens

    @classmethod
    def fit(
        cls, train: Dataset, features: str, *, max_tokens: int, progress: Progress | None = None
    ) -> tuple[Self, StoredTokens]:
        """Find the states; also return those of the training split."""
        states, values = FeatureInput.fit(train, "text", features, axes=2, progress=progress)
        if len(values.shape) != 3:
            raise ShapeError(
                f"the text features {states.features!r} have the shape {states.shape} an item",
                where="features",
                expected="a vector a token",
                fix="Choose minilm-tokens, or features of that form that the dataset brings",
            )
        fitted = cls(states, max_tokens)
        return fitted, fitted._with_lengths(train, values)

    @property
    def features(self) -> str:
        """The name of the features."""
        return self._states.features

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Tokens of a text, and the width of a state."""
        return self._states.shape

    @property
    def encoder(self) -> FrozenTextEncoder | None:
        """What computes the states of texts; None if only the dataset knows, or another package."""
        if not any(one.name == self.features for one in feature_names("text")):
            return None
        encoder: FrozenTextEncoder | None = getattr(load_extractor(self.features), "encoder", None)
        return encoder

    def content(self, dataset: Dataset) -> str:
        """Return a hash of the states that the dataset brings; texts are known by those of the dataset."""
        return self._states.content(dataset)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> StoredTokens:
        """Return the states of a dataset's texts."""
        return self._with_lengths(dataset, self._states(dataset, progress))

    def _with_lengths(self, dataset: Dataset, states: Scaled) -> StoredTokens:
        encoder = self.encoder
        if encoder is not None and dataset.has_words:
            lengths = np.array(encoder.lengths(dataset.texts))
        else:
            lengths = np.concatenate([_ends(states[row : row + _ROWS]) for row in range(0, len(states), _ROWS)])
        return StoredTokens(states, lengths, max_tokens=self._max_tokens)

    def to_parts(self) -> Parts:
        """Return what a file needs to hold."""
        settings, arrays = self._states.to_parts()
        return {**settings, "max_tokens": self._max_tokens}, arrays

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the input from what `to_parts` returned."""
        own = dict(settings)
        max_tokens = own.pop("max_tokens")
        return cls(FeatureInput.from_parts("text", own, arrays), max_tokens)


class BertInput:
    """States of tokens from the BERT that a checkpoint of the authors' holds, computed when they are asked for.

    Parameters
    ----------
    network : Bert
    vocabulary : sequence of str
        Words and parts of words, in the order of the network's embeddings.
    max_tokens : int
    """

    side: Literal["text"] = "text"
    features = "bert"

    def __init__(self, network: Bert, vocabulary: list[str], max_tokens: int) -> None:
        self._vocabulary = vocabulary
        self.encoder = FrozenTextEncoder(network, _word_pieces(vocabulary), max_tokens=max_tokens)

    @property
    def shape(self) -> tuple[int, ...]:
        """Tokens of a text, and the width of a state."""
        return self.encoder.max_tokens, self.encoder.width

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> EncodedTexts:
        """Return the states of a dataset's texts."""
        del progress
        if not dataset.has_words:
            raise InputError("this dataset has no words", where=f"dataset {dataset.name!r}")
        return EncodedTexts(dataset.texts, self.encoder)

    def content(self, dataset: Dataset) -> str:
        """Return nothing of its own: texts are known by those of the dataset."""
        del dataset
        return "of its texts"

    def to_parts(self) -> Parts:
        """Return what a file needs to hold."""
        config = self.encoder.network.config
        settings = {"features": self.features, "max_tokens": self.encoder.max_tokens, "bert": vars(config).copy()}
        arrays = {f"text_{name}": one.cpu().numpy() for name, one in self.encoder.network.state_dict().items()}
        return settings, {**arrays, "text_vocabulary": np.array(self._vocabulary)}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the input from what `to_parts` returned."""
        own = {name.removeprefix("text_"): one for name, one in arrays.items() if name.startswith("text_")}
        vocabulary = own.pop("vocabulary").tolist()
        network = Bert(BertConfig(**settings["bert"]))
        network.load_state_dict({name: torch.from_numpy(one) for name, one in own.items()})
        return cls(network, vocabulary, settings["max_tokens"])


def read_vocabulary(path: Path, size: int) -> list[str]:
    """Read the ``vocab.txt`` of a BERT whose embeddings have so many rows.

    Raises
    ------
    FileFormatError
        If it is missing, of another size, or lacks the marks of begin, end and unknown words.
    """
    require_file(path)
    try:
        words = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as problem:
        raise FileFormatError("the file is no text", where=str(path), expected="a vocab.txt of BERT") from problem
    missing = [mark for mark in _MARKS if mark not in words]
    if len(words) != size or missing:
        raise FileFormatError(
            f"the file lacks {missing[0]}" if missing else f"the file has {len(words):,} lines",
            where=str(path),
            expected=f"the vocab.txt of the checkpoint's BERT, {size:,} lines",
        )
    return words


def _word_pieces(vocabulary: list[str]) -> Tokenizer:
    """BERT's tokenizer for texts in lower case."""
    places = {word: place for place, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(places, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106 (no password)
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", places["[SEP]"]), ("[CLS]", places["[CLS]"]))
    return tokenizer


def _ends(states: Array) -> Array:
    """Where the states of each text end: after the last that is not all zeros, at least after the first."""
    there: Array = np.any(states, axis=2)
    ends: Array = np.maximum(1, states.shape[1] - there[:, ::-1].argmax(axis=1))
    return np.where(there.any(axis=1), ends, 1)
