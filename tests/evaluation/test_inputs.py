"""Forms of maps, labels, scores and ranked lists that say the same give the same figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Toy
from evaluation.reference import mean_average_precision, shared_labels
from ficoitr import Embeddings, Evaluation, RankedLists
from ficoitr.outputs import write_qrels

Array = np.ndarray[Any, Any]


def evaluate(toy: Toy, **options: Any) -> Evaluation:
    return ficoitr.evaluate(**{**toy.arguments, "resamples": 0, **options})


def scored(toy: Toy, scores: Any, **options: Any) -> Evaluation:
    return evaluate(toy, images=None, texts=None, measure=None, scores=scores, **options)


def values(evaluation: Evaluation) -> dict[str, float]:
    return {figure.key: figure.value for figure in evaluation.figures()}


def test_uneven_captions_in_every_form_of_map(toy: Toy, tmp_path: Path) -> None:
    names = [f"image {row}" for row in range(60)]
    texts = [f"text {row}" for row in range(len(toy.texts))]
    array = toy.text_to_image
    np.save(tmp_path / "map.npy", array)
    (tmp_path / "map.json").write_text(json.dumps(array.tolist()))
    (tmp_path / "names.json").write_text(json.dumps({text: names[row] for text, row in zip(texts, array, strict=True)}))
    ids = {"image_ids": names, "text_ids": texts}
    reference = evaluate(toy)
    for form in (array.tolist(), array.astype(np.uint8), array.astype(float), dict(enumerate(array))):
        assert evaluate(toy, text_to_image=form).signature == reference.signature
    for path in (tmp_path / "map.npy", str(tmp_path / "map.json")):
        assert evaluate(toy, text_to_image=path).signature == reference.signature
    for form in (tmp_path / "names.json", [names[row] for row in array]):
        named = evaluate(toy, text_to_image=form, **ids)
        assert named.signature == reference.signature
        assert named.per_query_values()["t2i"].ids == tuple(texts)


def test_counts_of_texts_in_image_order(toy: Toy) -> None:
    order = np.argsort(toy.text_to_image, kind="stable")
    counts = np.bincount(toy.text_to_image)
    in_order = evaluate(toy, texts=toy.texts[order], text_to_image=None, captions_per_image=counts)
    assert values(in_order) == pytest.approx(values(evaluate(toy)), abs=1e-12)


def test_labels_of_texts_are_those_of_their_images_or_their_own(toy: Toy, tmp_path: Path) -> None:
    own = toy.labels[toy.text_to_image]
    assert evaluate(toy, text_categories=own).category == evaluate(toy).category
    other = np.random.default_rng(1).random(own.shape) < 0.4
    np.save(tmp_path / "labels.npy", other.astype(np.uint8))
    changed = evaluate(toy, text_categories=tmp_path / "labels.npy")
    expected = mean_average_precision(toy.scores, shared_labels(toy.labels, other))
    assert changed["category.i2t.mAP@N"].value == pytest.approx(expected, abs=1e-12)
    assert changed.instance == evaluate(toy).instance


def test_class_numbers_of_both_sides_are_one_alphabet(toy: Toy) -> None:
    images = np.arange(60) % 3
    texts = np.where(toy.text_to_image % 3 == 2, 7, toy.text_to_image % 3)
    evaluation = evaluate(toy, categories=images, text_categories=texts)
    relevant = images[:, None] == texts
    assert evaluation["category.i2t.mAP@N"].value == pytest.approx(
        mean_average_precision(toy.scores, relevant), abs=1e-12
    )
    assert evaluation.category["i2t"]["no_relevant"] == 20


def test_two_matrices_are_a_direction_each(toy: Toy) -> None:
    other = np.random.default_rng(2).normal(size=toy.scores.T.shape)
    both = scored(toy, (toy.scores, other))
    assert both.instance["i2t"] == scored(toy, toy.scores).instance["i2t"]
    assert both.instance["t2i"] == scored(toy, other.T).instance["t2i"]
    assert both.category["t2i"] == scored(toy, other.T).category["t2i"]


def test_scores_in_narrow_and_whole_numbers(toy: Toy) -> None:
    whole = np.rint(20 * toy.scores)
    reference = scored(toy, whole)
    for dtype in (np.float32, np.int16, np.int64, np.float16):
        assert scored(toy, whole.astype(dtype)).instance == reference.instance, dtype


def lists(scores: Array, depth: int) -> RankedLists:
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return RankedLists.from_arrays(rows, np.take_along_axis(scores, rows, axis=1), n_candidates=scores.shape[1])


def test_whole_ranked_lists_are_scores(toy: Toy) -> None:
    whole = lists(toy.scores, toy.scores.shape[1]), lists(toy.scores.T, 60)
    assert values(scored(toy, whole)) == pytest.approx(values(scored(toy, toy.scores)), abs=1e-12)


def test_nothing_is_computed_beyond_the_end_of_a_list(toy: Toy) -> None:
    cut, whole = scored(toy, (lists(toy.scores, 8), lists(toy.scores.T, 8))), scored(toy, toy.scores)
    assert cut.instance["i2t"]["R@10"] is None
    assert cut.instance["i2t"]["mean_rank"] is None
    assert cut.category["t2i"]["mAP@N"] is None
    assert cut.category["t2i"]["pr_curve"] is None
    assert cut["instance.t2i.R@5"].value == whole["instance.t2i.R@5"].value
    assert "rsum" not in cut.instance
    assert any("R@10" in note and "the lists end before" in note for note in cut.notes)
    assert "instance.i2t.R@10" not in cut.intervals


def test_one_direction_of_ranked_lists(toy: Toy) -> None:
    evaluation = scored(toy, (None, lists(toy.scores.T, 8)))
    assert set(evaluation.instance) == set(evaluation.queries) == {"t2i"}


def test_positives_from_json_and_from_qrels(toy: Toy, tmp_path: Path) -> None:
    nearest = toy.scores.argmax(axis=1).tolist()
    judged = {"3": [str(nearest[3]), "1"], "9": [str(nearest[9])]}
    (tmp_path / "judged.json").write_text(json.dumps(judged))
    write_qrels(tmp_path / "judged.qrels", judged)
    rows = {3: [nearest[3], 1], 9: [nearest[9]]}
    forms = [{"i2t": tmp_path / "judged.json"}, {"i2t": str(tmp_path / "judged.qrels")}, (rows, None), {"i2t": rows}]
    figures = [evaluate(toy, positives=form).instance for form in forms]
    assert figures[1:] == figures[:-1]
    assert figures[0] != evaluate(toy).instance


def test_positives_outside_the_gallery_are_noted(toy: Toy) -> None:
    evaluation = evaluate(toy, positives={"i2t": {3: [0, 1, 999]}})
    assert evaluation.instance == evaluate(toy, positives={"i2t": {3: [0, 1]}}).instance
    assert any("1 candidates are not in the gallery" in note and "999" in note for note in evaluation.notes)


def test_identifiers_of_embeddings_are_used(toy: Toy) -> None:
    names = tuple(f"image {row}" for row in range(60))
    evaluation = evaluate(toy, images=Embeddings(toy.images, names), positives={"i2t": {"image 3": [0]}})
    assert evaluation.per_query_values()["i2t"].ids == names


def test_cut_offs_beyond_the_gallery_are_left_out_with_a_note() -> None:
    few = np.eye(7), np.eye(7)
    evaluation = ficoitr.evaluate(*few, categories=np.arange(7), resamples=0)
    assert set(evaluation.instance["i2t"]) == {"R@1", "R@5", "median_rank", "mean_rank", "MRR"}
    assert "rsum" not in evaluation.instance
    assert any("R@10 left out, beyond the gallery of 7 candidates" in note for note in evaluation.notes)
    assert any("mAP@10, mAP@100 left out" in note for note in evaluation.notes)


def test_labels_that_no_person_has_set_are_in_the_signatures(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images, texts = (generator.normal(size=(12, 4)).astype(np.float32) for _ in range(2))
    labels = np.eye(3, dtype=np.uint8)[np.arange(12) % 3]
    source = "query2label(grid, trained on coco338 | train)"
    by_people = ficoitr.evaluate(images, texts, categories=labels, resamples=0)
    marked = ficoitr.evaluate(images, texts, categories=labels, category_source=source, resamples=0)
    said = "labels:synthetic-query2label(grid,-trained-on-coco338---train)"
    assert said in marked.signature
    assert said in marked.signatures["category.i2t.mAP@10"]
    assert "labels:" not in marked.signatures["instance.i2t.R@1"]
    assert "labels:" not in by_people.signature
    assert any(source in note for note in marked.notes)
    # A file of labels carries the mark in the JSON beside it.
    np.save(tmp_path / "labels.npy", labels)
    (tmp_path / "labels.json").write_text(json.dumps({"category_source": source}))
    from_file = ficoitr.evaluate(images, texts, categories=tmp_path / "labels.npy", resamples=0)
    assert from_file.signature == marked.signature
    (tmp_path / "labels.json").write_text(json.dumps({"other": 1}))
    assert "labels:" not in ficoitr.evaluate(images, texts, categories=tmp_path / "labels.npy", resamples=0).signature
