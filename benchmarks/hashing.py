"""The hashing models against their bare matrix products: encoding of features, and steps of training."""

from __future__ import annotations

import gc
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
# wall.
THREADS = int(os.environ.get("BENCHMARK_THREADS", "1"))
CLOCK = time.process_time if THREADS == 1 else time.perf_counter
ROUNDS = 5
BLOCKS = (128, 256, 512, 1024)
N_LABELS = 24
UCCH_SMALL = {"hidden": 512, "negatives": 512}
DADH_SMALL = {"hidden": 1024}


@dataclass(frozen=True)
class Encoded:
    """One side of a model: the shape of an item's features, and how many items are encoded."""

    model: str
    side: str
    shape: tuple[int, ...]
    n_items: int
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """Steps of a model on batches of so many pairs, several at a time where one is short."""

    model: str
    batch_size: int
    n_steps: int
    n_pairs: int
    config: dict[str, Any] = field(default_factory=dict)


ENCODED = {
    "UCCH, images 4,096": Encoded("ucch", "image", (4096,), 1024),
    "UCCH, texts 300": Encoded("ucch", "text", (300,), 8192),
    "UCCH, texts 1,386": Encoded("ucch", "text", (1386,), 2048),
    "DADH, images 4,096": Encoded("dadh", "image", (4096,), 1024),
    "DADH, texts 300": Encoded("dadh", "text", (300,), 1024),
    "DADH, texts 1,386": Encoded("dadh", "text", (1386,), 1024),
    "UCCH small, images 4,096": Encoded("ucch", "image", (4096,), 4096, UCCH_SMALL),
    "UCCH small, texts 300": Encoded("ucch", "text", (300,), 32768, UCCH_SMALL),
    "UCCH small, texts 1,386": Encoded("ucch", "text", (1386,), 8192, UCCH_SMALL),
    "DADH small, images 4,096": Encoded("dadh", "image", (4096,), 4096, DADH_SMALL),
    "DADH small, texts 300": Encoded("dadh", "text", (300,), 16384, DADH_SMALL),
    "DADH small, texts 1,386": Encoded("dadh", "text", (1386,), 8192, DADH_SMALL),
    "ADV, regions 36 × 2,048": Encoded("adv", "image", (36, 2048), 512),
    "ADV, tokens 32 × 384": Encoded("adv", "text", (32, 384), 1024),
}
# As many pairs as MIRFlickr-25K has to train on (texts of 1,386 tags), for the small presets as many as Wiki has.
TRAINED = {
    "UCCH, batch 256": Trained("ucch", 256, 1, 18_015),
    "DADH, batch 128": Trained("dadh", 128, 1, 10_000),
    "UCCH small, batch 256": Trained("ucch", 256, 5, 2_173, UCCH_SMALL),
    "DADH small, batch 128": Trained("dadh", 128, 5, 2_173, DADH_SMALL),
}


def dataset(shapes: dict[str, tuple[int, ...]], n_items: int) -> Any:
    """Items of which only features are known, normal numbers."""
    from ficoitr.data import Dataset, StoredFeatures
    from ficoitr.data.absent import AbsentImages, AbsentTexts

    generator = np.random.default_rng(0)
    stored = {
        side: StoredFeatures.of(generator.standard_normal((n_items, *shape), dtype=np.float32))
        for side, shape in shapes.items()
    }
    return Dataset(
        "normal",
        AbsentImages(n_items, "these are random numbers"),
        tuple(f"image {row}" for row in range(n_items)),
        AbsentTexts(n_items, "these are random numbers"),
        tuple(f"text {row}" for row in range(n_items)),
        np.arange(n_items),
        categories=generator.random((n_items, N_LABELS)) < 0.1,
        category_names=tuple(map(str, range(N_LABELS))),
        image_features={"features": stored["image"]},
        text_features={"features": stored["text"]},
    )


def encoding(case: Encoded) -> dict[str, Any]:
    import torch

    from ficoitr.models import load_model
    from products import chain, region_products, token_products, weights

    # The other side is small: it only has to be there.
    shapes: dict[str, tuple[int, ...]] = {side: (3,) * len(case.shape) for side in ("image", "text")}
    shapes[case.side] = case.shape
    model = load_model(case.model, config={**case.config, "training": {"epochs": 1, "batch_size": 4}})
    model.fit(dataset(shapes, 4))
    gc.collect()
    items = dataset(shapes, case.n_items)
    network = model._networks.eval()
    if case.model == "ucch":
        bare = chain(weights(getattr(network, case.side)))
    elif case.model == "dadh":
        bare = chain(weights(getattr(network, f"{case.side}_module")) + weights(network.hash_module[case.side]))
    elif case.side == "image":
        bare = region_products(network.image)
    else:
        bare = token_products(network.text, max(BLOCKS), case.shape[0])
    stored = items.image_features if case.side == "image" else items.text_features
    rows = torch.from_numpy(stored["features"].parts[0])
    inner = network.encode_images if case.side == "image" else network.encode_texts
    if case.model == "adv" and case.side == "text":
        inner = partial(_on_tokens, inner)
    outer = partial(model.encode_images if case.side == "image" else model.encode_texts, items)
    with torch.inference_mode():
        works = {"products": _best(bare, rows), "network": _best(inner, rows), "model": outer}
        outer()
        seconds = interleaved(works, ROUNDS, CLOCK)
    return {
        "items": case.n_items / statistics.median(seconds["products"]),
        **{name: ratios(seconds["products"], seconds[name]) for name in ("network", "model")},
    }


