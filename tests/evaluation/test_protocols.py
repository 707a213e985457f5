"""Every named protocol counts as the papers do that it is named after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Toy
from evaluation.reference import average_precisions, best_ranks, mean_average_precision, own_texts, shared_labels
from ficoitr import Evaluation, HashCodes, Protocol

Array = np.ndarray[Any, Any]


def evaluate(toy: Toy, **options: Any) -> Evaluation:
    return ficoitr.evaluate(**{**toy.arguments, "resamples": 0, **options})


def relevance(toy: Toy, task: str) -> Array:
    """Relevance of texts to images."""
    if task == "instance":
        return own_texts(toy.text_to_image, len(toy.images))
    return shared_labels(toy.labels, toy.labels[toy.text_to_image])


def sides(toy: Toy, task: str) -> dict[str, tuple[Array, Array]]:
    """Scores and relevance of both directions."""
    relevant = relevance(toy, task)
    return {"i2t": (toy.scores, relevant), "t2i": (toy.scores.T, relevant.T)}


def test_fico(toy: Toy) -> None:
    evaluation = evaluate(toy, category_k=(5, 20, "N"))
    for direction, (scores, relevant) in sides(toy, "instance").items():
        ranks = best_ranks(scores, relevant)
        expected = {f"R@{k}": (ranks <= k).mean() for k in (1, 5, 10)}
        expected |= {"median_rank": np.median(ranks), "mean_rank": ranks.mean(), "MRR": (1 / ranks).mean()}
        assert evaluation.instance[direction] == pytest.approx(expected, abs=1e-12)
    for direction, (scores, relevant) in sides(toy, "category").items():
        row = evaluation.category[direction]
        for k in (5, 20, None):
            expected_map = mean_average_precision(scores, relevant, k)
            assert row[f"mAP@{k or 'N'}"] == pytest.approx(expected_map, abs=1e-12)
        assert row["no_relevant"] == (~relevant.any(axis=1)).sum() > 0


def test_released_library_takes_the_floor_of_the_median(toy: Toy) -> None:
    released, exact = evaluate(toy, protocol="fico-itr-1.0"), evaluate(toy)
    halves = 0
    for direction, (scores, relevant) in sides(toy, "instance").items():
        ranks = best_ranks(scores, relevant) - 1
        assert released.instance[direction]["median_rank"] == np.floor(np.median(ranks)) + 1
        halves += exact.instance[direction]["median_rank"] % 1 == 0.5
    even = ficoitr.evaluate(scores=np.array([[1.0, 0.0], [1.0, 0.5]]), captions_per_image=1, k=[1], resamples=0)
    floored = ficoitr.evaluate(
        scores=np.array([[1.0, 0.0], [1.0, 0.5]]), captions_per_image=1, k=[1], resamples=0, protocol="vsepp"
    )
    assert even["instance.i2t.median_rank"].value == 1.5
    assert floored["instance.i2t.median_rank"].value == 1.0


def test_folds_are_the_mean_of_their_evaluations(toy: Toy) -> None:
    protocol = Protocol(name="own", description="three folds", source="here", fold=20, k=(1, 5))
    folds = evaluate(toy, protocol=protocol, categories=None)
    separate = []
    for start in range(0, 60, 20):
        texts = (toy.text_to_image >= start) & (toy.text_to_image < start + 20)
        separate.append(
            ficoitr.evaluate(
                toy.images[start : start + 20],
                toy.texts[texts],
                text_to_image=toy.text_to_image[texts] - start,
                measure="inner_product",
                k=(1, 5),
                resamples=0,
            )
        )
    for figure in folds.figures():
        assert figure.value == pytest.approx(np.mean([one[figure.key].value for one in separate]), abs=1e-12)


@pytest.mark.parametrize(
    "queries",
    [12, np.arange(12), list(range(12)), np.arange(60) < 12, np.arange(12)[::-1]],
    ids=["number", "rows", "list", "mask", "rows-in-another-order"],
)
def test_query_split_searches_the_retrieval_split(toy: Toy, queries: Any) -> None:
    evaluation = evaluate(toy, protocol="cmh", measure="inner_product", queries=queries)
    asked = toy.text_to_image < 12
    scores, relevant = toy.scores, relevance(toy, "category")
    parts = {
        "i2t": (scores[:12][:, ~asked], relevant[:12][:, ~asked]),
        "t2i": (scores.T[asked][:, 12:], relevant.T[asked][:, 12:]),
    }
    for direction, part in parts.items():
        assert (evaluation.queries[direction], evaluation.candidates[direction]) == part[0].shape
        assert evaluation.category[direction]["mAP@N"] == pytest.approx(mean_average_precision(*part), abs=1e-12)
    assert evaluation.instance == {}
    assert any("right items are not in the retrieval split" in note for note in evaluate(toy, queries=queries).notes)


def test_hashing_protocols_cut_real_values_into_bits(toy: Toy) -> None:
    codes = evaluate(
        toy,
        images=HashCodes.from_values(toy.images),
        texts=HashCodes.from_values(toy.texts),
        measure=None,
        protocol="cmh",
        queries=20,
    )
    assert evaluate(toy, measure=None, protocol="cmh", queries=20).category == codes.category


def test_queries_without_a_hit_are_dropped_or_count_as_zero(toy: Toy) -> None:
    for protocol, skips in (("ucch", True), ("cmh", False)):
        evaluation = evaluate(toy, protocol=protocol, measure="inner_product", queries=20, category_k=[3])
        asked = toy.text_to_image < 20
        precisions = average_precisions(toy.scores[:20][:, ~asked], relevance(toy, "category")[:20][:, ~asked], 3)
        assert np.isnan(precisions).any()
        expected = np.nanmean(precisions) if skips else np.nan_to_num(precisions).mean()
        assert evaluation.category["i2t"]["mAP@3"] == pytest.approx(expected, abs=1e-12)


def test_denominators(toy: Toy) -> None:
    relevant = relevance(toy, "category")
    order = np.argsort(-toy.scores, axis=1)
    hits = np.take_along_axis(relevant, order, axis=1)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    total, k = hits.sum(axis=1), 10
    top = (precision * hits)[:, :k].sum(axis=1)
    first = np.where(hits & (hits.cumsum(axis=1) <= k), precision, 0).sum(axis=1)
    expected = {
        "retrieved": top / np.maximum(hits[:, :k].sum(axis=1), 1),
        "min": top / np.maximum(np.minimum(total, k), 1),
        "total": top / np.maximum(total, 1),
        "first": first / np.maximum(np.minimum(total, k), 1),
    }
    for denominator, values in expected.items():
        evaluation = evaluate(toy, category_k=[k], denominator=denominator)
        assert evaluation.category["i2t"]["mAP@10"] == pytest.approx(values.mean(), abs=1e-12), denominator
    assert len({round(values.mean(), 6) for values in expected.values()}) == 4


def test_trec_counts_what_trec_eval_counts(toy: Toy) -> None:
    evaluation = evaluate(toy, protocol="trec")
    relevant = relevance(toy, "instance")
    order = np.argsort(-toy.scores, axis=1)
    found = np.take_along_axis(relevant, order, axis=1)[:, :5].sum(axis=1) / relevant.sum(axis=1)
    assert evaluation.instance["i2t"]["recall_fraction@5"] == pytest.approx(found.mean(), abs=1e-12)
    assert evaluation.protocol.ties == "index"


def test_judged_protocols_ask_judged_queries_over_the_whole_gallery(toy: Toy) -> None:
    positives = {"i2t": {3: [0, 1, 2], 8: [5]}, "t2i": {7: [1, 2]}}
    for protocol in ("eccv", "cxc"):
        evaluation = evaluate(toy, protocol=protocol, positives=positives, k=[1])
        assert evaluation.queries == {"i2t": 2, "t2i": 1}
        assert evaluation.candidates == {"i2t": len(toy.texts), "t2i": 60}


@pytest.mark.parametrize("protocol", ["fico", "eccv"])
def test_positives_are_added_or_replace(toy: Toy, protocol: str) -> None:
    """fico adds them to an image's own texts, the judged protocols put them in their place."""
    query = 3
    extra = [text for text in np.argsort(-toy.scores[query]) if toy.text_to_image[text] != query][:2]
    evaluation = evaluate(toy, protocol=protocol, positives={"i2t": {query: extra}, "t2i": {0: [1]}}, metrics=["mAP@R"])
    relevant = np.zeros(len(toy.texts), dtype=bool)
    relevant[extra] = True
    if protocol == "fico":
        relevant |= toy.text_to_image == query
    values = evaluation.per_query_values()["i2t"]
    precisions = average_precisions(toy.scores[query][None], relevant[None], int(relevant.sum()))
    hits = relevant[np.argsort(-toy.scores[query])][: relevant.sum()].sum()
    row = values.ids.index(str(query))
    assert values.values["instance.mAP@R"][row] == pytest.approx(precisions[0] * hits / relevant.sum(), abs=1e-12)


@pytest.mark.parametrize("name", [name for name, one in ficoitr.protocols().items() if not one.fold])
def test_every_protocol_runs_and_signs(toy: Toy, name: str) -> None:
    protocol = ficoitr.protocols()[name]
    evaluation = evaluate(
        toy,
        protocol=name,
        measure=None,
        queries=20 if protocol.split else None,
        positives={"i2t": {0: [0]}, "t2i": {0: [0]}} if protocol.judged_only else None,
    )
    assert evaluation.signature.startswith(f"protocol:{name}|")
    assert {figure.key.split(".")[-1] for figure in evaluation.figures()} >= {
        str(metric)
        for task in ("instance", "category")
        for metric in protocol.metrics(task)
        if metric.name != "pr_curve" and not (isinstance(metric.cutoff, int) and metric.cutoff > 10)
    }
