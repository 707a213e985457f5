"""Cross attention against the product that it cannot do without and against a loop over captions; and how it grows."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from measure import in_own_process, interleaved, machine, ratios

# One thread's CPU seconds hardly hang on what else the machine does; several wait for each other, and are timed by the
# wall, as a GPU is.
DEVICE = os.environ.get("BENCHMARK_DEVICE", "cpu")
THREADS = int(os.environ.get("BENCHMARK_THREADS", "1"))
CLOCK = time.process_time if THREADS == 1 and DEVICE == "cpu" else time.perf_counter
ROUNDS = 5
REGIONS, WIDTH = 36, 1024
# At the full width the largest growth takes minutes; the exponent does not hang on the width.
GROWTH = ((100, 500), (200, 1_000), (400, 2_000), (800, 4_000))
GROWTH_WIDTH = 64
LISTED = 50


@dataclass(frozen=True)
class Case:
    """A model with settings of its own, and how many images and captions its block has."""

    model: str
    settings: dict[str, Any] = field(default_factory=dict)
    n_images: int = 128
    n_texts: int = 640


CASES = {
    "SCAN t2i": Case("scan"),
    "SCAN i2t": Case("scan", {"direction": "i2t", "lambda_softmax": 4.0, "lambda_lse": 5.0}),
    # The loop takes half a minute for these few.
    "IMRAM full, 3 steps": Case("imram", {"mode": "full", "steps": 3}, n_images=64, n_texts=64),
}


def network(case: Case, width: int) -> Any:
    """A network of random weights: of features and vocabularies it needs next to nothing here."""
    import torch

    from ficoitr.models.fine.imram import IMRAMConfig
    from ficoitr.models.fine.scan import SCANConfig

    configs = {"scan": SCANConfig, "imram": IMRAMConfig}
    torch.manual_seed(0)
    return configs[case.model](width=width, word_width=1, **case.settings).network(1, 4).eval().to(DEVICE)


def loop(case: Case) -> Callable[[Any, Any, Any], Any]:
    from attention_loops import imram_loop, scan_loop

    return {"scan": scan_loop, "imram": imram_loop}[case.model]


def caption_lengths(n_texts: int) -> np.ndarray[Any, Any]:
    """Words with <start> and <end>: 13.8 ± 3.9, between those of COCO (13.3 ± 2.6) and of Flickr30K (15.5 ± 5.7)."""
    drawn = 6 + np.random.default_rng(0).gamma(4, 2, n_texts)
    return np.clip(np.rint(drawn), 5, 60).astype(np.int64)


def encoded(n_images: int, n_texts: int, width: int) -> tuple[np.ndarray[Any, Any], ...]:
    """Unit regions (n, R, d), unit words end to end (W, d), and the lengths of the captions."""
    generator = np.random.default_rng(1)
    lengths = caption_lengths(n_texts)
    regions = generator.standard_normal((n_images, REGIONS, width), dtype=np.float32)
    words = generator.standard_normal((lengths.sum(), width), dtype=np.float32)
    for vectors in (regions, words):
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return regions, words, lengths


def block(case: Case) -> dict[str, Any]:
    """One block of all pairs, scored, in a loop, and as the bare product of all regions with all words."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ficoitr.models.fine.words import Words

    regions, flat, lengths = encoded(case.n_images, case.n_texts, WIDTH)
    words = torch.nn.utils.rnn.pad_sequence(list(torch.from_numpy(flat).split(lengths.tolist())), batch_first=True)
    images, texts = torch.from_numpy(regions).to(DEVICE), Words(words, torch.from_numpy(lengths)).to(DEVICE)
    left, right = images.flatten(0, 1), torch.from_numpy(flat).to(DEVICE).T
    made, in_turn = network(case, WIDTH), loop(case)
    with torch.inference_mode():
        memory = left @ right
        works = {
            "product": partial(torch.mm, left, right, out=memory),
            "score": partial(made.score, images, texts),
            "loop": partial(in_turn, made, images, texts),
        }
        flops = {}
        for name, work in works.items():
            with FlopCounterMode(display=False) as counter:
                work()
            flops[name] = counter.get_total_flops()
        difference = (works["score"]() - works["loop"]()).abs().max().item()
        seconds = interleaved({name: _finished(work) for name, work in works.items()}, ROUNDS, CLOCK)
    return {
        "seconds": {name: statistics.median(each) for name, each in seconds.items()},
        "flops": flops,
        "of_product": ratios(seconds["score"], seconds["product"]),
        "faster": ratios(seconds["loop"], seconds["score"]),
        "difference": difference,
    }


