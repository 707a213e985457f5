"""Which words a model knows: the authors' vocabulary files, and vocabularies of new data."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Self

from ficoitr.errors import FileFormatError, OptionError, ValuesError
from ficoitr.models.fine.tokens import tokenise
from ficoitr.models.fine.words import Tokens
from ficoitr.outputs.files import atomic_path, read_json, require_file

PAD, START, END, UNKNOWN, MASK = "<pad>", "<start>", "<end>", "<unk>", "<mask>"
_SPECIAL = (PAD, START, END, UNKNOWN)
_EXPECTED = 'a vocabulary of word2idx, idx2word and idx, as JSON or as a pickle of "vocab.Vocabulary"'


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows, each with its row in the embedding.

    Parameters
    ----------
    words : tuple of str
        By row; ``<start>``, ``<end>`` and ``<unk>`` are among them.

    Raises
    ------
    ValuesError
        If a word is there twice, or one of those three is not.

    Notes
    -----
    The rows of the authors' vocabularies are in no order that can be computed again: a checkpoint means nothing
    without the vocabulary file that it was trained with.

    Examples
    --------
    >>> vocabulary = Vocabulary.build(["A red car.", "a red bus"], threshold=2)
    >>> vocabulary.words
    ('<pad>', '<start>', '<end>', '<unk>', 'a', 'red')
    >>> vocabulary.encode("A red sea")
    [1, 4, 5, 3, 2]
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.words):
            repeated = next(word for row, word in enumerate(self.words) if self.rows[word] != row)
            raise ValuesError(f"the word {repeated!r} is there twice", where="vocabulary")
        if missing := [word for word in (START, END, UNKNOWN) if word not in self.rows]:
            raise ValuesError(f"there is no {missing[0]}", where="vocabulary", expected=f"{START}, {END} and {UNKNOWN}")

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def special(self) -> frozenset[int]:
        """The rows that are no words, such as that of ``<start>``."""
        return frozenset(self.rows[word] for word in (*_SPECIAL, MASK) if word in self.rows)

    @classmethod
    def build(cls, captions: Iterable[str], *, threshold: int = 4, mask: bool = False) -> Self:
        """Collect the tokens that captions have, the most frequent first, equally frequent ones by the alphabet.

        Parameters
        ----------
        captions : iterable of str
            Of the training split; the authors take those of validation, too.
        threshold : int
            How often a token must be there.
        mask : bool
            Whether ``<mask>`` follows at the end, see `with_mask`.
        """
        counts = Counter(token for caption in captions for token in tokenise(caption))
        known = sorted(
            (word for word, count in counts.items() if count >= threshold), key=lambda word: (-counts[word], word)
        )
        vocabulary = cls((*_SPECIAL, *known))
        return vocabulary.with_mask() if mask else vocabulary

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a vocabulary file: the authors' JSON, or a pickle of their class, from which nothing else is built.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged, or holds something else.
        """
        path = Path(path)
        require_file(path)
        with path.open("rb") as file:
            start = file.read(1)
        content = read_json(path) if start.strip() in (b"", b"{") else _unpickled(path)
        try:
            return cls(_words(content))
        except ValuesError as problem:
            raise FileFormatError(problem.what, where=str(path), expected=problem.expected or _EXPECTED) from problem

    def write(self, path: str | Path) -> None:
        """Write the vocabulary in the authors' JSON form.

        Raises
        ------
        OutputError
            If it cannot be written there.
        """
        content = {
            "word2idx": self.rows,
            "idx2word": {str(row): word for row, word in enumerate(self.words)},
            "idx": len(self),
        }
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")

    def with_mask(self) -> Self:
        """Add ``<mask>`` at the end, if it is not there, as VSE-infinity's code does with the file that it has read."""
        return self if MASK in self.rows else type(self)((*self.words, MASK))

    @property
    def mask(self) -> int:
        """The row of ``<mask>``.

        Raises
        ------
        OptionError
            If there is none.
        """
        if MASK not in self.rows:
            raise OptionError(f"the vocabulary has no {MASK}", where="vocabulary", fix="Use vocabulary.with_mask()")
        return self.rows[MASK]

    def encode(self, caption: str) -> list[int]:
        """Return the rows of ``<start>``, of a caption's tokens, and of ``<end>``; unknown ones are ``<unk>``."""
        rows, unknown = self.rows, self.rows[UNKNOWN]
        return [rows[START], *(rows.get(token, unknown) for token in tokenise(caption)), rows[END]]

    def encode_all(self, captions: Iterable[str]) -> Tokens:
        """Encode captions into one padded tensor."""
        return Tokens.of([self.encode(caption) for caption in captions])

    def require_size(self, size: int, where: str) -> None:
        """Check that the vocabulary is of the size that a checkpoint's embedding has.

        Parameters
        ----------
        size : int
            Rows of the embedding.
        where : str
            What to name in the error, such as the path of the vocabulary.

        Raises
        ------
        FileFormatError
            If it is not.
        """
        if len(self) != size:
            raise FileFormatError(
                f"the vocabulary has {len(self):,} words",
                where=where,
                expected=f"{size:,}, as many as the embedding of the checkpoint has rows",
                fix="Pass the vocabulary file that the checkpoint was trained with",
            )


