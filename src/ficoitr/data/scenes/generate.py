"""The dataset ``scenes``: which items are in which split, and how they are labelled."""

from __future__ import annotations

from functools import partial

import numpy as np

from ficoitr.data.dataset import Dataset
from ficoitr.data.images import DrawnImages
from ficoitr.data.scenes.captions import CAPTIONS_PER_IMAGE
from ficoitr.data.scenes.extra import SceneTexts, SceneTruth
from ficoitr.data.scenes.picture import draw_item
from ficoitr.data.scenes.table import ABSENT, LayoutTable, make_table
from ficoitr.data.scenes.vocabulary import GROUP_NAMES, KIND_NAMES, KINDS, SCENE_NAMES
from ficoitr.errors import OptionError

DEFAULT_SEED = 41707  # no frequency of the generator and no setting of a model was tuned on it
_ITEMS_PER_SPLIT = 1_000_000_000
_FIRST_ITEM = {
    name: number * _ITEMS_PER_SPLIT for number, name in enumerate(("train", "validation", "test", "retrieval"))
}
_GROUP_OF_KIND = np.array([kind.group for kind in KINDS])
CATEGORIES = ("objects", "objects+scene", "groups+scene")


def load(
    *,
    seed: int = DEFAULT_SEED,
    train: int = 10_000,
    validation: int = 1_000,
    test: int = 1_000,
    retrieval: int = 0,
    categories: str = "objects",
) -> Dataset:
    """Generate the dataset ``scenes``: drawn pictures with five captions each.

    Item i of a seed is always the same picture with the same captions. The splits are disjoint ranges
    of items that always begin at the same item, so a larger split contains every smaller one. Nothing
    is drawn or written before it is asked for.

    Parameters
    ----------
    seed : int
        From 0 to 2**63 - 1.
    train, validation, test, retrieval : int
        Images in each split; 0 leaves it out. ``retrieval`` holds further images to search among.
    categories : {"objects", "objects+scene", "groups+scene"}
        Labels: the 24 kinds of objects, these and the 6 scenes, or the 6 groups of kinds and the scenes.

    Returns
    -------
    Dataset
        ``extra["scenes"]`` is a ``SceneTruth``: claims, all matches, the oracle, regions, probes.

    Raises
    ------
    OptionError
        If an option is out of its range.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> dataset = load_dataset("scenes", train=100, validation=20, test=20)
    >>> dataset.images[0].size, len(dataset.split("test").texts)
    ((96, 96), 100)
    """
    sizes = {"train": train, "validation": validation, "test": test, "retrieval": retrieval}
    _check(seed, sizes, categories)
    items = np.concatenate([_FIRST_ITEM[name] + np.arange(size) for name, size in sizes.items()])
    table = make_table(seed, items)
    labels, names = label_items(table, categories)
    image_ids = tuple(f"scenes-{seed}-{item}" for item in items.tolist())
    return Dataset(
        name="scenes",
        images=DrawnImages(partial(draw_item, seed), items),
        image_ids=image_ids,
        texts=SceneTexts(seed, items),
        text_ids=tuple(f"{image_id}#{number}" for image_id in image_ids for number in range(CAPTIONS_PER_IMAGE)),
        text_to_image=np.repeat(np.arange(len(items)), CAPTIONS_PER_IMAGE),
        categories=labels,
        category_names=names,
        splits=np.repeat(list(sizes), list(sizes.values())),
        extra={"scenes": SceneTruth(seed, items, table)},
    )


def label_items(table: LayoutTable, categories: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels of items, bool of shape (N, L), and their L names.

    Parameters
    ----------
    table : LayoutTable
        N layouts.
    categories : str
        One of ``CATEGORIES``.
    """
    kind = table.field("kind")
    image, place = np.nonzero(kind != ABSENT)
    objects = np.zeros((len(table), len(KINDS)), dtype=np.bool_)
    objects[image, kind[image, place]] = True
    if categories == "objects":
        return objects, KIND_NAMES
    scenes = table.scene[:, None] == np.arange(len(SCENE_NAMES))
    if categories == "objects+scene":
        return np.hstack([objects, scenes]), KIND_NAMES + SCENE_NAMES
    groups = np.zeros((len(table), len(GROUP_NAMES)), dtype=np.bool_)
    groups[image, _GROUP_OF_KIND[kind[image, place]]] = True
    return np.hstack([groups, scenes]), GROUP_NAMES + SCENE_NAMES


def _check(seed: int, sizes: dict[str, int], categories: str) -> None:
    _check_integer("seed", seed, 2**63 - 1)
    for name, size in sizes.items():
        _check_integer(name, size, _ITEMS_PER_SPLIT)
    if sum(sizes.values()) == 0:
        raise OptionError("all splits are empty", where=", ".join(sizes), expected="at least one image")
    if categories not in CATEGORIES:
        raise OptionError(f"{categories!r} is unknown", where="categories", expected=f"one of {', '.join(CATEGORIES)}")


def _check_integer(name: str, value: int, highest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= highest:
        raise OptionError(f"the value is {value!r}", where=name, expected=f"an integer from 0 to {highest:,}")
