"""Equal to the tools of information retrieval and machine learning, query by query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score, precision_recall_curve

from parity.cases import TO_ROUNDING, as_judgements, as_run, ours, queries

PYTREC_EVAL = {
    "mAP(denominator=total)@N": "map",
    "mAP(denominator=total)@10": "map_cut_10",
    "mAP(denominator=total)@5": "map_cut_5",
    "nDCG@10": "ndcg_cut_10",
    "nDCG@N": "ndcg",
    "MRR": "recip_rank",
    "P@5": "P_5",
    "P@10": "P_10",
    "recall_fraction@10": "recall_10",
    "R@1": "success_1",
    "R@10": "success_10",
    "R-Precision": "Rprec",
}
RANX = {
    "mAP(denominator=total)@N": "map",
    "mAP(denominator=total)@10": "map@10",
    "nDCG@10": "ndcg@10",
    "nDCG(gain=exponential)@10": "ndcg_burges@10",
    "MRR": "mrr",
    "P@10": "precision@10",
    "recall_fraction@10": "recall@10",
    "R@5": "hit_rate@5",
    "R-Precision": "r-precision",
}
IR_MEASURES = {
    "mAP(denominator=total)@N": "AP",
    "mAP(denominator=total)@10": "AP@10",
    "nDCG@10": "nDCG@10",
    "MRR": "RR",
    "P@10": "P@10",
    "recall_fraction@10": "R@10",
    "R@5": "Success@5",
    "R-Precision": "Rprec",
}
TORCHMETRICS = {
    "mAP@N": ("retrieval_average_precision", {}),
    "mAP(denominator=retrieved)@10": ("retrieval_average_precision", {"top_k": 10}),
    "nDCG@10": ("retrieval_normalized_dcg", {"top_k": 10}),
    "P@10": ("retrieval_precision", {"top_k": 10}),
    "recall_fraction@10": ("retrieval_recall", {"top_k": 10}),
    "R@5": ("retrieval_hit_rate", {"top_k": 5}),
    "R-Precision": ("retrieval_r_precision", {}),
    "MRR": ("retrieval_reciprocal_rank", {}),
}


@pytest.fixture(scope="module")
def pytrec_eval_values() -> dict[str, dict[str, float]]:
    import pytrec_eval

    families = {name.rstrip("0123456789").rstrip("_") for name in PYTREC_EVAL.values()}
    measures = families | {"map_cut.5,10", "ndcg_cut.10", "P.5,10", "recall.10", "success.1,10"}
    supported = {one for one in measures if one.split(".")[0] in pytrec_eval.supported_measures}
    return dict(pytrec_eval.RelevanceEvaluator(as_judgements(), supported).evaluate(as_run()))


@pytest.mark.parametrize(("metric", "theirs"), PYTREC_EVAL.items())
def test_pytrec_eval(metric: str, theirs: str, pytrec_eval_values: dict[str, dict[str, float]]) -> None:
    right = [values[theirs] for _, values in sorted(pytrec_eval_values.items())]
    np.testing.assert_allclose(ours(metric), right, **TO_ROUNDING)


@pytest.fixture(scope="module")
def ranx_values() -> dict[str, Any]:
    import ranx

    run = ranx.Run(as_run())
    ranx.evaluate(ranx.Qrels(as_judgements()), run, list(RANX.values()))
    return dict(run.scores)


@pytest.mark.parametrize(("metric", "theirs"), RANX.items())
def test_ranx(metric: str, theirs: str, ranx_values: dict[str, Any]) -> None:
    right = [value for _, value in sorted(ranx_values[theirs].items())]
    np.testing.assert_allclose(ours(metric), right, **TO_ROUNDING)


@pytest.fixture(scope="module")
def ir_measures_values() -> dict[str, dict[str, float]]:
    import ir_measures

    measures = [ir_measures.parse_measure(text) for text in IR_MEASURES.values()]
    result: dict[str, dict[str, float]] = {text: {} for text in IR_MEASURES.values()}
    names = dict(zip(measures, IR_MEASURES.values(), strict=True))
    for one in ir_measures.iter_calc(measures, as_judgements(), as_run()):
        result[names[one.measure]][one.query_id] = one.value
    return result


@pytest.mark.parametrize(("metric", "theirs"), IR_MEASURES.items())
def test_ir_measures(metric: str, theirs: str, ir_measures_values: dict[str, dict[str, float]]) -> None:
    right = [value for _, value in sorted(ir_measures_values[theirs].items())]
    np.testing.assert_allclose(ours(metric), right, **TO_ROUNDING)


def _curve(gains: np.ndarray, scores: np.ndarray) -> list[float]:
    precision, recall, _ = precision_recall_curve(gains > 0, scores)
    # The last point of scikit-learn, precision 1 at recall 0, is no point of the ranking.
    hits = np.rint(recall[:-1] * (gains > 0).sum())
    return [precision[:-1][10 * hits >= max(1, level * hits.max())].max() for level in range(11)]


SCIKIT_LEARN: dict[str, Callable[..., Any]] = {
    "mAP@N": lambda gains, scores: average_precision_score(gains > 0, scores),
    "nDCG@10": lambda gains, scores: ndcg_score(gains[None], scores[None], k=10),
    "nDCG@N": lambda gains, scores: ndcg_score(gains[None], scores[None]),
    "nDCG(gain=exponential)@5": lambda gains, scores: ndcg_score(2.0 ** gains[None] - 1, scores[None], k=5),
    "pr_curve": _curve,
}


@pytest.mark.parametrize("metric", SCIKIT_LEARN)
def test_scikit_learn(metric: str) -> None:
    right = [SCIKIT_LEARN[metric](gains, scores) for scores, gains in queries()]
    np.testing.assert_allclose(ours(metric), right, **TO_ROUNDING)


@pytest.mark.parametrize(("metric", "theirs"), TORCHMETRICS.items())
def test_torchmetrics_to_float32(metric: str, theirs: tuple[str, dict[str, int]]) -> None:
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.retrieval")
    name, options = theirs
    measure = getattr(functional, name)
    right = [
        float(measure(torch.from_numpy(scores), torch.from_numpy(gains if "dcg" in name else gains > 0), **options))
        for scores, gains in queries()
    ]
    # It computes in float32.
    np.testing.assert_allclose(ours(metric), right, rtol=0, atol=1e-6)
