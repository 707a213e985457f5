"""Tokens, vocabulary files as the authors write them, and vocabularies of new data."""

from __future__ import annotations

import copyreg
import json
import os
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from ficoitr.errors import FileFormatError, OptionError, ShapeError, ValuesError
from ficoitr.models.fine.tokens import tokenise
from ficoitr.models.fine.vocabulary import Vocabulary
from ficoitr.models.fine.words import Tokens, Words

WORDS = ("<pad>", "<start>", "<end>", "<unk>", "dog", "a", "café")
EXAMPLE = Vocabulary(WORDS)


def content(words: tuple[str, ...] = WORDS) -> dict[str, Any]:
    return {
        "word2idx": {word: row for row, word in reversed(list(enumerate(words)))},
        "idx2word": dict(enumerate(words)),
        "idx": len(words),
    }


@pytest.fixture
def authors_class(monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """The class that their scripts pickle, in the module of theirs."""
    module = ModuleType("vocab")
    module.Vocabulary = type("Vocabulary", (), {"__module__": "vocab"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vocab", module)
    found: type[Any] = module.Vocabulary
    return found


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog isn't here.", ["a", "dog", "is", "n't", "here", "."]),
        # Two sentences: the full stop in the middle is a token of its own.
        ("A dog runs. A cat sits.", ["a", "dog", "runs", ".", "a", "cat", "sits", "."]),
        ("Mr. Smith , smiling", ["mr.", "smith", ",", "smiling"]),
        ('The "Stop" sign (red)', ["the", "``", "stop", "''", "sign", "(", "red", ")"]),
        ("t-shirt, 3,500 people...", ["t-shirt", ",", "3,500", "people", "..."]),
        ("CAFÉ in Zürich", ["café", "in", "zürich"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_tokens(caption: str, expected: list[str]) -> None:
    assert tokenise(caption) == expected


def test_tokens_lose_nothing_of_real_captions(test_data: Path) -> None:
    captions = (test_data / "flickr30k_text" / "karpathy_test_caps.txt").read_text(encoding="utf-8").splitlines()
    for caption in captions[:1000]:
        tokens = tokenise(caption)
        # Nothing is lost but blanks, and quotation marks, which have names.
        joined = "".join(tokens).replace("``", '"').replace("''", '"')
        assert joined == "".join(caption.lower().split()).replace("''", '"').replace("``", '"')


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol: int, authors_class: type[Any], tmp_path: Path) -> None:
    published = authors_class()
    published.__dict__.update(content())
    path = tmp_path / "coco_precomp_vocab.pkl"
    path.write_bytes(pickle.dumps(published, protocol))
    del sys.modules["vocab"]
    assert Vocabulary.read(path) == EXAMPLE
    assert "vocab" not in sys.modules


def test_pickles_of_python_2(tmp_path: Path) -> None:
    path = tmp_path / "f30k_vocab.pkl"
    head, state = b"ccopy_reg\n_reconstructor\n(cvocab\nVocabulary\nc__builtin__\nobject\nNtR", b"("
    words = b"".join(b"V%s\nI%d\ns" % (word.encode("raw_unicode_escape"), row) for row, word in enumerate(WORDS))
    # The special words were byte strings.
    words = words.replace(b"V<pad>\n", b"S'<pad>'\n")
    rows = b"".join(b"I%d\nV%s\ns" % (row, word.encode("raw_unicode_escape")) for row, word in enumerate(WORDS))
    state = b"(dS'idx'\nI7\nsS'word2idx'\n(d" + words + b"sS'idx2word'\n(d" + rows + b"sb."
    path.write_bytes(head + state)
    assert Vocabulary.read(path) == EXAMPLE
    # Written by the script that holds the class.
    path.write_bytes((head + state).replace(b"cvocab\n", b"c__main__\n"))
    assert Vocabulary.read(path) == EXAMPLE


class Evil:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def test_no_code_of_a_pickle_is_run(authors_class: type[Any], tmp_path: Path) -> None:
    path, target = tmp_path / "vocab.pkl", tmp_path / "touched"
    bad: list[Any] = [
        Evil(os.mkdir, (str(target),)),
        {"word2idx": Evil(os.mkdir, (str(target),)), "idx2word": {}},
        Evil(eval, (f"__import__('os').mkdir({str(target)!r})",)),
        Evil(copyreg._reconstructor, (dict, object, None)),  # type: ignore[attr-defined]
        Evil(getattr, (authors_class, "__init__")),
        torch.zeros(2),
        Path("x"),
    ]
    for one in bad:
        path.write_bytes(pickle.dumps(one))
        with pytest.raises(FileFormatError, match=r"vocab\.pkl: this is no vocabulary, or it is damaged \(it holds "):
            Vocabulary.read(path)
    assert not target.exists()
    # A file that writes to the class itself leaves nothing behind for the next one.
    poison = b"\x80\x02cvocab\nVocabulary\nN}X\x08\x00\x00\x00word2idxK\x01s\x86b."
    path.write_bytes(poison)
    with pytest.raises(FileFormatError, match="word2idx"):
        Vocabulary.read(path)
    path.write_bytes(b"\x80\x02cvocab\nVocabulary\n)\x81.")
    with pytest.raises(FileFormatError, match="no word2idx"):
        Vocabulary.read(path)


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "coco_precomp_vocab.json"
    path.write_text(json.dumps(content()), encoding="utf-8")
    assert Vocabulary.read(path) == EXAMPLE
    EXAMPLE.write(tmp_path / "own.json")
    assert json.loads((tmp_path / "own.json").read_text()) == json.loads(path.read_text())
    assert Vocabulary.read(str(tmp_path / "own.json")) == EXAMPLE


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"idx": 9}, r"idx is 9.*Expected 7"),
        ({"word2idx": None}, "no word2idx or no idx2word"),
        ({"word2idx": ["dog"]}, "no word2idx or no idx2word"),
        ({"word2idx": {**content()["word2idx"], "dog": "4"}}, "other things than words and their rows"),
        ({"word2idx": {**content()["word2idx"], "dog": 3}}, "are not 0, 1, and so on"),
        ({"word2idx": {**content()["word2idx"], "dog": -1}}, "are not 0, 1, and so on"),
        ({"idx2word": {0: "<pad>"}}, "do not say the same"),
        (content(("<pad>", "<start>", "<end>", "dog")), "there is no <unk>"),
    ],
)
def test_damaged_json(damage: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({**content(), **damage}), encoding="utf-8")
    with pytest.raises(FileFormatError, match=rf"vocab\.json: .*{message}"):
        Vocabulary.read(path)


