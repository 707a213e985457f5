"""One model on one dataset: fitted, encoded, measured and evaluated, or found already done."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ficoitr._version import __version__
from ficoitr.bench.store import Run, RunStore
from ficoitr.bench.suite import SuiteModel
from ficoitr.data import Dataset
from ficoitr.efficiency import measure_encoding, measure_storage, peak_memory_bytes
from ficoitr.evaluation import Evaluation, evaluate
from ficoitr.models import load_model

Progress = Callable[[str, int, int], None]
_STEPS = ("fit", "encode", "time", "evaluate")
# Timing a part is enough for a throughput, and keeps a suite quick.
_TIMED_IMAGES = 100


def run_model(
    store: RunStore,
    chosen: SuiteModel,
    dataset: Dataset,
    *,
    seed: int,
    resamples: int,
    progress: Progress,
) -> tuple[Run, Evaluation, bool]:
    """Return the run of a model on a dataset's test split, its evaluation, and whether it had been done before.

    Parameters
    ----------
    dataset : Dataset
        With the splits train and test, and perhaps validation.
    progress : callable
        Called as ``progress(what, done, total)``.
    """
    inputs = {
        "dataset": dataset.digest(),
        "model": chosen.model,
        "config": chosen.config,
        "seed": seed,
        "resamples": resamples,
        "version": __version__,
    }
    done = store.find(dataset.name, chosen.name, inputs)
    if done is not None:
        return done, Evaluation.load(done.folder / "evaluation.json"), True
    with store.write(dataset.name, chosen.name, inputs) as (folder, measured):
        _fill(folder, measured, chosen, dataset, seed=seed, resamples=resamples, progress=progress)
    folder = store.folder(dataset.name, chosen.name)
    return Run(folder, measured), Evaluation.load(folder / "evaluation.json"), False


def _fill(
    folder: Path,
    measured: dict[str, Any],
    chosen: SuiteModel,
    dataset: Dataset,
    *,
    seed: int,
    resamples: int,
    progress: Progress,
) -> None:
    what = f"{chosen.name} on {dataset.name}"

    def step(name: str) -> None:
        progress(what, _STEPS.index(name), len(_STEPS))

    step("fit")
    train, test = dataset.split("train"), dataset.split("test")
    validation = dataset.split("validation") if "validation" in dataset.split_names else None
    started = time.perf_counter()
    model = load_model(chosen.model, config=chosen.config).fit(train, validation, seed=seed, progress=progress)
    fit_seconds = time.perf_counter() - started
    model.save(folder / "model.npz")
    step("encode")
    images, texts = model.encode_images(test), model.encode_texts(test)
    images.save(folder / "images.npy")
    texts.save(folder / "texts.npy")
    step("time")
    times = measure_encoding(model, test, n_images=_TIMED_IMAGES)
    storage = measure_storage(images), measure_storage(texts)
    measured |= {
        "granularity": model.granularity,
        "measure": model.measure,
        "parameters": model.n_parameters,
        "fit_seconds": round(fit_seconds, 3),
        "images_per_second": round(times.images.items_per_second, 1),
        "texts_per_second": round(times.texts.items_per_second, 1),
        "bytes_per_item": storage[0].bytes_per_item,
        "storage_bytes": storage[0].total_bytes + storage[1].total_bytes,
        "peak_memory_bytes": peak_memory_bytes(),
    }
    step("evaluate")
    evaluation = evaluate(
        images,
        texts,
        text_to_image=test.text_to_image,
        categories=test.categories,
        measure=None if model.measure == "hamming" else model.measure,
        resamples=resamples,
        seed=seed,
        name=chosen.name,
    )
    evaluation.save(folder / "evaluation.json")
    progress(what, len(_STEPS), len(_STEPS))
