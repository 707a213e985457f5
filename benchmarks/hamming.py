"""64-bit codes against faiss.IndexBinaryFlat on the same pairs: CPU time a pair, one thread, each program alone."""

from __future__ import annotations

import json
import statistics
import sys

import numpy as np

from measure import in_own_process, machine, timed

N_QUERIES, N_CANDIDATES = 1_000, 1_000_000
REPEATS = 5


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    shape = (8,)
    queries = generator.integers(0, 256, (N_QUERIES, *shape), dtype=np.uint8)
    candidates = generator.integers(0, 256, (N_CANDIDATES, *shape), dtype=np.uint8)
    return queries, candidates


def with_faiss_deep() -> float:
    return faiss_search(1000)


def with_faiss() -> float:
    return faiss_search(10)


def faiss_search(k: int) -> float:
    import faiss

    faiss.omp_set_num_threads(1)
    queries, candidates = data()
    index = faiss.IndexBinaryFlat(64)
    index.add(candidates)
    return nanoseconds(lambda: index.search(queries, k))


def nearest(k: int) -> float:
    from ficoitr.outputs import HashCodes
    from ficoitr.similarity.nearest import nearest_codes

    queries, candidates = (HashCodes.from_values(codes, packed=True) for codes in data())
    return nanoseconds(lambda: nearest_codes(queries, candidates, k, threads=1))


def ranks(positives: int) -> float:
    scorer, relevance = prepared(positives)
    return nanoseconds(lambda: scorer.counted_groups(0, N_QUERIES, relevance))


def mean_average_precision() -> float:
    from ficoitr.metrics.average_precision import average_precision
    from ficoitr.metrics.ranking import Relevance
    from ficoitr.tasks import pack_labels

    scorer, _ = prepared(1)
    generator = np.random.default_rng(1)
    labels = [pack_labels(generator.random((n, 80)) < 0.03) for n in (N_QUERIES, N_CANDIDATES)]
    nothing = np.zeros(0, dtype=np.int64)
    relevance = Relevance(labels[0], labels[1], nothing, nothing)
    return nanoseconds(lambda: average_precision(scorer.ordered_groups(0, N_QUERIES, relevance), "N", "retrieved"))


def prepared(positives: int) -> tuple[object, object]:
    from ficoitr.metrics.ranking import Relevance
    from ficoitr.outputs import HashCodes
    from ficoitr.similarity import hamming_scorer

    queries, candidates = (HashCodes.from_values(codes, packed=True) for codes in data())
    listed = np.arange(N_QUERIES * positives, dtype=np.int64) % N_CANDIDATES
    no_labels = np.zeros((0, 0), dtype=np.uint64)
    relevance = Relevance(no_labels, no_labels, np.arange(N_QUERIES + 1) * positives, listed)
    return hamming_scorer(queries, candidates), relevance


def nanoseconds(work: object) -> float:
    work()
    pairs = N_QUERIES * N_CANDIDATES
    return 1e9 * statistics.median(timed(work)["cpu"] for _ in range(REPEATS)) / pairs


def main() -> None:
    measurements = {
        "faiss": with_faiss,
        "faiss deep": with_faiss_deep,
        "nearest": lambda: nearest(10),
        "nearest deep": lambda: nearest(1000),
        "t2i": lambda: ranks(1),
        "i2t": lambda: ranks(5),
        "map": mean_average_precision,
    }
    if "--measure" in sys.argv:
        print(json.dumps({"ns": measurements[sys.argv[-1]]()}))
        return
    results = {name: in_own_process(__file__, name, threads=1)["ns"] for name in measurements}
    print(f"{N_QUERIES:,} × {N_CANDIDATES:,} codes of 64 bits, one thread. {machine()}\n")
    print("| | ns a pair (CPU) | against FAISS |\n|---|---:|---:|")
    rows = (
        ("faiss.IndexBinaryFlat.search, k = 10", "faiss"),
        ("the 10 nearest", "nearest"),
        ("faiss.IndexBinaryFlat.search, k = 1,000", "faiss deep"),
        ("the 1,000 nearest (against k = 1,000)", "nearest deep"),
        ("ranks, one positive a query (t2i)", "t2i"),
        ("ranks, five positives a query (i2t)", "i2t"),
        ("mAP@N over the whole ranking", "map"),
    )
    for label, name in rows:
        peer = results["faiss deep" if "deep" in name else "faiss"]
        print(f"| {label} | {results[name]:.3f} | {peer / results[name]:.1f} times faster |")


if __name__ == "__main__":
    main()
