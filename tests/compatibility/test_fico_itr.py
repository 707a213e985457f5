"""The three functions of fico-itr 1.0.0: its figures where it gives any, without its faults."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import fico_itr
import numpy as np
import pytest

import ficoitr
from ficoitr import compatibility
from ficoitr.errors import CaptionMapError, FicoitrError, OptionError, ShapeError, ValuesError

Array = np.ndarray[Any, Any]
N_IMAGES, EACH = 20, 3
UNEVEN = np.repeat(np.arange(N_IMAGES), np.r_[np.full(10, 2), np.full(10, 4)])
MEASURES = ("cosine", "euclidean", "inner_product", "hamming")


def scores(n_images: int, n_texts: int, seed: int = 0) -> Array:
    """Scores without ties."""
    return np.random.default_rng(seed).permutation(n_images * n_texts).reshape(n_images, n_texts) / 7.0


EVEN = scores(N_IMAGES, EACH * N_IMAGES)
SQUARE = np.repeat(EVEN, EACH, axis=0)
COUNTS = np.bincount(UNEVEN)
LABELS = np.random.default_rng(1).random((N_IMAGES, 4)) < 0.35
CLASSES = np.arange(N_IMAGES) % 5

CAPTIONS: dict[str, tuple[Array, Any]] = {
    "auto": (EVEN, "auto"),
    "number": (EVEN, EACH),
    "one caption": (EVEN[:, :N_IMAGES], 1),
    "square, repeated images": (SQUARE, EACH),
    "counts in a list": (scores(N_IMAGES, 60), COUNTS.tolist()),
    "map in a list": (scores(N_IMAGES, 60), UNEVEN.tolist()),
    "map in no order": (scores(N_IMAGES, 60), np.random.default_rng(2).permutation(UNEVEN).tolist()),
    "dictionary": (scores(N_IMAGES, 60), dict(enumerate(UNEVEN.tolist()))),
    "captions in rows": (EVEN.T, EACH),
}


def theirs(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*arguments, **options)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_similarities(measure: str, dtype: type[np.floating]) -> None:
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(7, 16)).astype(dtype), generator.normal(size=(5, 16)).astype(dtype)
    if measure == "hamming":
        x, y = np.sign(x), np.sign(y)
    ours, other = (function(x, y, measure) for function in (ficoitr.compute_similarity, fico_itr.compute_similarity))
    np.testing.assert_allclose(ours, other, rtol=1e-5 if dtype is np.float32 else 1e-12, atol=1e-6)


@pytest.mark.parametrize("form", CAPTIONS)
def test_instance_retrieval(form: str) -> None:
    matrix, captions = CAPTIONS[form]
    ours = ficoitr.instance_retrieval(matrix, captions_per_image=captions)
    other = theirs(fico_itr.instance_retrieval, matrix, captions_per_image=captions)
    for mine, reference in zip(ours, other, strict=True):
        assert list(mine) == list(reference) == ["R@1", "R@5", "R@10", "MedianR", "MeanR"]
        assert mine == pytest.approx(reference, abs=1e-9)


def test_instance_retrieval_with_two_matrices() -> None:
    second = scores(N_IMAGES, EACH * N_IMAGES, seed=4)
    ours = ficoitr.instance_retrieval(EVEN, second, EACH)
    other = theirs(fico_itr.instance_retrieval, EVEN, second, EACH)
    assert list(ours) == [pytest.approx(one, abs=1e-9) for one in other]
    assert ficoitr.instance_retrieval(EVEN, second.T, EACH) == ours


@pytest.mark.parametrize("form", [form for form in CAPTIONS if form != "captions in rows"])
@pytest.mark.parametrize("k", [None, 1, 7, 30, 1000])
@pytest.mark.parametrize("labels", [LABELS.astype(int), CLASSES], ids=["multi-hot", "classes"])
def test_category_retrieval(form: str, k: int | None, labels: Array) -> None:
    matrix, captions = CAPTIONS[form]
    ours = ficoitr.category_retrieval(matrix, labels, k=k, captions_per_image=captions)
    options = {"k": k, "captions_per_image": captions}
    if form == "square, repeated images":
        # Theirs counts every image once a caption as query and candidate; the distinct images are what is meant.
        matrix, options["captions_per_image"] = EVEN, EACH
    assert ours == pytest.approx(theirs(fico_itr.category_retrieval, matrix, labels, **options), abs=1e-9)


@pytest.mark.parametrize("k", [None, 7, 30])
def test_one_pass_over_one_task(monkeypatch: pytest.MonkeyPatch, k: int | None) -> None:
    done: list[ficoitr.Evaluation] = []

    def recorded(**arguments: Any) -> ficoitr.Evaluation:
        done.append(ficoitr.evaluate(**arguments))
        return done[-1]

    monkeypatch.setattr(compatibility, "evaluate", recorded)
    # Of 20 images and 60 texts, 30 is a cut-off in one direction and the whole ranking in the other.
    compatibility.category_retrieval(EVEN, LABELS, k=k, captions_per_image=EACH)
    compatibility.instance_retrieval(EVEN, captions_per_image=EACH)
    assert [{figure.key.split(".")[0] for figure in one.figures()} for one in done] == [{"category"}, {"instance"}]


def test_category_retrieval_with_two_matrices() -> None:
    second = scores(EACH * N_IMAGES, N_IMAGES, seed=5)
    ours = ficoitr.category_retrieval(EVEN, LABELS, 10, second, EACH)
    assert ours == pytest.approx(theirs(fico_itr.category_retrieval, EVEN, LABELS, 10, second, EACH), abs=1e-9)


def test_labels_of_distinct_images_serve_repeated_ones() -> None:
    matrix = scores(SQUARE.shape[0], SQUARE.shape[1])
    with pytest.raises(ValueError, match="captions_per_image=3 if applicable"):
        fico_itr.category_retrieval(matrix, LABELS)
    whole = ficoitr.category_retrieval(matrix, np.repeat(LABELS, EACH, axis=0))
    assert ficoitr.category_retrieval(matrix, LABELS) == whole


@pytest.mark.parametrize("captions", [COUNTS, UNEVEN], ids=["counts", "map"])
def test_documented_numpy_maps_work(captions: Array) -> None:
    matrix = scores(N_IMAGES, 60)
    with pytest.raises(ValueError, match="ambiguous"):
        fico_itr.instance_retrieval(matrix, captions_per_image=captions)
    ours = ficoitr.instance_retrieval(matrix, captions_per_image=captions)
    assert ours == ficoitr.instance_retrieval(matrix, captions_per_image=captions.tolist())


def test_half_precision_has_a_cosine() -> None:
    x = np.full((2, 512), 300, dtype=np.float16)
    with np.errstate(over="ignore", invalid="ignore"):
        assert not fico_itr.compute_similarity(x, x).any()
    np.testing.assert_allclose(ficoitr.compute_similarity(x, x), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_euclidean_similarity_does_not_depend_on_the_origin(dtype: type[np.floating]) -> None:
    # Eighths are exact at either place.
    near = np.random.default_rng(7).integers(-16, 16, size=(6, 12)).astype(dtype) / 8
    far = near + dtype(1000)
    np.testing.assert_array_equal(far - dtype(1000), near)
    expected = 1 / (1 + np.linalg.norm(near[:, None] - near[None, :4], axis=2))
    similarities = ficoitr.compute_similarity(far, far[:4], "euclidean")
    assert similarities.dtype == dtype
    np.testing.assert_allclose(similarities, expected, atol=1e-6)
    if dtype is np.float32:
        assert np.abs(fico_itr.compute_similarity(far, far[:4], "euclidean") - expected).max() > 1e-3


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_small_whole_numbers_do_not_wrap(dtype: type[np.integer]) -> None:
    x = np.full((1, 300), 1, dtype=dtype)
    assert fico_itr.compute_similarity(x, x, "inner_product")[0, 0] != 300
    assert ficoitr.compute_similarity(x, x, "inner_product")[0, 0] == 300
    zero = np.zeros_like(x)
    assert ficoitr.compute_similarity(x, zero, "euclidean")[0, 0] == pytest.approx(1 / (1 + np.sqrt(300)), rel=1e-6)


def test_half_filled_dictionary_is_an_error() -> None:
    matrix = scores(N_IMAGES, 60)
    half = dict(enumerate(UNEVEN[:30].tolist()))
    assert theirs(fico_itr.instance_retrieval, matrix, captions_per_image=half) is not None
    with pytest.raises(CaptionMapError, match="text 30 has no image"):
        ficoitr.instance_retrieval(matrix, captions_per_image=half)


def test_hamming_takes_memory_for_the_result_alone() -> None:
    generator = np.random.default_rng(6)
    x, y = (generator.integers(0, 2, size=(n, 512), dtype=np.int8) for n in (500, 2000))
    every_pair_of_entries = len(x) * len(y) * x.shape[1]
    tracemalloc.start()
    similarities = ficoitr.compute_similarity(x, y, "hamming")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert similarities.nbytes <= peak < every_pair_of_entries / 2
    assert similarities[3, 4] == -(x[3] != y[4]).mean()


def test_tied_ranks_do_not_depend_on_the_sort() -> None:
    """A constant scorer: the released library ranks the last index first in one function and the first in another."""
    i2t, t2i = ficoitr.instance_retrieval(np.zeros((4, 4)), captions_per_image=1)
    assert i2t["MeanR"] == t2i["MeanR"] == 2.5
    assert i2t["R@1"] == t2i["R@1"] == 25.0


@pytest.mark.parametrize(
    ("attempt", "error", "says"),
    [
        (lambda: ficoitr.compute_similarity([[np.nan]], [[1.0]]), ValuesError, "x: row 0, column 0 is NaN"),
        (lambda: ficoitr.compute_similarity([[0.0]], [[1.0]]), ValuesError, "x: row 0 is a vector of zeros"),
        (lambda: ficoitr.compute_similarity([[1.0]], [[1.0]], "dot"), OptionError, "measure: 'dot' is unknown"),
        (lambda: ficoitr.instance_retrieval([[np.inf]]), ValuesError, "similarity matrix: row 0"),
        (lambda: ficoitr.instance_retrieval(EVEN[:, :50]), CaptionMapError, "50 captions"),
        (lambda: ficoitr.instance_retrieval(EVEN, EVEN[:5]), ShapeError, "(5, 60)"),
        (lambda: ficoitr.instance_retrieval(EVEN, None, "five"), OptionError, "'five' is unknown"),
        (lambda: ficoitr.instance_retrieval(SQUARE, None, 7), CaptionMapError, "60 repeated images"),
        (lambda: ficoitr.category_retrieval(EVEN, LABELS[:7]), FicoitrError, "labels for 7"),
        (lambda: ficoitr.category_retrieval(EVEN, LABELS, 0), OptionError, "out of range"),
    ],
)
def test_mistakes_end_in_named_errors(attempt: Callable[[], Any], error: type[FicoitrError], says: str) -> None:
    with pytest.raises(error) as caught:
        attempt()
    assert says in str(caught.value)
