"""`ficoitr.compare`: what is tested, how evaluations are brought together, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import ficoitr
from ficoitr.errors import FileFormatError, IdentifierError, OptionError
from ficoitr.evaluation.protocol import get_protocol

FAST = {"permutations": 500, "resamples": 200}


@pytest.fixture(scope="module")
def comparison(good, close, poor):
    return ficoitr.compare([good, close, poor], **FAST)


def test_every_figure_of_every_pair_is_tested(comparison, good, poor):
    keys = [figure.key for figure in good.figures()]
    assert list(comparison.figures) == keys
    assert {"instance.t2i.R@1", "instance.i2t.median_rank", "instance.rsum", "category.t2i.mAP@N"} <= set(keys)
    assert len(comparison.rows) == 3 * len(keys)
    for row in comparison.rows:
        assert row.p is not None
        assert row.p <= row.p_holm <= 1
        assert row.interval[0] <= row.effect <= row.interval[1]
    row = comparison.pair("instance.rsum", poor.name, "good")
    assert row.effect == pytest.approx(good["instance.rsum"].value - poor["instance.rsum"].value)
    assert row.significant


def test_close_models_are_not_told_apart(comparison):
    assert comparison.pair("instance.rsum", "good", "close").significant is False


def test_order_of_the_models_does_not_matter(good, poor):
    figures = ["instance.t2i.R@5", "instance.t2i.median_rank", "instance.rsum"]
    forth = ficoitr.compare([good, poor], figures=figures, **FAST)
    back = ficoitr.compare([poor, good], figures=figures, **FAST)
    for one, other in zip(forth.rows, back.rows, strict=True):
        assert one.p == other.p
        assert one.effect == pytest.approx(-other.effect)
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))


def test_order_of_the_rows_does_not_matter(good, poor, make):
    shuffled = make(2.5, "shuffled", seed=3, order=np.random.default_rng(8).permutation(60), categories=None)
    figures = ["instance.i2t.R@5", "instance.t2i.mean_rank"]
    rows = ficoitr.compare([good, poor], figures=figures, **FAST).rows
    again = ficoitr.compare([good, shuffled], figures=figures, **FAST).rows
    assert [row.p for row in rows] == [row.p for row in again]
    assert [row.effect for row in rows] == pytest.approx([row.effect for row in again])


def test_a_baseline_is_compared_with_each_other_model(good, close, poor):
    comparison = ficoitr.compare([good, close, poor], figures=["instance.rsum"], baseline="close", **FAST)
    assert [(row.first, row.second) for row in comparison.rows] == [("good", "close"), (poor.name, "close")]


def test_holm_corrects_over_the_pairs_of_a_figure(comparison):
    for key in comparison.figures:
        rows = sorted((row for row in comparison.rows if row.figure == key), key=lambda row: row.p)
        assert rows[0].p_holm == pytest.approx(min(1, 3 * rows[0].p))
        assert rows[-1].p_holm == pytest.approx(max(rows[-1].p, rows[-2].p_holm))


def test_files_are_read_and_named_after_themselves(tmp_path, make, good):
    for name in ("first", "second"):
        make(1.5, "", seed=4).save(tmp_path / f"{name}.json")
    comparison = ficoitr.compare([tmp_path / "first.json", str(tmp_path / "second.json"), good], **FAST)
    assert comparison.names == ("first", "second", "good")
    assert comparison.pair("instance.rsum", "first", "second").p == 1.0


def test_equal_names_are_told_apart(good):
    assert ficoitr.compare([good, good], figures=["instance.rsum"], **FAST).names == ("good", "good (2)")


def test_measures_may_differ(good, make):
    other = make(1.0, "inner product", measure="inner_product")
    assert ficoitr.compare([good, other], figures=["instance.rsum"], **FAST).rows[0].p is not None


def test_queries_without_a_hit_are_dropped_on_the_right_side(make):
    one, other = (
        make(noise, name, seed=seed, denominator="retrieved_skip", category_k=[1, 5])
        for noise, name, seed in ((1.0, "one", 5), (3.0, "other", 6))
    )
    row = ficoitr.compare([one, other], figures=["category.t2i.mAP@1"], **FAST).rows[0]
    assert row.effect == one["category.t2i.mAP@1"].value - other["category.t2i.mAP@1"].value
    assert row.p is not None


def test_a_median_over_folds_is_not_tested_and_says_so(make):
    folded = get_protocol("coco-1k-5fold").model_copy(update={"fold": 20})
    evaluations = [make(noise, name, protocol=folded) for noise, name in ((1.0, "one"), (2.0, "other"))]
    comparison = ficoitr.compare(evaluations, **FAST)
    assert comparison.pair("instance.i2t.R@1", "one", "other").p is not None
    untested = [row.figure for row in comparison.rows if row.p is None]
    assert untested
    assert all("median_rank" in key for key in untested)
    assert all(key in comparison.notes[0] for key in untested)


def test_a_figure_that_one_model_lacks_is_not_applicable(good, make):
    without = make(1.0, "no labels", categories=None)
    comparison = ficoitr.compare([good, without], **FAST)
    row = comparison.pair("category.i2t.mAP@N", "good", "no labels")
    assert (row.second_value, row.effect, row.p) == (None, None, None)
    assert "n/a" in comparison.to_markdown()


def test_other_queries_are_refused_by_name(good, make):
    renamed = make(1.0, "renamed", text_ids=[f"text-{row}" for row in range(299)] + ["stray"])
    with pytest.raises(IdentifierError, match=r"t2i query 'text-299' is in 'good' but not in 'renamed' \(1 such\)"):
        ficoitr.compare([good, renamed])


def test_another_caption_map_is_refused(good, make):
    rows = np.repeat(np.arange(60), 5)
    rows[[0, 5]] = rows[[5, 0]]
    moved = make(1.0, "moved", captions_per_image=None, text_to_image=rows)
    with pytest.raises(IdentifierError, match="of one image in 'good'"):
        ficoitr.compare([good, moved], figures=["instance.t2i.R@1"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ties": "index"}, "ties expected in 'good' and index in 'other'"),
        ({"denominator": "total"}, "denominator retrieved in 'good' and total in 'other'"),
        ({"categories": np.arange(60) % 3}, "rests on different categories"),
        ({"positives": {"t2i": {"text-0": ["image-1"]}}}, "relevance own in 'good'"),
    ],
)
def test_another_protocol_or_relevance_is_refused(good, make, options, message):
    other = make(1.0, "other", **options)
    with pytest.raises(OptionError, match=message):
        ficoitr.compare([good, other])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"figures": ["instance.t2i.R@3"]}, "no figure 'instance.t2i.R@3'"),
        ({"baseline": "nobody"}, "no evaluation 'nobody'"),
        ({"permutations": 0}, "permutations is 0"),
    ],
)
def test_wrong_options_are_refused(good, poor, arguments, message):
    with pytest.raises(OptionError, match=message):
        ficoitr.compare([good, poor], **arguments)


def test_one_evaluation_is_refused(good):
    for alone in (good, [good], []):
        with pytest.raises(OptionError, match="nothing to compare with"):
            ficoitr.compare(alone)


def test_a_result_without_its_values_is_refused(tmp_path, good, close):
    path = tmp_path / "lonely.json"
    written = close.save(path)
    (tmp_path / written.per_query.file).unlink()
    with pytest.raises(FileFormatError, match="values per query are missing"):
        ficoitr.compare([good, path])


def test_queries_that_count_by_a_probability_are_not_tested(make):
    generator = np.random.default_rng(0)
    evaluations = [
        ficoitr.evaluate(
            ficoitr.HashCodes.from_values(generator.normal(size=(60, 4))),
            ficoitr.HashCodes.from_values(generator.normal(size=(300, 4))),
            captions_per_image=5,
            categories=np.arange(60) % 12,
            denominator="retrieved_skip",
            category_k=[2],
            resamples=0,
        )
        for _ in range(2)
    ]
    comparison = ficoitr.compare(evaluations, figures=["category.i2t.mAP@2"], **FAST)
    assert comparison.rows[0].effect is not None
    assert comparison.rows[0].p is None
    assert "category.i2t.mAP@2" in comparison.notes[0]
