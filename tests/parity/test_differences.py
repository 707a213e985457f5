"""Where peers differ on purpose, shown on the smallest example: the table of README.md in this folder."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from ficoitr.metrics.metric import Metric
from metrics.rankings import Ranking

ONE = np.ones((1, 1), dtype=np.bool_)


def value(metric: str, scores: list[float], relevant: list[int]) -> float:
    labels = np.array(relevant, dtype=np.bool_)[:, None]
    ranking = Ranking(np.array([scores], dtype=np.float32), ONE, labels)
    return float(ranking.values(Metric.parse(metric))[0, 0])


def test_scikit_learn_counts_a_tie_at_its_end() -> None:
    assert average_precision_score([1, 0], [0.5, 0.5]) == 0.5
    assert value("mAP@N", [0.5, 0.5], [1, 0]) == 0.75


def test_scikit_learn_averages_gain_over_ties_as_here() -> None:
    generator = np.random.default_rng(0)
    for _ in range(100):
        scores, gains = generator.integers(0, 3, 12).astype(np.float32), generator.integers(0, 2, 12)
        if gains.any():
            right = ndcg_score(gains[None], scores[None], k=5)
            assert value("nDCG@5", list(scores), list(gains)) == pytest.approx(right, abs=1e-9)


def test_trec_eval_orders_ties_by_descending_identifier() -> None:
    import pytrec_eval

    evaluator = pytrec_eval.RelevanceEvaluator({"q": {"a": 1}}, {"map"})
    assert evaluator.evaluate({"q": {"a": 1.0, "b": 1.0}})["q"]["map"] == 0.5
    assert value("mAP(denominator=total)@N", [1, 1], [1, 0]) == 0.75


def test_trec_eval_and_ranx_divide_by_all_relevant() -> None:
    import pytrec_eval

    evaluator = pytrec_eval.RelevanceEvaluator({"q": {"a": 1, "c": 1}}, {"map_cut.2"})
    theirs = evaluator.evaluate({"q": {"a": 3.0, "b": 2.0, "c": 1.0}})["q"]["map_cut_2"]
    assert theirs == 0.5 == value("mAP(denominator=total)@2", [3, 2, 1], [1, 0, 1])
    assert value("mAP(denominator=retrieved)@2", [3, 2, 1], [1, 0, 1]) == 1


def test_torchmetrics_takes_scores_of_zero_and_below_for_misses() -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.retrieval")
    theirs = functional.retrieval_average_precision(torch.tensor([-1.0, -2.0]), torch.tensor([True, False]))
    assert float(theirs) == 0
    assert value("mAP@N", [-1, -2], [1, 0]) == 1


def test_fico_itr_leaves_captions_missing_from_a_dictionary_to_the_first_image() -> None:
    fico_itr = pytest.importorskip("fico_itr")
    from ficoitr import instance_retrieval
    from ficoitr.errors import CaptionMapError

    scores = np.array([[3.0, 1.0, 2.0], [1.0, 3.0, 2.5]])
    theirs, _ = fico_itr.instance_retrieval(scores, captions_per_image={0: 0, 1: 1})
    assert theirs["R@1"] == 100
    with pytest.raises(CaptionMapError):
        instance_retrieval(scores, captions_per_image={0: 0, 1: 1})


def test_fico_itr_cosine_of_float16_loses_what_overflows() -> None:
    fico_itr = pytest.importorskip("fico_itr")
    from ficoitr import compute_similarity

    large = np.full((1, 8), 30000, dtype=np.float16)
    with np.errstate(all="ignore"):
        theirs = fico_itr.compute_similarity(large, large, "cosine")
    assert theirs[0, 0] != pytest.approx(1, abs=1e-3)
    assert compute_similarity(large, large, "cosine")[0, 0] == pytest.approx(1, abs=1e-6)
