"""What is known of `scenes`: which captions fit which pictures, the oracle, regions and probes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ficoitr.data import Dataset, load_dataset
from ficoitr.data.scenes.claims import Claim, Mention, Relation, fits
from ficoitr.data.scenes.fitting import fitting_images
from ficoitr.data.scenes.layout import Layout, PlacedObject, make_layout
from ficoitr.data.scenes.oracle import oracle_recall
from ficoitr.data.scenes.probes import PROBE_TYPES
from ficoitr.data.scenes.table import table_of
from ficoitr.data.scenes.vocabulary import (
    ABOVE,
    BEACH,
    BLUE,
    DAY,
    KIND_ROW,
    LARGE,
    LEFT_OF,
    LEFT_SIDE,
    RED,
    RIGHT_OF,
    RIGHT_SIDE,
    ROOM,
    SMALL,
)

if TYPE_CHECKING:
    from ficoitr.data.scenes import SceneTruth

KS = (1, 2, 5, 10, 100)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset("scenes", seed=5, train=0, validation=0, test=200)


@pytest.fixture(scope="module")
def truth(dataset: Dataset) -> SceneTruth:
    return dataset.extra["scenes"]


def test_bulk_fitting_agrees_with_the_definition(truth: SceneTruth) -> None:
    layouts = [make_layout(5, item) for item in truth.items.tolist()]
    _, t2i = truth.positives()
    for text in range(0, len(t2i), 7):
        expected = [row for row, layout in enumerate(layouts) if fits(truth.claims[text], layout)]
        assert t2i[text].tolist() == expected


def thing(kind: str, colour: int, left: int, top: int = 50, size: int = SMALL) -> PlacedObject:
    return PlacedObject(KIND_ROW[kind], colour, 0, size, 20, False, left, top, 20, 20)


LAYOUT = Layout(BEACH, DAY, 40, (thing("cat", RED, 5), thing("cat", BLUE, 40), thing("tree", RED, 70, size=LARGE)))
CAT, TREE, HOUSE = (1 << KIND_ROW[name] for name in ("cat", "tree", "house"))
RED_CAT, BLUE_CAT = Mention(CAT, RED), Mention(CAT, BLUE)
CLAIMS = {
    "one cat": (Claim((Mention(CAT),)), True),
    "two cats": (Claim((Mention(CAT), Mention(CAT))), True),
    "three cats": (Claim((Mention(CAT),) * 3), False),
    "two red cats": (Claim((Mention(CAT, RED), Mention(CAT, RED))), False),
    "a cat and a red cat": (Claim((Mention(CAT), Mention(CAT, RED))), True),
    "a house": (Claim((Mention(HOUSE),)), False),
    "a house or a tree": (Claim((Mention(HOUSE | TREE),)), True),
    "a big tree": (Claim((Mention(TREE, size=LARGE),)), True),
    "a small tree": (Claim((Mention(TREE, size=SMALL),)), False),
    "a cat left of a cat": (Claim((Mention(CAT), Mention(CAT)), (Relation(0, LEFT_OF, 1),)), True),
    "blue left of red cat": (
        Claim((BLUE_CAT, RED_CAT), (Relation(0, LEFT_OF, 1),)),
        False,
    ),
    "blue right of red cat": (
        Claim((BLUE_CAT, RED_CAT), (Relation(0, RIGHT_OF, 1),)),
        True,
    ),
    "a cat above a tree": (Claim((Mention(CAT), Mention(TREE)), (Relation(0, ABOVE, 1),)), False),
    "red cat on the left": (Claim((Mention(CAT, RED, side=LEFT_SIDE),)), True),
    "blue cat on the left": (Claim((Mention(CAT, BLUE, side=LEFT_SIDE),)), False),
    "blue cat on the right": (Claim((Mention(CAT, BLUE, side=RIGHT_SIDE),)), False),
    "tree on the right": (Claim((Mention(TREE, side=RIGHT_SIDE),)), True),
    "a cat on a beach": (Claim((Mention(CAT),), scene=BEACH), True),
    "a cat in a room": (Claim((Mention(CAT),), scene=ROOM), False),
    "three things, one a cat": (Claim((Mention(CAT),), n_objects=3), True),
    "two things, one a cat": (Claim((Mention(CAT),), n_objects=2), False),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_the_existential_reading_with_distinct_objects(case: str) -> None:
    claim, expected = CLAIMS[case]
    assert fits(claim, LAYOUT) is expected
    assert [len(rows) for rows in fitting_images(table_of([LAYOUT]), [claim])] == [int(expected)]


def test_every_text_fits_its_own_image_and_both_directions_agree(dataset: Dataset, truth: SceneTruth) -> None:
    i2t, t2i = truth.positives()
    assert (len(i2t), len(t2i)) == (200, 1000)
    assert all(image in t2i[text] for text, image in enumerate(dataset.text_to_image))
    pairs = {(image, text) for text, images in enumerate(t2i) for image in images}
    assert pairs == {(image, text) for image, texts in enumerate(i2t) for text in texts}
    assert all((np.diff(rows) > 0).all() for rows in (*i2t, *t2i))


def test_oracle_laws(truth: SceneTruth) -> None:
    oracle = truth.oracle(KS)
    assert list(oracle) == [f"{direction}.R@{k}" for direction in ("t2i", "i2t") for k in KS]
    for direction in ("t2i", "i2t"):
        recalls = [oracle[f"{direction}.R@{k}"] for k in KS]
        assert all(one <= two for one, two in pairwise(recalls))
        assert recalls[0] > 0
        assert recalls[-1] <= 1
    assert truth.oracle((200,))["t2i.R@200"] == 1


def test_oracle_by_hand() -> None:
    fitting = [np.array(rows) for rows in ([0], [0, 1], [1, 0, 2], [0, 1, 2], [2, 1])]
    recalls = oracle_recall(fitting, np.array([0, 0, 1, 1, 2]), 3, (1, 2, 3))
    assert recalls["t2i.R@1"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 3 + 1 / 2) / 5)
    assert recalls["t2i.R@2"] == pytest.approx((1 + 1 + 2 / 3 + 2 / 3 + 1) / 5)
    assert recalls["t2i.R@3"] == 1
    # Image 0 has text 0, which fits it alone. Image 1 is fitted by texts 1 and 4 (two images each, of
    # others), then by its own 2 and 3; image 2 by its own 4 first.
    assert recalls["i2t.R@1"] == pytest.approx(2 / 3)
    assert recalls["i2t.R@2"] == pytest.approx(2 / 3)
    assert recalls["i2t.R@3"] == 1


def test_oracle_is_the_mean_over_random_orders(truth: SceneTruth) -> None:
    i2t, t2i = truth.positives()
    ambiguity = np.array([len(images) for images in t2i])
    rng = np.random.default_rng(0)
    hits = []
    for image, texts in enumerate(i2t):
        for _ in range(50):
            shuffled = rng.permutation(texts)
            first = shuffled[np.argsort(ambiguity[shuffled], kind="stable")][0]
            hits.append(first // 5 == image)
    assert np.mean(hits) == pytest.approx(truth.oracle((1,))["i2t.R@1"], abs=0.01)


def test_a_larger_gallery_lowers_the_oracle(dataset: Dataset, truth: SceneTruth) -> None:
    smaller = dataset.select(np.arange(50)).extra["scenes"].oracle(KS)
    larger = truth.oracle(KS)
    assert smaller["t2i.R@1"] > larger["t2i.R@1"]


def test_the_truth_follows_its_images(dataset: Dataset, truth: SceneTruth) -> None:
    rows = np.array([17, 3, 99])
    part = dataset.select(rows)
    subset = part.extra["scenes"]
    for new, old in enumerate(rows.tolist()):
        np.testing.assert_array_equal(subset.boxes(new), truth.boxes(old))
        assert subset.probes(new) == truth.probes(old)
        assert subset.claims[5 * new : 5 * new + 5] == truth.claims[5 * old : 5 * old + 5]
        assert part.texts[5 * new : 5 * new + 5] == dataset.texts[5 * old : 5 * old + 5]


def test_regions_are_the_whole_the_objects_and_fillers(truth: SceneTruth) -> None:
    noise = []
    for row, item in enumerate(truth.items.tolist()):
        boxes = truth.boxes(row)
        assert boxes.shape == (8, 4)
        assert boxes[0].tolist() == [0, 0, 96, 96]
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        assert boxes.min() >= 0
        assert boxes.max() <= 96
        for number, thing in enumerate(make_layout(5, item).objects, start=1):
            true = (thing.left - 1, thing.top - 1, thing.left + thing.width + 1, thing.top + thing.height + 1)
            noise.append(boxes[number] - true)
    assert np.abs(noise).max() == 2
    assert np.array(noise).std() > 1


def test_probes_are_true_and_false_captions_of_four_types(truth: SceneTruth) -> None:
    found = []
    for row in range(len(truth)):
        for probe in truth.probes(row):
            found.append(probe.type)
            assert probe.true != probe.false
            words = [sorted(text.split()) for text in (probe.true, probe.false)]
            if probe.type == "colours swapped":
                # "a" and "an" follow the colour.
                assert {*words[0]} - {"a", "an"} == {*words[1]} - {"a", "an"}
    assert set(found) == set(PROBE_TYPES)
    assert min(found.count(kind) for kind in PROBE_TYPES) > 100
