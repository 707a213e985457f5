"""Data cards against what the real files are known to hold, and against counting one by one."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.data import Dataset, data_card, load_dataset
from ficoitr.data.card import relevant_pairs
from ficoitr.data.images import MemoryImages

if TYPE_CHECKING:
    from pathlib import Path


@given(arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 4))))
def test_relevant_pairs_is_the_share_of_all_pairs(categories: np.ndarray) -> None:
    pairs = [(a & b).any() for a in categories for b in categories]
    assert relevant_pairs(categories) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_coco_5k(test_data: Path) -> None:
    with np.load(test_data / "coco5k" / "coco5k.npz") as arrays_of:
        labels, names = arrays_of["labels"].astype(np.bool_), tuple(map(str, arrays_of["class_names"]))
    packed = (test_data / "coco5k" / "captions.txt.gz").read_bytes()
    texts = tuple(gzip.decompress(packed).decode("utf-8").splitlines())
    dataset = Dataset(
        "coco5k",
        MemoryImages((None,) * 5000),  # type: ignore[arg-type]
        tuple(map(str, range(5000))),
        texts,
        tuple(map(str, range(25000))),
        np.arange(25000) // 5,
        labels,
        names,
    )
    card = data_card(dataset)
    assert (card.images, card.texts, card.texts_per_image) == (5000, 25000, {5: 5000})
    assert card.repeated_texts == 180
    assert card.labels is not None
    assert card.labels.images_without == 48
    assert card.labels.relevant_pairs == pytest.approx(0.329, abs=5e-4)
    assert card.labels.per_image == pytest.approx(2.86, abs=5e-3)
    assert card.labels.counts[0].name == "person"
    assert card.labels.counts[0].images == labels[:, names.index("person")].sum()
    pair = card.labels.together[0]
    both = labels[:, names.index(pair.first)] & labels[:, names.index(pair.second)]
    assert pair.images == both.sum()
    assert "| Repeated texts, ignoring case" in card.to_markdown()


def test_a_card_from_the_command_line(test_data: Path, tmp_path: Path) -> None:
    command = ["data", "card", str(test_data / "coco338")]
    done = CliRunner().invoke(application, [*command, "--json"])
    assert done.exit_code == 0
    card = json.loads(done.stdout)
    assert (card["images"], card["texts"], card["splits"]) == (338, 1690, {"test": [100, 500], "train": [238, 1190]})
    assert card["digest"] == load_dataset(test_data / "coco338").digest()
    page = tmp_path / "card.md"
    done = CliRunner().invoke(application, [*command, "--split", "test", "--output", str(page)])
    assert done.exit_code == 0
    assert page.read_text().startswith("# coco338, test\n")
    assert "| Images " in page.read_text()


def test_texts_without_words_are_counted() -> None:
    dataset = Dataset(
        "odd", MemoryImages((None,)), ("a",), ("A cat", "a CAT", "..."), ("0", "1", "2"), np.zeros(3, dtype=np.int64)
    )  # type: ignore[arg-type]
    card = data_card(dataset)
    assert (card.empty_texts, card.repeated_texts, card.distinct_words, card.labels) == (1, 1, 2, None)
    assert card.words_per_text == (0, pytest.approx(4 / 3), 2)
