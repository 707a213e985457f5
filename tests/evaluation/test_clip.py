"""Real CLIP embeddings in every form in which they may arrive give the recalls measured with plain NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Clip
from ficoitr import Embeddings, Evaluation, HashCodes, RankedLists, Scores
from ficoitr.errors import CaptionMapError

GOLDEN = {
    "instance.i2t.R@1": 0.93,
    "instance.i2t.R@5": 1.0,
    "instance.i2t.R@10": 1.0,
    "instance.t2i.R@1": 0.832,
    "instance.t2i.R@5": 0.99,
    "instance.t2i.R@10": 0.998,
}
MAP = np.repeat(np.arange(100), 5)


def evaluate(*outputs: Any, **options: Any) -> Evaluation:
    return ficoitr.evaluate(*outputs, **{"resamples": 0, "captions_per_image": 5, **options})


def with_map(clip: Clip) -> Evaluation:
    return evaluate(clip.images, clip.texts, text_to_image=MAP, captions_per_image=None)


def whole_lists(scores: np.ndarray[Any, Any]) -> RankedLists:
    rows = np.argsort(-scores, axis=1)
    return RankedLists.from_arrays(rows, np.take_along_axis(scores, rows, axis=1), n_candidates=scores.shape[1])


FORMS: dict[str, Callable[[Clip], Evaluation]] = {
    "images once": lambda clip: evaluate(clip.images, clip.texts),
    "images repeated": lambda clip: evaluate(clip.repeated, clip.texts),
    "no map": lambda clip: evaluate(clip.images, clip.texts, captions_per_image=None),
    "map": with_map,
    "counts": lambda clip: evaluate(clip.images, clip.texts, captions_per_image=[5] * 100),
    "paths, memory-mapped": lambda clip: evaluate(clip.image_path, str(clip.text_path)),
    "Embeddings": lambda clip: evaluate(Embeddings(clip.repeated), Embeddings(clip.texts)),
    "float64": lambda clip: evaluate(clip.images.astype(float), clip.texts.astype(float)),
    "precision float64": lambda clip: evaluate(clip.images, clip.texts, precision="float64"),
    "lists of lists": lambda clip: evaluate(clip.images.tolist(), clip.texts.tolist()),
    "columns in another order in memory": lambda clip: evaluate(np.asfortranarray(clip.images), clip.texts[:]),
    "inner product": lambda clip: evaluate(clip.images, clip.texts, measure="inner_product"),
    "Euclidean": lambda clip: evaluate(clip.images, clip.texts, measure="euclidean"),
    "scores": lambda clip: evaluate(scores=clip.images @ clip.texts.T),
    "scores, images repeated": lambda clip: evaluate(scores=clip.repeated @ clip.texts.T),
    "two score matrices": lambda clip: evaluate(scores=(clip.images @ clip.texts.T, clip.texts @ clip.images.T)),
    "Scores": lambda clip: evaluate(scores=Scores(clip.images @ clip.texts.T)),
    "whole ranked lists": lambda clip: evaluate(
        scores=(whole_lists(clip.images @ clip.texts.T), whole_lists(clip.texts @ clip.images.T))
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_golden_recalls(clip: Clip, form: str) -> None:
    evaluation = FORMS[form](clip)
    assert {key: evaluation[key].value for key in GOLDEN} == pytest.approx(GOLDEN, abs=1e-12)
    assert evaluation["instance.rsum"].value == pytest.approx(100 * sum(GOLDEN.values()), abs=1e-9)
    assert evaluation.queries == {"i2t": 100, "t2i": 500}
    assert evaluation.candidates == {"i2t": 500, "t2i": 100}


def test_float16_keeps_the_recalls(clip: Clip) -> None:
    evaluation = evaluate(clip.images.astype(np.float16), clip.texts.astype(np.float16))
    assert {key: evaluation[key].value for key in GOLDEN} == pytest.approx(GOLDEN, abs=0.01)


def test_repeated_images_must_be_said(clip: Clip) -> None:
    with pytest.raises(CaptionMapError, match="captions_per_image=5"):
        ficoitr.evaluate(clip.repeated, clip.texts)
    with pytest.raises(CaptionMapError, match="captions_per_image=5"):
        ficoitr.evaluate(scores=clip.repeated @ clip.texts.T)


def test_repeated_images_keep_their_identifiers(clip: Clip) -> None:
    names = [f"photo{row}" for row in range(100)]
    once = evaluate(clip.repeated, clip.texts, image_ids=names)
    repeated = evaluate(clip.repeated, clip.texts, image_ids=np.repeat(names, 5))
    assert once.per_query_values()["i2t"].ids == repeated.per_query_values()["i2t"].ids == tuple(names)


def test_what_was_assumed_is_noted(clip: Clip) -> None:
    assert any("assumed 5 texts an image" in note for note in FORMS["no map"](clip).notes)
    assert any("each was taken once (100 images)" in note for note in FORMS["images repeated"](clip).notes)
    assert not any("assumed" in note for note in FORMS["map"](clip).notes)


def test_folder_of_shards_as_clip_retrieval_writes_it(clip: Clip, tmp_path: Path) -> None:
    for folder, values in (("img_emb", clip.images), ("text_emb", clip.texts)):
        (tmp_path / folder).mkdir()
        for number, shard in enumerate(np.array_split(values, 12)):
            np.save(tmp_path / folder / f"{folder}_{number}.npy", shard)
    sharded, whole = evaluate(tmp_path, tmp_path), evaluate(clip.images, clip.texts)
    assert sharded.inputs == whole.inputs
    assert sharded.signature == whole.signature


def test_codes_are_ranked_as_their_signs_are(clip: Clip) -> None:
    signs = np.where(clip.images > 0, 1, -1), np.where(clip.texts > 0, 1, -1)
    codes = tuple(HashCodes.from_values(values) for values in (clip.images, clip.texts))
    packed = tuple(HashCodes.from_values(one.to_packed(), packed=True, bits=512) for one in codes)
    figures = [
        {figure.key: figure.value for figure in evaluation.figures()}
        for evaluation in (
            evaluate(*codes),
            evaluate(*packed),
            evaluate(clip.images, clip.texts, measure="hamming"),
            evaluate(*signs, measure="inner_product"),
            evaluate(*signs, measure="cosine"),
            evaluate(*signs, measure="euclidean"),
        )
    ]
    assert all(one == pytest.approx(figures[0], abs=1e-12) for one in figures[1:])
    assert figures[0]["instance.i2t.R@1"] > 0.5


def test_packed_codes_from_files(clip: Clip, tmp_path: Path) -> None:
    codes = {name: HashCodes.from_values(values) for name, values in (("i", clip.images), ("t", clip.texts))}
    for name, one in codes.items():
        one.save(tmp_path / f"{name}.npy")
    loaded = [HashCodes.load(tmp_path / f"{name}.npy", bits=512) for name in codes]
    assert evaluate(*loaded).signature == evaluate(*codes.values()).signature