def _finished(work: Callable[[], object]) -> Callable[[], object]:
    """A GPU returns before it has finished."""
    import torch

    if DEVICE == "cpu":
        return work

    def whole() -> None:
        work()
        torch.cuda.synchronize()

    return whole


def growth(case: Case) -> dict[str, Any]:
    """Seconds for all pairs, and for lists of as many candidates for every query, as the items grow."""
    from ficoitr.models.fine.scoring import PairScorer

    made = network(case, GROWTH_WIDTH)
    seconds: dict[str, list[float]] = {"all pairs": [], "i2t lists": [], "t2i lists": []}
    for n_images, n_texts in GROWTH:
        scorer = PairScorer(made, *encoded(n_images, n_texts, GROWTH_WIDTH))
        works = {
            "all pairs": scorer.matrix,
            "i2t lists": partial(scorer.lists, _listed(n_images, n_texts), "i2t"),
            "t2i lists": partial(scorer.lists, _listed(n_texts, n_images), "t2i"),
        }
        for work in works.values():
            work()
        for name, each in interleaved(works, 3, CLOCK).items():
            seconds[name].append(min(each))
    items = np.log([n_images for n_images, _ in GROWTH])
    return {
        name: {"seconds": each, "exponent": float(np.polyfit(items, np.log(each), 1)[0])}
        for name, each in seconds.items()
    }


def _listed(n_queries: int, n_candidates: int) -> np.ndarray[Any, Any]:
    generator = np.random.default_rng(2)
    return np.stack([generator.choice(n_candidates, LISTED, replace=False) for _ in range(n_queries)])


def shown(found: dict[str, float]) -> str:
    return f"{found['median']:.2f} ({found['lowest']:.2f}–{found['highest']:.2f})"


def main() -> None:
    kinds = {"block": block, "growth": growth}
    if "--measure" in sys.argv:
        import torch

        torch.set_num_threads(THREADS)
        kind, name = sys.argv[-1].split(":")
        print(json.dumps(kinds[kind](CASES[name])))
        return
    clock = "one thread, CPU time" if CLOCK is time.process_time else f"{DEVICE}, {THREADS} threads, wall time"
    print(f"{clock}, medians of {ROUNDS} rounds (lowest–highest). {machine()}\n")
    print(f"{REGIONS} regions, {WIDTH:,} numbers each. FLOPs are those of matrix products.\n")
    print("| block | | seconds | GFLOP | GFLOP/s | μs a pair | of the product's time | faster than the loop |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name, case in CASES.items():
        row = in_own_process(__file__, f"block:{name}", threads=THREADS)
        for work, seconds in row["seconds"].items():
            cells = [
                f"{name}, {case.n_images} × {case.n_texts}",
                work,
                f"{seconds:.3f}",
                f"{row['flops'][work] / 1e9:,.1f}",
                f"{row['flops'][work] / 1e9 / seconds:,.0f}",
                f"{1e6 * seconds / case.n_images / case.n_texts:.2f}",
                shown(row["of_product"]) if work == "score" else "",
                f"{shown(row['faster'])}; they differ by {row['difference']:.0e}" if work == "score" else "",
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
    sizes = " | ".join(f"{n_images:,} × {n_texts:,}" for n_images, n_texts in GROWTH)
    print(f"\nGrowth at {GROWTH_WIDTH} numbers a region; lists of {LISTED} candidates a query. Seconds.\n")
    print(f"| | {sizes} | exponent |\n|---|{'---:|' * (len(GROWTH) + 1)}")
    for name in CASES:
        row = in_own_process(__file__, f"growth:{name}", threads=THREADS)
        for kind, found in row.items():
            seconds = " | ".join(f"{one:.3f}" for one in found["seconds"])
            print(f"| {name}, {kind} | {seconds} | {found['exponent']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
