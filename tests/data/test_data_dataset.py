"""The dataset: its parts fit together, and stay together in every subset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ficoitr.data import Dataset
from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.images import MemoryImages
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import (
    CaptionMapError,
    CategoryError,
    IdentifierError,
    InputError,
    OptionError,
    ShapeError,
    ValuesError,
)

N_IMAGES, CAPTIONS = 6, (2, 1, 3, 1, 2, 1)


@dataclass(frozen=True)
class Aligned:
    rows: tuple[int, ...]

    def take(self, rows: np.ndarray) -> Aligned:
        return Aligned(tuple(self.rows[row] for row in rows))


def make_dataset() -> Dataset:
    # Texts of different images are interleaved: a map is data, never an order.
    owners = np.random.default_rng(0).permutation(np.repeat(np.arange(N_IMAGES), CAPTIONS))
    categories = np.zeros((N_IMAGES, 3), dtype=np.bool_)
    categories[np.arange(N_IMAGES), np.arange(N_IMAGES) % 3] = True
    return Dataset(
        name="toy",
        images=MemoryImages(tuple(Image.new("RGB", (2, 2), (row, 0, 0)) for row in range(N_IMAGES))),
        image_ids=tuple(f"i{row}" for row in range(N_IMAGES)),
        texts=tuple(f"text {row} of image {owner}" for row, owner in enumerate(owners)),
        text_ids=tuple(f"t{row}" for row in range(len(owners))),
        text_to_image=owners.astype(np.int64),
        categories=categories,
        category_names=("a", "b", "c"),
        splits=np.array(["train", "test", "train", "validation", "test", "train"]),
        extra={"aligned": Aligned(tuple(range(N_IMAGES))), "constant": "kept"},
    )


@given(st.permutations(range(N_IMAGES)), st.integers(1, N_IMAGES))
def test_a_subset_keeps_everything_with_its_image(order: list[int], n: int) -> None:
    whole = make_dataset()
    part = whole.select(np.array(order[:n]))
    assert part.image_ids == tuple(f"i{row}" for row in order[:n])
    assert len(part.texts) == sum(CAPTIONS[row] for row in order[:n])
    for text, text_id, image in zip(part.texts, part.text_ids, part.text_to_image, strict=True):
        assert text.endswith(f"of image {order[image]}")
        assert whole.texts[whole.text_ids.index(text_id)] == text
    for row, image in enumerate(order[:n]):
        assert part.images[row].getpixel((0, 0)) == (image, 0, 0)
    np.testing.assert_array_equal(part.categories, whole.categories[order[:n]])
    np.testing.assert_array_equal(part.splits, whole.splits[order[:n]])
    assert part.extra["aligned"].rows == tuple(order[:n])
    assert part.extra["constant"] == "kept"


def test_selecting_twice_is_selecting_once() -> None:
    whole = make_dataset()
    twice = whole.select(np.array([5, 0, 2, 3])).select(np.array([2, 1]))
    assert twice.digest() == whole.select(np.array([2, 0])).digest()


def test_a_mask_selects_what_rows_select() -> None:
    whole = make_dataset()
    assert whole.select(np.arange(6) % 2 == 0).digest() == whole.select(np.array([0, 2, 4])).digest()


def test_splits_are_disjoint_and_cover_everything() -> None:
    whole = make_dataset()
    assert whole.split_names == ("test", "train", "validation")
    parts = [whole.split(name) for name in whole.split_names]
    assert sorted(image for part in parts for image in part.image_ids) == sorted(whole.image_ids)
    assert sorted(text for part in parts for text in part.text_ids) == sorted(whole.text_ids)
    assert [part.split_name for part in parts] == list(whole.split_names)


def test_an_unknown_split_lists_those_there_are() -> None:
    with pytest.raises(OptionError, match="test, train, validation"):
        make_dataset().split("dev")
    with pytest.raises(OptionError, match="no splits"):
        replace(make_dataset(), splits=None).split("test")


CHANGES = {
    "image_ids": {"image_ids": ("other", "i1", "i2", "i3", "i4", "i5")},
    "texts": {"texts": ("other", *make_dataset().texts[1:])},
    "text_ids": {"text_ids": ("other", *make_dataset().text_ids[1:])},
    "text_to_image": {"text_to_image": make_dataset().text_to_image[::-1].copy()},
    "categories": {"categories": ~make_dataset().categories},
    "category_names": {"category_names": ("a", "b", "d")},
    "splits": {"splits": None},
}


@pytest.mark.parametrize("part", CHANGES)
def test_the_digest_changes_with_every_part(part: str) -> None:
    whole = make_dataset()
    assert whole.digest() == make_dataset().digest()
    assert replace(whole, **CHANGES[part]).digest() != whole.digest()


BAD = {
    "no image": ({"image_ids": ()}, ShapeError, "at least one image"),
    "fewer images than ids": ({"images": MemoryImages(())}, ShapeError, "images: there are 0"),
    "fewer texts than ids": ({"texts": ("a",)}, ShapeError, "texts: there are 1"),
    "short map": ({"text_to_image": np.array([0])}, ShapeError, "text_to_image: there are 1"),
    "repeated image id": ({"image_ids": ("i0",) * 6}, IdentifierError, "'i0' stands in rows 0 and 1"),
    "repeated text id": ({"text_ids": ("t",) * 10}, IdentifierError, "'t' stands in rows 0 and 1"),
    "float map": ({"text_to_image": np.zeros(10)}, CaptionMapError, "float64"),
    "negative map": ({"text_to_image": np.full(10, -1)}, CaptionMapError, "text 0 points to image -1"),
    "map beyond": ({"text_to_image": np.full(10, 6)}, CaptionMapError, "rows from 0 to 5"),
    "image alone": ({"text_to_image": np.array([0] * 5 + [1] * 5)}, CaptionMapError, "row 2 \\('i2'\\)"),
    "integer labels": ({"categories": np.ones((6, 3), dtype=int)}, CategoryError, "int64"),
    "labels of other width": ({"categories": np.ones((6, 2), dtype=bool)}, CategoryError, r"\(6, 2\)"),
    "names alone": ({"categories": None}, CategoryError, "names but no categories"),
    "repeated name": ({"category_names": ("a", "b", "a")}, IdentifierError, "'a' stands"),
    "short splits": ({"splits": np.array(["test"])}, ShapeError, "splits: there are 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_parts_that_do_not_fit_are_refused(case: str) -> None:
    changes, error, message = BAD[case]
    with pytest.raises(error, match=message):
        replace(make_dataset(), **changes)


BAD_ROWS = {
    "short mask": (np.array([True]), ShapeError),
    "nothing": (np.zeros(6, dtype=bool), ShapeError),
    "floats": (np.array([0.0]), ValuesError),
    "beyond": (np.array([6]), ValuesError),
    "negative": (np.array([-1]), ValuesError),
    "twice": (np.array([1, 1]), ValuesError),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_rows_that_do_not_exist_are_refused(case: str) -> None:
    rows, error = BAD_ROWS[case]
    with pytest.raises(error, match="select"):
        make_dataset().select(rows)


def test_stored_features_follow_their_items() -> None:
    # Two parts, as a training and a test file would be, the second with rows that repeat.
    first, second = np.arange(8.0).reshape(4, 2), np.repeat(np.arange(8.0, 12.0).reshape(2, 2), 2, axis=0)
    features = StoredFeatures((first, second), np.array([0, 1, 2, 3, 4, 6]))
    assert features.shape == (6, 2)
    np.testing.assert_array_equal(features[:], np.arange(12.0).reshape(6, 2))
    np.testing.assert_array_equal(features[4], [8.0, 9.0])
    whole = replace(make_dataset(), image_features={"pairs": features})
    part = whole.select(np.array([5, 0, 3]))
    np.testing.assert_array_equal(np.asarray(part.image_features["pairs"]), [[10.0, 11.0], [0.0, 1.0], [6.0, 7.0]])
    assert part.image_features["pairs"].digest() != features.digest()
    assert np.concatenate(list(features.blocks())).tolist() == features[:].tolist()


def test_stored_features_of_text_follow_their_texts() -> None:
    whole = make_dataset()
    whole = replace(whole, text_features={"row": StoredFeatures.of(np.arange(10.0)[:, None])})
    part = whole.select(np.array([2, 4]))
    rows = [whole.text_ids.index(text_id) for text_id in part.text_ids]
    assert part.text_features["row"][:].ravel().tolist() == rows


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"image_features": {"few": StoredFeatures.of(np.zeros((5, 2)))}}, ShapeError, "image_features['few']"),
        ({"text_features": {"few": StoredFeatures.of(np.zeros((5, 2)))}}, ShapeError, "text_features['few']"),
        ({"texts": AbsentTexts(9, "Only tags are known")}, ShapeError, "texts"),
    ],
)
def test_features_must_have_a_row_an_item(change: dict[str, object], error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        replace(make_dataset(), **change)
    assert says in str(caught.value)


def test_features_of_different_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="a row an item"):
        StoredFeatures.of(np.zeros((2, 36, 2048)), np.zeros((2, 36, 1024)))
    with pytest.raises(ValuesError, match="Expected numbers"):
        StoredFeatures.of(np.array([["a"]]))


def test_what_is_absent_says_so_when_it_is_asked_for() -> None:
    dataset = replace(
        make_dataset(), images=AbsentImages(6, "Only the labels are published"), texts=AbsentTexts(10, "Only tags")
    )
    assert not dataset.has_pixels
    assert not dataset.has_words
    part = dataset.select(np.array([1, 2]))
    assert (len(part.images), len(part.texts)) == (2, len(part.text_ids))
    assert part.digest() != make_dataset().select(np.array([1, 2])).digest()
    with pytest.raises(InputError, match=r"no pixels.*Only the labels"):
        part.images[0]
    with pytest.raises(InputError, match=r"no words.*Only tags"):
        list(part.texts)


def test_labels_that_no_person_has_set_change_the_digest() -> None:
    assert replace(make_dataset(), category_source="query2label").digest() != make_dataset().digest()
