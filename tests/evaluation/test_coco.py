"""The COCO 5K test set: terms of each image's first caption against terms of all captions.

Terms are rounded to whole numbers, so that all scores are exact: what a peer ranks is what is ranked here, ties too.
"""

from __future__ import annotations

import gzip
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

import ficoitr
from ficoitr import Evaluation

Array = np.ndarray[Any, Any]
Judged = dict[str, dict[int, list[int]]]


@dataclass(frozen=True, eq=False)
class Coco:
    """5,000 images and 25,000 captions, caption k of image k // 5."""

    folder: Path
    images: Array
    texts: Array
    labels: Array
    image_ids: list[str]
    text_ids: list[str]

    def evaluate(self, **options: Any) -> Evaluation:
        given = {"captions_per_image": 5, "measure": "inner_product", "resamples": 0, **options}
        return ficoitr.evaluate(self.images, self.texts, image_ids=self.image_ids, text_ids=self.text_ids, **given)

    def part(self, images: slice, **options: Any) -> Evaluation:
        texts = slice(5 * images.start, 5 * images.stop)
        given = {"captions_per_image": 5, "measure": "inner_product", "resamples": 0, **options}
        return ficoitr.evaluate(self.images[images], self.texts[texts], **given)

    def positives(self, name: str) -> dict[str, Path]:
        files = {"i2t": "image_to_caption", "t2i": "caption_to_image"}
        return {direction: self.folder / f"{name}_{file}.json" for direction, file in files.items()}

    def judged(self, name: str, step: int = 1) -> Judged:
        """Positives in the gallery, of every so many queries."""
        known = {"i2t": set(map(int, self.text_ids)), "t2i": set(map(int, self.image_ids))}
        result = {}
        for direction, path in self.positives(name).items():
            content = list(json.loads(path.read_text()).items())[::step]
            result[direction] = {
                int(query): [one for one in those if one in known[direction]] for query, those in content
            }
        return result


@pytest.fixture(scope="module")
def coco(test_data: Path) -> Coco:
    folder = test_data / "coco5k"
    with gzip.open(folder / "captions.txt.gz", "rt", encoding="utf-8") as file:
        captions = file.read().splitlines()
    facts = np.load(folder / "coco5k.npz")
    terms = TfidfVectorizer(max_features=300, stop_words="english").fit_transform(captions)
    texts = np.rint(16 * terms.toarray()).astype(np.float32)
    ids = [list(map(str, facts[name].tolist())) for name in ("image_ids", "caption_ids")]
    return Coco(folder, texts[::5], texts, facts["labels"].astype(bool), *ids)


@pytest.fixture(scope="module")
def whole(coco: Coco) -> Evaluation:
    return coco.evaluate(categories=coco.labels, category_metrics=["P@N"])


@pytest.fixture(scope="module")
def metrics() -> Any:
    """The peer: ECCV Caption's own evaluation."""
    with warnings.catch_warnings():
        # It warns of a missing ujson when it is first imported, by this test or by another.
        warnings.filterwarnings("ignore", message=".*ujson", category=UserWarning)
        from eccv_caption import Metrics
    return Metrics()


def top(queries: Array, candidates: Array, depth: int) -> Array:
    """Rows of the best candidates, the earlier first among equals."""
    n_candidates = len(candidates)
    kept = []
    for start in range(0, len(queries), 1000):
        scores = (queries[start : start + 1000] @ candidates.T).astype(np.int64)
        keys = scores * n_candidates + np.arange(n_candidates - 1, -1, -1)
        best = np.argpartition(-keys, depth, axis=1)[:, :depth]
        order = np.argsort(-np.take_along_axis(keys, best, axis=1), axis=1)
        kept.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(kept)


def retrieved(coco: Coco, judged: Judged, depth: int) -> dict[str, dict[int, list[int]]]:
    """Ranked identifiers of the judged queries, as the peer takes them."""
    sides = {
        "i2t": (coco.image_ids, coco.images, coco.text_ids, coco.texts),
        "t2i": (coco.text_ids, coco.texts, coco.image_ids, coco.images),
    }
    lists = {}
    for direction, (query_ids, queries, candidate_ids, candidates) in sides.items():
        rows = [row for row, one in enumerate(query_ids) if int(one) in judged[direction]]
        names = np.array(candidate_ids, dtype=np.int64)[top(queries[rows], candidates, depth)]
        lists[direction] = {int(query_ids[row]): those.tolist() for row, those in zip(rows, names, strict=True)}
    return lists


