"""What decides a figure is in its signature; what does not decide it leaves it alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ficoitr
from ficoitr.errors import IdentifierError, OptionError
from ficoitr.evaluation import rankers
from ficoitr.outputs import Embeddings, HashCodes, read_qrels

GENERATOR = np.random.default_rng(7)
IMAGES = GENERATOR.standard_normal((20, 8)).astype("float32")
TEXTS = GENERATOR.standard_normal((20, 8)).astype("float32")
LABELS = GENERATOR.random((20, 4)) < 0.4


def evaluated(**options: object) -> ficoitr.Evaluation:
    return ficoitr.evaluate(IMAGES, TEXTS, captions_per_image=1, categories=LABELS, resamples=0, **options)


def test_a_signature_names_the_denominator_that_was_used() -> None:
    evaluation = evaluated(category_metrics=["mAP(denominator=total)@10"], metrics=["mAP@R"])
    own = evaluation.signatures["category.i2t.mAP(denominator=total)@10"]
    assert "denominator:total" in own
    assert "denominator:retrieved" in evaluation.signatures["category.i2t.mAP@10"]
    assert "denominator:total" in evaluation.signatures["instance.i2t.mAP@R"]


def test_the_query_split_is_in_every_signature() -> None:
    split = np.arange(20) < 10
    one, other = (evaluated(protocol="cmh", measure="cosine", queries=half) for half in (split, ~split))
    assert one.signature != other.signature
    assert all(one.signatures[key] != other.signatures[key] for key in one.signatures)


def test_the_order_of_ties_is_in_every_signature() -> None:
    trec = ficoitr.protocols()["trec"]
    rows = trec.model_copy(update={"tie_order": "row"})
    one, other = (evaluated(protocol=protocol) for protocol in (trec, rows))
    assert all(one.signatures[key] != other.signatures[key] for key in one.signatures)


def test_identifiers_that_are_given_are_checked_and_win() -> None:
    named = Embeddings(IMAGES, tuple(f"own {row}" for row in range(20)))
    with pytest.raises(IdentifierError):
        ficoitr.evaluate(named, TEXTS, image_ids=["a", "b"], resamples=0)
    given = [f"given {row}" for row in range(20)]
    evaluation = ficoitr.evaluate(named, TEXTS, image_ids=given, resamples=0)
    assert evaluation.per_query_values()["i2t"].ids == tuple(given)


def test_real_values_become_codes_under_hamming() -> None:
    as_codes = ficoitr.evaluate(HashCodes.from_values(IMAGES), HashCodes.from_values(TEXTS), resamples=0)
    as_values = ficoitr.evaluate(Embeddings(IMAGES), Embeddings(TEXTS), measure="hamming", resamples=0)
    assert as_values.instance == as_codes.instance


def test_qrels_leave_out_queries_without_a_relevant_candidate(tmp_path: Path) -> None:
    path = tmp_path / "judged.qrels"
    path.write_text("1 0 4 1\n2 0 1 0\n")
    assert read_qrels(path) == {"1": ["4"]}


def test_a_protocol_of_judged_queries_leaves_out_a_direction_without_any() -> None:
    evaluation = evaluated(protocol="eccv", positives={"i2t": {0: [3], 1: [1, 5]}})
    assert evaluation.queries == {"i2t": 2}
    assert any("t2i" in note for note in evaluation.notes)
    assert all("relevance:judged" in text for text in evaluation.signatures.values())


def test_a_metric_asked_for_beyond_every_gallery_is_an_error() -> None:
    with pytest.raises(OptionError, match="50"):
        evaluated(metrics=["R@50"])


@pytest.mark.parametrize("offset", [0, 1e6])
def test_distances_far_from_the_origin_rank_as_close_to_it(offset: float) -> None:
    # Whole steps of 1/8 are exact in float32 at both places, so that the distances are the same.
    steps = np.random.default_rng(1).integers(-40, 40, (400, 16)) / 8
    here = ficoitr.evaluate(steps[:200], steps[200:], measure="euclidean", precision="float64", resamples=0)
    moved = (steps + offset).astype("float32")
    there = ficoitr.evaluate(moved[:200], moved[200:], measure="euclidean", resamples=0)
    assert there.instance == here.instance


def test_wide_scores_keep_all_their_digits() -> None:
    scores = 1 + 1e-10 * np.eye(5, dtype=np.longdouble)
    assert ficoitr.evaluate(scores=scores, resamples=0)["instance.i2t.R@1"].value == 1


@pytest.mark.parametrize("n_texts", [900, 3000])
def test_rounding_of_equal_scores_decides_nothing(n_texts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Cosines of word counts are equal in theory for many texts, and differ by rounding where blocks differ.
    generator = np.random.default_rng(2)
    images, texts = (generator.integers(0, 2, (n, 40)).astype("float32") for n in (60, n_texts))
    for side in (images, texts):
        side[:, 0] = 1
    labels = generator.random((60, 5)) < 0.3
    found = []
    for size in (1 << 14, 1 << 18, 1 << 24):
        monkeypatch.setattr(rankers, "_BLOCK_BYTES", size)
        evaluation = ficoitr.evaluate(images, texts, categories=labels, resamples=0)
        found.append(evaluation["category.i2t.mAP@N"].value)
    exact = ficoitr.evaluate(images, texts, categories=labels, resamples=0, precision="float64")
    assert found == pytest.approx([exact["category.i2t.mAP@N"].value] * 3, abs=1e-9)
