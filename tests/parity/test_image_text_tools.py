"""Equal to the tools of image-text retrieval, through the public functions."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ficoitr

PERCENT = {"rel": 0, "abs": 1e-7}
FRACTION = {"rel": 0, "abs": 1e-9}
N_CASES = 150


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tie-free scores of images and texts, uneven counts of texts, and labels (some images have none)."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(1, 5, generator.integers(3, 14))
    counts[0] += 2
    n_texts = int(counts.sum())
    scores = generator.permutation(len(counts) * n_texts).reshape(len(counts), n_texts) / 7.0
    return scores, counts, generator.random((len(counts), 3)) < 0.4


@pytest.mark.parametrize("seed", range(N_CASES))
def test_fico_itr(seed: int) -> None:
    import fico_itr

    scores, counts, labels = random_case(seed)
    other = np.random.default_rng(seed).permutation(scores.ravel()).reshape(scores.shape)
    captions = list(map(int, counts))
    theirs = fico_itr.instance_retrieval(scores, other, captions)
    for right, found in zip(theirs, ficoitr.instance_retrieval(scores, other, captions), strict=True):
        assert found == pytest.approx(right, **PERCENT)
    for k in (None, 3, 10):
        right = fico_itr.category_retrieval(scores, labels, k, captions_per_image=captions)
        assert ficoitr.category_retrieval(scores, labels, k, captions_per_image=captions) == pytest.approx(
            right, **FRACTION
        )


@pytest.mark.parametrize("measure", ["cosine", "euclidean", "hamming", "inner_product"])
def test_fico_itr_similarities(measure: Any) -> None:
    import fico_itr

    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((9, 16)), generator.standard_normal((21, 16))
    if measure == "hamming":
        x, y = np.sign(x), np.sign(y)
    right = fico_itr.compute_similarity(x, y, measure)
    np.testing.assert_allclose(ficoitr.compute_similarity(x, y, measure), right, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(N_CASES))
def test_eccv_caption_functions(seed: int) -> None:
    from eccv_caption import _metrics as theirs

    generator = np.random.default_rng(seed)
    scores, counts, _ = random_case(seed)
    n_images, n_texts = scores.shape
    positives = {
        "i2t": {str(row): _some(generator, n_texts) for row in range(n_images)},
        "t2i": {str(row): _some(generator, n_images) for row in range(n_texts)},
    }
    evaluation = ficoitr.evaluate(
        scores=scores,
        captions_per_image=list(map(int, counts)),
        positives=positives,
        protocol="eccv",
        resamples=0,
        threads=1,
    )
    for direction, matrix in (("i2t", scores), ("t2i", scores.T)):
        ranked = {row: list(np.argsort(-line)) for row, line in enumerate(matrix)}
        judged = {int(row): list(map(int, those)) for row, those in positives[direction].items()}
        right = theirs.compute_eccv_metrics(ranked, judged)
        found = evaluation.instance[direction]
        assert found["mAP@R"] == pytest.approx(right["eccv_map_at_r"], **FRACTION)
        assert found["R-Precision"] == pytest.approx(right["eccv_rprecision"], **FRACTION)
        assert found["R@1"] == pytest.approx(right["eccv_r1"], **FRACTION)


def _some(generator: np.random.Generator, n: int) -> list[str]:
    return [str(one) for one in generator.choice(n, generator.integers(1, n + 1), replace=False)]


@pytest.fixture(scope="module")
def coco_embeddings(test_data: Path) -> dict[str, Any]:
    """Vectors of all images and texts of COCO 5K: noise about a common point a pair."""
    coco = np.load(test_data / "coco5k" / "coco5k.npz")
    generator = np.random.default_rng(0)
    images = generator.standard_normal((len(coco["image_ids"]), 8)).astype(np.float32)
    texts = np.repeat(images, 5, axis=0) + 0.5 * generator.standard_normal((5 * len(images), 8)).astype(np.float32)
    return {
        "images": images,
        "texts": texts,
        "image_ids": coco["image_ids"].astype(str).tolist(),
        "text_ids": coco["caption_ids"].astype(str).tolist(),
    }


@pytest.mark.parametrize(("protocol", "k"), [("eccv", (1,)), ("cxc", (1, 5, 10))])
def test_eccv_caption_on_its_own_judgements(
    protocol: str, k: tuple[int, ...], coco_embeddings: dict[str, Any], test_data: Path
) -> None:
    from eccv_caption._metrics import compute_eccv_metrics, compute_r_at_k

    files = {
        "i2t": test_data / "coco5k" / f"{protocol}_image_to_caption.json",
        "t2i": test_data / "coco5k" / f"{protocol}_caption_to_image.json",
    }
    judged = {
        direction: {int(query): list(map(int, those)) for query, those in json.loads(path.read_text()).items()}
        for direction, path in files.items()
    }
    evaluation = ficoitr.evaluate(
        **coco_embeddings,
        captions_per_image=5,
        positives=files,
        protocol=protocol,
        measure="inner_product",
        resamples=0,
    )
    for direction in ("i2t", "t2i"):
        ranked = _ranked(coco_embeddings, direction, judged[direction])
        found = evaluation.instance[direction]
        for cutoff in k:
            assert found[f"R@{cutoff}"] == pytest.approx(compute_r_at_k(ranked, judged[direction], cutoff), **FRACTION)
        if protocol == "eccv":
            right = compute_eccv_metrics(ranked, judged[direction])
            assert found["mAP@R"] == pytest.approx(right["eccv_map_at_r"], **FRACTION)
            assert found["R-Precision"] == pytest.approx(right["eccv_rprecision"], **FRACTION)
    assert evaluation.queries == {direction: len(those) for direction, those in judged.items()}


def _ranked(embeddings: dict[str, Any], direction: str, judged: dict[int, list[int]]) -> dict[int, list[int]]:
    """The top of every judged query's ranking in float64, as deep as it has positives."""
    sides = (embeddings["images"], embeddings["texts"]), (embeddings["image_ids"], embeddings["text_ids"])
    (queries, candidates), (query_ids, candidate_ids) = (side if direction == "i2t" else side[::-1] for side in sides)
    row_of = {int(one): row for row, one in enumerate(query_ids)}
    identifiers = np.array(candidate_ids, dtype=np.int64)
    depth = max(10, *map(len, judged.values()))
    result = {}
    for start in range(0, len(judged), 500):
        block = list(judged)[start : start + 500]
        scores = queries[[row_of[one] for one in block]].astype(np.float64) @ candidates.T.astype(np.float64)
        top = np.argpartition(-scores, depth, axis=1)[:, :depth]
        order = np.take_along_axis(top, np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1), axis=1)
        result |= {one: identifiers[row].tolist() for one, row in zip(block, order, strict=True)}
    return result


@pytest.mark.parametrize("n_images", [20, 50])
def test_the_functions_of_scan(n_images: int, golden: Path) -> None:
    values = np.load(golden / "METRICS" / "golden.npz")
    if f"N{n_images}/sims" not in values:
        pytest.skip(f"the golden file holds no case of {n_images} images")
    evaluation = ficoitr.evaluate(
        scores=values[f"N{n_images}/sims"], captions_per_image=5, protocol="vsepp", metrics=["MRR"], resamples=0
    )
    for direction in ("i2t", "t2i"):
        found = evaluation.instance[direction]
        recalls = [100 * found[f"R@{k}"] for k in (1, 5, 10)]
        right = values[f"N{n_images}/{direction}_r1_r5_r10_medr_meanr"]
        assert [*recalls, found["median_rank"], found["mean_rank"]] == pytest.approx(list(right), **PERCENT)
        ranks = evaluation.per_query_values()[direction].values["instance.mean_rank"]
        np.testing.assert_array_equal(ranks, values[f"N{n_images}/{direction}_ranks0"] + 1)


@pytest.fixture(autouse=True)
def _without_progress_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers draw progress bars and warn of libraries that they can do without."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", message="failed to import `ujson`")