def test_files_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    with pytest.raises(FileFormatError, match="no such file"):
        Vocabulary.read(path)
    for text, message in (("", "not valid JSON"), ('{"word2idx": ', "not valid JSON"), ("dog\ncat\n", "no vocabulary")):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(FileFormatError, match=rf"vocab\.json.*{message}"):
            Vocabulary.read(path)
    whole = pickle.dumps({**content()})
    path.write_bytes(whole)
    assert Vocabulary.read(path) == EXAMPLE
    for length in range(1, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match="no vocabulary, or it is damaged"):
            Vocabulary.read(path)


def test_what_a_vocabulary_must_have() -> None:
    with pytest.raises(ValuesError, match="the word 'dog' is there twice"):
        Vocabulary((*WORDS, "dog"))
    with pytest.raises(ValuesError, match="there is no <end>"):
        Vocabulary(("<pad>", "<start>", "<unk>"))


def test_size() -> None:
    EXAMPLE.require_size(7, "vocab.json")
    with pytest.raises(FileFormatError, match=r"vocab\.json: the vocabulary has 7 words\. Expected 8,481"):
        EXAMPLE.require_size(8481, "vocab.json")


def test_building() -> None:
    captions = ["A dog and a dog.", "A cat and a bird", "a zebra; a cat"]
    vocabulary = Vocabulary.build(iter(captions), threshold=2)
    assert vocabulary.words == ("<pad>", "<start>", "<end>", "<unk>", "a", "and", "cat", "dog")
    # Neither the order of captions nor that of a run's hashes matters.
    assert Vocabulary.build(reversed(captions), threshold=2) == vocabulary
    assert Vocabulary.build(captions, threshold=2, mask=True).words == (*vocabulary.words, "<mask>")
    assert len(Vocabulary.build([], threshold=1)) == 4


def test_mask() -> None:
    with pytest.raises(OptionError, match="has no <mask>"):
        _ = EXAMPLE.mask
    masked = EXAMPLE.with_mask()
    assert (masked.mask, len(masked)) == (7, 8)
    assert masked.with_mask() is masked


def test_captions_without_a_known_word() -> None:
    assert EXAMPLE.encode("Zebras!") == [1, 3, 3, 2]
    assert EXAMPLE.encode("") == [1, 2]
    # Special words cannot be written into a caption.
    assert EXAMPLE.encode("<end>") == [1, 3, 3, 3, 2]
    tokens = EXAMPLE.encode_all(["", "A café", "unseen"])
    assert tokens.ids.tolist() == [[1, 2, 0, 0], [1, 5, 6, 2], [1, 3, 2, 0]]
    assert tokens.lengths.tolist() == [2, 4, 3]
    assert tokens.mask.tolist() == [[True] * length + [False] * (4 - length) for length in (2, 4, 3)]
    assert EXAMPLE.encode_all([]).ids.shape == (0, 0)


def test_containers_check_their_shapes() -> None:
    with pytest.raises(ShapeError, match=r"caption 1: a caption has no token"):
        Tokens.of([[1, 2], []])
    with pytest.raises(ShapeError, match="token ids"):
        Tokens(torch.zeros(2, 3, dtype=torch.int64), torch.ones(3, dtype=torch.int64))
    with pytest.raises(ShapeError, match="word states"):
        Words(torch.zeros(2, 3), torch.ones(2, dtype=torch.int64))
    words = Words(torch.zeros(2, 3, 4), torch.tensor([3, 1])).to("cpu")
    assert (len(words), words.mask.tolist()) == (2, [[True] * 3, [True, False, False]])
