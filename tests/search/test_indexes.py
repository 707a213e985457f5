"""Indexes: what they find against exhaustive search, what they keep on disk, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ficoitr.errors import FicoitrError, FileFormatError, IdentifierError, InputError, OptionError, ShapeError
from ficoitr.outputs import Embeddings, HashCodes
from ficoitr.search import index_names, load_index, make_index
from ficoitr.search.faiss_vectors import FlatIndex

N, WIDTH, N_QUERIES, K = 1200, 32, 25, 10
# What makes each small enough for so few items, and what it must then find of the true neighbours at least.
OPTIONS: dict[str, dict[str, Any]] = {
    "hnsw": {"m": 16, "ef_construction": 64},
    "ivf": {"n_lists": 16, "n_probes": 8},
    "ivf-pq": {"n_lists": 8, "n_probes": 8, "n_parts": 16},
    "binary-ivf": {"n_lists": 16, "n_probes": 8},
    "binary-hnsw": {"m": 16, "ef_construction": 64},
}
LEAST = {"hnsw": 0.95, "ivf": 0.8, "ivf-pq": 0.4, "sq": 0.9, "binary-ivf": 0.8, "binary-hnsw": 0.95}
ENTRIES = {entry.name: entry for entry in index_names()}
MEASURES = ("cosine", "inner_product", "euclidean")


def vectors(n: int, seed: int) -> Embeddings:
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(9).standard_normal((12, WIDTH))
    values = centres[generator.integers(0, 12, n)] + 0.7 * generator.standard_normal((n, WIDTH))
    return Embeddings(values.astype(np.float32))


def of_kind(name: str, items: Embeddings) -> Embeddings | HashCodes:
    return items if ENTRIES[name].kind == "embeddings" else HashCodes.from_values(items.values)


ITEMS, QUERIES = vectors(N, 1), vectors(N_QUERIES, 2)


def empty(name: str, **options: Any) -> Any:
    # Of so few items, several threads only wait for each other.
    return make_index(name, **{"threads": 1, **OPTIONS.get(name, {}), **options})


def built(name: str, **options: Any) -> Any:
    return empty(name, **options).add(of_kind(name, ITEMS))


def reference(name: str, **options: Any) -> Any:
    exact = "exact" if ENTRIES[name].kind == "embeddings" else "exact-codes"
    return empty(exact, **options).add(of_kind(name, ITEMS)).search(of_kind(name, QUERIES), K)


def table(found: Any, what: str = "candidates") -> np.ndarray:
    return np.asarray(getattr(found, what)).reshape(N_QUERIES, -1)


def recall(found: Any, true: Any) -> float:
    """The share of true neighbours that are found, any item as near as the K-th being one."""
    worst = table(true, "scores")[:, -1:]
    return float((table(found, "scores") >= worst - 1e-4).mean())


def shared(found: Any, true: Any) -> float:
    """The share of true neighbours that are found, by row."""
    return float(np.mean([len({*one} & {*two}) / K for one, two in zip(table(found), table(true), strict=True)]))


@pytest.mark.parametrize("measure", MEASURES)
def test_flat_search_is_exhaustive_search(measure: str) -> None:
    found = built("flat", measure=measure).search(QUERIES, K)
    true = reference("flat", measure=measure)
    np.testing.assert_array_equal(table(found), table(true))
    if measure != "euclidean":
        np.testing.assert_allclose(table(found, "scores"), table(true, "scores"), rtol=1e-4, atol=1e-5)


def test_flat_search_of_codes_is_exhaustive_search() -> None:
    found, true = built("binary-flat").search(of_kind("binary-flat", QUERIES), K), reference("binary-flat")
    np.testing.assert_array_equal(table(found, "scores"), table(true, "scores"))


@pytest.mark.parametrize("bits", [5, 32, 70])
def test_codes_of_any_length(bits: int) -> None:
    generator = np.random.default_rng(bits)
    items, queries = (HashCodes.from_values(generator.random((n, bits)) < 0.5) for n in (300, 5))
    found, true = (empty(name).add(items).search(queries, 7) for name in ("binary-flat", "exact-codes"))
    np.testing.assert_array_equal(found.scores, true.scores)


@pytest.mark.parametrize("name", LEAST)
def test_what_is_approximate_finds_most(name: str) -> None:
    measure = {"measure": "inner_product"} if ENTRIES[name].kind == "embeddings" else {}
    found = built(name, **measure).search(of_kind(name, QUERIES), K)
    true = reference(name, **measure)
    # Of codes, others may be as near.
    value = recall(found, true) if ENTRIES[name].kind == "codes" else shared(found, true)
    assert LEAST[name] <= value
    assert not built(name).exact


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ivf", {"n_probes": 16}),
        ("binary-ivf", {"n_probes": 16}),
        ("hnsw", {"ef_search": N, "m": 32}),
        ("binary-hnsw", {"ef_search": N, "m": 32}),
    ],
)
def test_looking_at_everything_finds_everything(name: str, options: dict[str, int]) -> None:
    measure = {"measure": "euclidean"} if ENTRIES[name].kind == "embeddings" else {}
    found, true = built(name, **options, **measure).search(of_kind(name, QUERIES), K), reference(name, **measure)
    if ENTRIES[name].kind == "codes":
        np.testing.assert_array_equal(table(found, "scores"), table(true, "scores"))
    else:
        assert shared(found, true) > 0.99


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_saved_answers_the_same(name: str, tmp_path: Path) -> None:
    items = of_kind(name, ITEMS)
    ids = tuple(f"item {row}" for row in range(N))
    named = Embeddings(items.values, ids) if isinstance(items, Embeddings) else HashCodes(items.words, items.bits, ids)
    index = empty(name).add(named)
    index.save(tmp_path / "some.index")
    loaded = load_index(tmp_path / "some.index")
    assert (type(loaded), loaded.config, loaded.size, loaded.ids) == (type(index), index.config, N, ids)
    one, two = (each.search(of_kind(name, QUERIES), K) for each in (index, loaded))
    np.testing.assert_array_equal(one.candidates, two.candidates)
    np.testing.assert_array_equal(one.scores, two.scores)
    size = (tmp_path / "some.index").stat().st_size
    # NumPy's file has a header.
    assert size - (128 if name.startswith("exact") else 0) == index.n_bytes


@pytest.mark.parametrize("name", ENTRIES)
def test_items_may_come_in_parts(name: str) -> None:
    items = of_kind(name, ITEMS)
    halves = (
        [Embeddings(items.values[:600]), Embeddings(items.values[600:])]
        if isinstance(items, Embeddings)
        else [HashCodes(items.words[:600], items.bits), HashCodes(items.words[600:], items.bits)]
    )
    index = empty(name)
    for half in halves:
        index.add(half)
    assert index.size == N
    if index.exact:
        whole = built(name).search(of_kind(name, QUERIES), K)
        np.testing.assert_array_equal(index.search(of_kind(name, QUERIES), K).scores, whole.scores)


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "some.index"
    built("hnsw").save(path)
    whole, header = path.read_bytes(), json.loads((tmp_path / "some.index.json").read_text())

    def problem(content: bytes | None = None, **changes: Any) -> str:
        path.write_bytes(whole if content is None else content)
        (tmp_path / "some.index.json").write_text(json.dumps({**header, **changes}))
        with pytest.raises(FicoitrError) as raised:
            load_index(path)
        assert isinstance(raised.value, FileFormatError | OptionError)
        return str(raised.value)

    assert "truncated, damaged or another" in problem(whole[:-10])
    assert "truncated, damaged or another" in problem(whole[:-1] + b"x")
    assert "the format is 'ficoitr.index/9'" in problem(schema="ficoitr.index/9")
    assert "there is no index 'hsnw'" in problem(index="hsnw")
    assert "this is no index" in problem(size=7)
    (tmp_path / "some.index.json").write_text(json.dumps(header))
    path.write_bytes(whole)
    with pytest.raises(FileFormatError, match=r"this is an index 'hnsw'.*Expected 'flat'"):
        FlatIndex.load(path)
    (tmp_path / "some.index.json").unlink()
    with pytest.raises(FileFormatError, match=r"some\.index\.json"):
        load_index(path)


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: make_index("hsnw"), OptionError, "there is no index 'hsnw'.*Did you mean 'hnsw'"),
        (lambda: make_index("hnsw", efsearch=3), OptionError, "the index 'hnsw' has no setting 'efsearch'"),
        (lambda: make_index("hnsw", m=0), OptionError, "m is 0"),
        (lambda: make_index("flat", measure="hamming"), OptionError, "measure is 'hamming'"),
        (lambda: make_index("flat").search(QUERIES, 3), InputError, "the index is empty"),
        (lambda: make_index("flat").save("x.index"), InputError, "the index is empty"),
        (lambda: make_index("flat").add(HashCodes.from_values(np.eye(3))), InputError, "items: these are HashCodes"),
        (lambda: make_index("binary-flat").add(ITEMS), InputError, "items: these are Embeddings"),
        (lambda: built("flat").search(Embeddings(np.ones((2, 5))), 3), ShapeError, "queries of length 5"),
        (lambda: built("flat").add(Embeddings(np.ones((2, 5)))), ShapeError, "items of length 5"),
        (lambda: built("exact").search(QUERIES, N + 1), OptionError, "k is 1201"),
        (lambda: built("flat").add(Embeddings(np.ones((1, WIDTH)), ("a",))), IdentifierError, "only some items"),
        (
            lambda: make_index("flat").add(Embeddings(np.eye(2), ("a", "b"))).add(Embeddings(np.eye(2), ("b", "c"))),
            IdentifierError,
            "twice",
        ),
        (lambda: make_index("ivf", n_lists=2000).add(ITEMS), OptionError, "1,200 items to learn 2,000 centroids"),
        (lambda: make_index("ivf-pq", n_parts=5).add(ITEMS), OptionError, "cannot be cut into 5 parts"),
        (lambda: make_index("flat").add(Embeddings(np.zeros((2, 4)))), OptionError, "row 0 is a vector of zeros"),
    ],
)
def test_what_is_refused(work: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        work()


def test_threads_are_set_back() -> None:
    import faiss

    before = faiss.omp_get_max_threads()
    built("flat", threads=1).search(QUERIES, 3)
    assert faiss.omp_get_max_threads() == before