def _on_tokens(encode: Callable[[Any], Any], states: Any) -> Any:
    import torch

    from ficoitr.models.coarse.adv_tokens import TokenFeatures

    return encode(TokenFeatures(states, torch.ones(states.shape[:2], dtype=torch.bool)))


def _best(work: Callable[[Any], Any], rows: Any) -> Callable[[], None]:
    """Do the work in blocks of as many rows as it is fastest with."""

    def in_blocks(size: int) -> None:
        for start in range(0, len(rows), size):
            work(rows[start : start + size])

    work(rows[: min(BLOCKS)])
    tried = interleaved({str(size): partial(in_blocks, size) for size in BLOCKS}, 1, CLOCK)
    return partial(in_blocks, int(min(tried, key=lambda size: min(tried[size]))))


def training(case: Trained) -> dict[str, Any]:
    import torch

    from products import dadh_step, into_fresh_memory, into_memory, ucch_step

    recipe, products, optimise = {"ucch": _ucch, "dadh": _dadh}[case.model](case, ucch_step, dadh_step)
    batch = _batch(case)
    works: dict[str, Callable[[], object]] = {
        "products": partial(into_memory, products),
        "fresh": partial(into_fresh_memory, products),
        "step": partial(recipe.step, batch),
        "optimiser": optimise,
    }
    torch.manual_seed(0)
    # The first step gives the optimisers gradients; memory that nobody has touched costs more the first time.
    recipe.step(batch)
    into_memory(products)
    seconds = interleaved({name: partial(_repeat, work, case.n_steps) for name, work in works.items()}, ROUNDS, CLOCK)
    without = [step - share for step, share in zip(seconds["step"], seconds["optimiser"], strict=True)]
    return {
        "milliseconds": 1e3 * statistics.median(seconds["step"]) / case.n_steps,
        "step": ratios(seconds["step"], seconds["products"]),
        "fresh": ratios(seconds["step"], seconds["fresh"]),
        "without": ratios(without, seconds["products"]),
        "optimiser": ratios(seconds["optimiser"], seconds["step"]),
    }


def _repeat(work: Callable[[], object], times: int) -> None:
    for _ in range(times):
        work()


def _batch(case: Trained) -> Any:
    import torch

    from ficoitr.models.training import Batch

    torch.manual_seed(1)
    rows = torch.randperm(case.n_pairs)[: case.batch_size]
    return Batch(rows, rows, torch.randn(case.batch_size, 4096), torch.randn(case.batch_size, 1386))


def _ucch(case: Trained, ucch_step: Any, _: Any) -> tuple[Any, list[Any], Callable[[], object]]:
    from ficoitr.models.coarse.ucch import UCCHConfig, UCCHRecipe
    from ficoitr.models.training.clipping import clipped_step

    config = UCCHConfig(**case.config)
    recipe = UCCHRecipe(config.network(4096, 1386), case.n_pairs, config)
    # The first epoch does not read the bank.
    recipe.start_epoch(config.warmup_epochs)
    products = ucch_step(recipe.network, config, case.batch_size)
    return recipe, products, partial(clipped_step, recipe.optimiser, config.clip_norm)


def _dadh(case: Trained, _: Any, dadh_step: Any) -> tuple[Any, list[Any], Callable[[], object]]:
    from ficoitr.models.coarse.dadh import DADHRecipe
    from ficoitr.models.coarse.dadh_config import DADHConfig

    config = DADHConfig(**case.config)
    generator, discriminators = config.networks(4096, 1386)
    labels = np.random.default_rng(0).random((case.n_pairs, N_LABELS)) < 0.1
    recipe = DADHRecipe(generator, discriminators, labels, config)
    products = dadh_step(generator, discriminators, config, case.batch_size, N_LABELS)
    return recipe, products, lambda: [one.step() for one in recipe.optimisers.values()]


def shown(found: dict[str, float]) -> str:
    return f"{found['median']:.2f} ({found['lowest']:.2f}–{found['highest']:.2f})"


def main() -> None:
    if "--measure" in sys.argv:
        import torch

        torch.set_num_threads(THREADS)
        name = sys.argv[-1]
        print(json.dumps(encoding(ENCODED[name]) if name in ENCODED else training(TRAINED[name])))
        return
    clock = "one thread, CPU time" if THREADS == 1 else f"{THREADS} threads, wall time"
    print(f"{clock}, medians of {ROUNDS} rounds (lowest–highest). {machine()}\n")
    print("| encoding | products, items/s | speed of the network | of encode_images, encode_texts |")
    print("|---|---:|---:|---:|")
    for name in ENCODED:
        row = in_own_process(__file__, name, threads=THREADS)
        print(f"| {name} | {row['items']:,.0f} | {shown(row['network'])} | {shown(row['model'])} |", flush=True)
    print("\n| step | ms | of the products' time | into fresh memory | without the optimisers | their share |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in TRAINED:
        row = in_own_process(__file__, name, threads=THREADS)
        cells = " | ".join(shown(row[one]) for one in ("step", "fresh", "without", "optimiser"))
        print(f"| {name} | {row['milliseconds']:.1f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