def test_whole_set(whole: Evaluation, coco: Coco) -> None:
    assert whole.queries == {"i2t": 5000, "t2i": 25000}
    assert whole.category["i2t"]["no_relevant"] == 48
    assert whole.category["t2i"]["no_relevant"] == 5 * 48
    assert any("48 queries have no relevant candidate" in note for note in whole.notes)
    assert (~coco.labels.any(axis=1)).sum() == 48


def test_chance_is_the_fraction_of_pairs_that_share_a_class(whole: Evaluation) -> None:
    assert whole["category.i2t.P@N"].value == pytest.approx(0.329, abs=5e-4)
    assert whole["category.t2i.P@N"].value == pytest.approx(whole["category.i2t.P@N"].value, abs=1e-12)
    assert whole["category.i2t.mAP@N"].value > 0.329


def test_ties_of_repeated_captions_are_reported(whole: Evaluation) -> None:
    worst, best = whole["instance.t2i.R@1"].ties
    assert worst < whole["instance.t2i.R@1"].value < best


def test_five_folds_are_the_mean_of_five_evaluations(coco: Coco) -> None:
    folds = coco.evaluate(protocol="coco-1k-5fold")
    separate = [coco.part(slice(start, start + 1000), protocol="coco-5k") for start in range(0, 5000, 1000)]
    for figure in folds.figures():
        mean = np.mean([one[figure.key].value for one in separate])
        assert figure.value == pytest.approx(mean, abs=1e-12), figure.key
    assert len({one["instance.t2i.R@1"].value for one in separate}) == 5
    assert folds.queries == {"i2t": 5000, "t2i": 25000}
    assert folds.candidates == {"i2t": 5000, "t2i": 1000}


def test_crisscrossed_captions_agree_with_the_peer(coco: Coco, metrics: Any) -> None:
    every = coco.evaluate(protocol="cxc", positives=coco.positives("cxc"))
    assert every.queries == {"i2t": 5000, "t2i": 24972}
    judged = coco.judged("cxc", step=10)
    evaluation = coco.evaluate(protocol="cxc", positives=judged, ties="index")
    assert evaluation.queries == {"i2t": 500, "t2i": 2498}
    metrics.cxc_gts = judged
    lists = retrieved(coco, judged, 10)
    for k in (1, 5, 10):
        theirs = metrics.cxc_recalls(lists, "all", K=k)
        ours = {direction: evaluation[f"instance.{direction}.R@{k}"].value for direction in ("i2t", "t2i")}
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_eccv_caption_agrees_with_the_peer(coco: Coco, metrics: Any) -> None:
    every = coco.evaluate(protocol="eccv", positives=coco.positives("eccv"))
    assert every.queries == {"i2t": 1261, "t2i": 1332}
    assert every.candidates == {"i2t": 25000, "t2i": 5000}
    assert any("2 candidates are not in the gallery and were left out" in note for note in every.notes)
    judged = coco.judged("eccv", step=5)
    evaluation = coco.evaluate(protocol="eccv", positives=judged, ties="index")
    metrics.eccv_gts = judged
    most = max(len(those) for side in judged.values() for those in side.values())
    theirs = metrics.eccv_metrics(retrieved(coco, judged, most), "all")
    for name, key in (("eccv_map_at_r", "mAP@R"), ("eccv_rprecision", "R-Precision"), ("eccv_r1", "R@1")):
        ours = {direction: evaluation[f"instance.{direction}.{key}"].value for direction in ("i2t", "t2i")}
        assert ours == pytest.approx(theirs[name], abs=1e-12), name


def test_original_positives_change_nothing(coco: Coco) -> None:
    part = slice(0, 500)
    given = coco.judged("original")["t2i"]
    ids = {"image_ids": coco.image_ids[part], "text_ids": coco.text_ids[:2500]}
    judged = {"t2i": {text: given[int(text)] for text in ids["text_ids"]}}
    with_them = coco.part(part, positives=judged, **ids)
    assert with_them.instance == coco.part(part).instance
    assert with_them.signature != coco.part(part).signature