# Where the authors' class is found: in a module, or in the script that has written the file.
_PUBLISHED = {("vocab", "Vocabulary"), ("__main__", "Vocabulary")}
# What the oldest pickles make an object by.
_RECONSTRUCTORS = {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}
_OBJECTS = {("__builtin__", "object"), ("builtins", "object")}


class _Unpickler(pickle.Unpickler):
    """Builds an object in the place of the authors', from Python's own containers, and refuses all else."""

    def __init__(self, file: IO[bytes]) -> None:
        # The authors wrote their files with Python 2.
        super().__init__(file, fix_imports=False, encoding="latin1")
        # A class of its own each time: a file may also write to the class.
        self.published = type("Published", (), {})

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PUBLISHED:
            return self.published
        if (module, name) in _RECONSTRUCTORS:
            return self._reconstructed
        if (module, name) in _OBJECTS:
            return object
        raise pickle.UnpicklingError(f"it holds {module}.{name}")

    def _reconstructed(self, kind: Any, base: Any, state: Any) -> Any:
        if kind is not self.published or base is not object or state is not None:
            raise pickle.UnpicklingError("it holds an object of another class")
        return self.published()


def _unpickled(path: Path) -> Any:
    with path.open("rb") as file:
        try:
            unpickler = _Unpickler(file)
            found = unpickler.load()
        except Exception as problem:  # damaged pickles raise whatever their bytes happen to ask for
            detail = str(problem).partition("\n")[0]
            raise FileFormatError(
                f"this is no vocabulary, or it is damaged ({detail})", where=str(path), expected=_EXPECTED
            ) from problem
    return vars(found) if isinstance(found, unpickler.published) else found


def _words(content: Any) -> tuple[str, ...]:
    """Order the words by their rows, which must be 0, 1, … without a gap, the same in both directions."""
    rows, words = (content.get(name) if isinstance(content, Mapping) else None for name in ("word2idx", "idx2word"))
    if not isinstance(rows, Mapping) or not isinstance(words, Mapping):
        raise ValuesError("there is no word2idx or no idx2word")
    if not all(isinstance(word, str) and isinstance(row, int) for word, row in rows.items()):
        raise ValuesError("word2idx has other things than words and their rows")
    ordered = sorted(rows, key=rows.__getitem__)
    if [rows[word] for word in ordered] != list(range(len(rows))):
        raise ValuesError("the rows of its words are not 0, 1, and so on")
    # JSON has names in the place of numbers.
    if {str(row): word for row, word in words.items()} != {str(row): word for row, word in enumerate(ordered)}:
        raise ValuesError("word2idx and idx2word do not say the same")
    if content.get("idx", len(rows)) != len(rows):
        raise ValuesError(f"idx is {content['idx']!r}", expected=f"{len(rows)}, the number of words")
    return tuple(ordered)
