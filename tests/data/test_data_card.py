"""Data cards against what the real files are known to hold, and against counting one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.data import Dataset, data_card, load_dataset
from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.card import relevant_pairs
from ficoitr.data.images import MemoryImages
from ficoitr.data.stored import StoredFeatures

if TYPE_CHECKING:
    from pathlib import Path


@given(arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 4))))
def test_relevant_pairs_is_the_share_of_all_pairs(categories: np.ndarray) -> None:
    pairs = [(a & b).any() for a in categories for b in categories]
    assert relevant_pairs(categories) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_coco_5k(test_data: Path) -> None:
    with np.load(test_data / "coco5k" / "coco5k.npz") as arrays_of:
        labels, names = arrays_of["labels"].astype(np.bool_), tuple(map(str, arrays_of["class_names"]))
    card = data_card(load_dataset(test_data / "coco5k"))
    assert card.words is not None
    assert card.words.repeated_texts == 180
    assert card.labels is not None
    assert card.labels.counts[0].name == "person"
    assert card.labels.counts[0].images == labels[:, names.index("person")].sum()
    pair = card.labels.together[0]
    both = labels[:, names.index(pair.first)] & labels[:, names.index(pair.second)]
    assert pair.images == both.sum()
    assert "| Repeated texts, ignoring case" in card.to_markdown()


def test_repeated_and_unreadable_images_are_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name, size, colour in (("a", (4, 6), "red"), ("b", (8, 2), "red"), ("c", (4, 6), "red"), ("d", (4, 6), "blue")):
        Image.new("RGB", size, colour).save(tmp_path / "images" / f"{name}.png")
    (tmp_path / "images" / "e.png").write_bytes(b"no image")
    rows = "".join(f"{name}.png,a | picture\n" for name in "abcde")
    (tmp_path / "captions.csv").write_text(f"image,caption\n{rows}")
    dataset = load_dataset(tmp_path)
    told: list[tuple[int, int]] = []
    card = data_card(dataset, open_images=True, progress=lambda _what, done, total: told.append((done, total)))
    assert card.pixels is not None
    assert (card.pixels.repeated, card.pixels.unreadable) == (1, ("e.png",))
    assert (card.pixels.widths, card.pixels.heights) == ((4, 4, 8), (2, 6, 6))
    assert told == [(5, 5)]
    assert data_card(dataset).pixels is None
    # The text's bar does not end a cell of the table.
    assert "a \\| picture" in card.to_markdown()
    page = tmp_path / "card.md"
    done = CliRunner().invoke(application, ["data", "card", str(tmp_path), "--output", str(page)])
    assert done.exit_code == 0, done.output
    assert "| Unreadable images             | 1: e.png" in page.read_text()
    assert "](card.png)" in page.read_text()
    with Image.open(tmp_path / "card.png") as sheet:
        assert sheet.size == (4 * 200 - 8, 192)


def test_a_card_of_features_alone() -> None:
    dataset = Dataset(
        name="features",
        images=AbsentImages(3, "None are published"),
        image_ids=("a", "b", "c"),
        texts=AbsentTexts(3, "None are published"),
        text_ids=("a", "b", "c"),
        text_to_image=np.arange(3),
        image_features={"sift": StoredFeatures.of(np.zeros((3, 128), dtype=np.float32))},
        text_features={"lda": StoredFeatures.of(np.zeros((3, 10)))},
    )
    card = data_card(dataset, open_images=True)
    assert (card.words, card.pixels, card.samples) == (None, None, ())
    page = card.to_markdown()
    assert "sift: 128, float32" in page
    assert "lda: 10, float64" in page


def test_labels_that_no_person_has_set_are_said_to_be_so() -> None:
    dataset = load_dataset("scenes", train=4, validation=2, test=2)
    marked = replace(dataset, category_source="query2label(grid)")
    assert "no person, but query2label(grid)" in data_card(marked).to_markdown()
    assert "no person" not in data_card(dataset).to_markdown()


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
    assert card.labels is None
    assert card.words is not None
    assert (card.words.texts_without, card.words.repeated_texts, card.words.distinct) == (1, 1, 2)
    assert card.words.per_text == (0, pytest.approx(4 / 3), 2)
