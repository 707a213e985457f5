from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

from ficoitr.errors import ShapeError
from ficoitr.models.labels.quality import (
    average_precisions,
    best_thresholds,
    common_threshold,
    held_out_decisions,
    label_quality,
)


@pytest.fixture
def judged():
    """Scores that know something, and labels of which one has no image."""
    random = np.random.default_rng(0)
    labels = random.random((60, 7)) < np.array([0.5, 0.3, 0.2, 0.1, 0.05, 0.9, 0.0])
    labels[0, :6] = True
    scores = labels + random.normal(size=labels.shape)
    return scores, labels


def test_average_precisions_are_those_of_scikit_learn_where_no_scores_are_equal(judged):
    scores, labels = judged
    expected = [average_precision_score(labels[:, one], scores[:, one]) for one in range(6)]
    np.testing.assert_allclose(average_precisions(scores, labels)[:6], expected, atol=1e-12)
    assert np.isnan(average_precisions(scores, labels)[6])


def test_average_precision_under_ties_is_the_mean_over_all_orders():
    scores = np.array([2.0, 1.0, 1.0, 1.0, 0.5, 0.5])
    labels = np.array([False, True, False, True, True, False])

    def of_order(order):
        ranked = labels[list(order)]
        return np.mean([ranked[: place + 1].mean() for place in np.flatnonzero(ranked)])

    orders = [order for order in permutations(range(6)) if list(scores[list(order)]) == sorted(scores, reverse=True)]
    found = average_precisions(scores[:, None], labels[:, None])
    np.testing.assert_allclose(found, np.mean([of_order(order) for order in orders]), atol=1e-12)


@pytest.mark.parametrize(("n", "r"), [(10, 1), (100, 5), (40, 40)])
def test_guessing_is_what_random_orders_give(n, r):
    labels = np.arange(n)[:, None] < r
    harmonic = np.sum(1 / np.arange(1, n + 1))
    expected = (r - 1) / (n - 1) + (n - r) / (n - 1) * harmonic / n
    np.testing.assert_allclose(average_precisions(np.full((n, 1), 0.3), labels), expected, atol=1e-12)


def test_precision_and_recall_are_those_of_scikit_learn(judged):
    scores, labels = judged
    predicted = scores > 0.8
    predicted[:, 3] = False
    quality = label_quality(scores, predicted, labels)
    of_class = precision_recall_fscore_support(labels[:, :6], predicted[:, :6], average="macro", zero_division=0)
    overall = precision_recall_fscore_support(labels, predicted, average="micro", zero_division=0)
    np.testing.assert_allclose((quality.class_precision, quality.class_recall), of_class[:2])
    np.testing.assert_allclose((quality.overall_precision, quality.overall_recall, quality.overall_f1), overall[:3])
    assert quality.class_f1 == pytest.approx(2 / (1 / of_class[0] + 1 / of_class[1]))
    assert (quality.n_images, quality.n_labels, quality.n_left_out) == (60, 6, 1)
    assert quality.mean_average_precision > quality.guessing


def test_thresholds_have_the_highest_f1_there_is(judged):
    scores, labels = judged
    thresholds = best_thresholds(scores, labels)
    for one in range(6):
        cuts = [*scores[:, one], scores[:, one].max() + 1]
        best = max(f1_score(labels[:, one], scores[:, one] >= cut, zero_division=0) for cut in cuts)
        assert f1_score(labels[:, one], scores[:, one] >= thresholds[one]) == pytest.approx(best)
    assert np.isinf(thresholds[6])


def test_a_threshold_does_not_part_equal_scores():
    scores = np.array([[0.9], [0.5], [0.5], [0.5], [0.1]], dtype=np.float32)
    labels = np.array([[True], [True], [False], [False], [False]])
    # Between 0.9 and 0.5: F1 2/3; all three of 0.5 with it: 4/6 as well, and the higher is taken.
    assert best_thresholds(scores, labels)[0] == pytest.approx(0.7)


def test_neighbouring_numbers_are_still_parted():
    low = np.float32(0.3)
    scores = np.array([[np.nextafter(low, np.float32(1))], [low]], dtype=np.float32)
    assert (scores >= best_thresholds(scores, np.array([[True], [False]]))).tolist() == [[True], [False]]


def test_the_common_threshold_has_the_highest_overall_f1(judged):
    scores, labels = judged
    thresholds = common_threshold(scores, labels)
    assert len(set(thresholds[:6])) == 1
    found = f1_score(labels[:, :6].ravel(), (scores >= thresholds)[:, :6].ravel())
    cuts = np.unique(scores)
    # It counts the label without images too, whose scores are wrong wherever they reach it.
    assert found >= max(f1_score(labels.ravel(), (scores >= cut).ravel()) for cut in cuts) - 1e-12
    assert np.isinf(thresholds[6])


def test_decisions_of_a_fold_do_not_know_its_labels(judged):
    scores, labels = judged
    folds = np.arange(60) % 3
    decisions = held_out_decisions(scores, labels, folds)
    changed = labels.copy()
    changed[folds == 1] = ~changed[folds == 1]
    np.testing.assert_array_equal(held_out_decisions(scores, changed, folds)[folds == 1], decisions[folds == 1])
    assert (held_out_decisions(scores, changed, folds)[folds == 0] != decisions[folds == 0]).any()


def test_decisions_by_thresholds_of_other_images_look_no_better_than_they_are():
    random = np.random.default_rng(1)
    labels, scores = random.random((40, 200)) < 0.1, random.random((40, 200))
    labels[:2] = True
    chance = labels.mean()
    own = label_quality(scores, scores >= best_thresholds(scores, labels), labels)
    others = label_quality(scores, held_out_decisions(scores, labels, np.arange(40) % 4), labels)
    assert own.class_precision > chance + 0.05
    assert others.class_precision < own.class_precision - 0.05


def test_bad_shapes_are_refused():
    labels = np.ones((3, 2), dtype=bool)
    with pytest.raises(ShapeError, match="images by labels"):
        average_precisions(np.zeros((2, 2)), labels)
    with pytest.raises(ShapeError, match="no image has any label"):
        label_quality(np.zeros((3, 2)), labels, ~labels)
