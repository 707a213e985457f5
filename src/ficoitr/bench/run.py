"""One model on one dataset: fitted, encoded, measured and evaluated, or found already done."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ficoitr._version import __version__
from ficoitr.bench.store import Run, RunStore
from ficoitr.bench.suite import SuiteModel
from ficoitr.data import Dataset
from ficoitr.efficiency import measure_encoding, measure_storage
from ficoitr.errors import OptionError
from ficoitr.evaluation import Evaluation, evaluate
from ficoitr.models import load_model

Progress = Callable[[str, int, int], None]
_STEPS = ("fit", "encode", "time", "evaluate")
# Timing a part is enough for a throughput, and keeps a suite quick.
_TIMED_IMAGES = 100


@dataclass(frozen=True, eq=False)
class Splits:
    """The splits of one dataset, each made once, so that models share what is computed from them."""

    whole: Dataset
    train: Dataset
    validation: Dataset | None
    test: Dataset

    @classmethod
    def of(cls, dataset: Dataset) -> Splits:
        """Divide a dataset.

        Raises
        ------
        OptionError
            If it has no train and test splits.
        """
        names = dataset.split_names
        if not {"train", "test"} <= set(names):
            raise OptionError(
                f"the dataset {dataset.name!r} has the splits {', '.join(names) or 'none'}",
                where="dataset",
                expected="train and test",
                fix="Add a split column to captions.csv",
            )
        validation = dataset.split("validation") if "validation" in names else None
        return cls(dataset, dataset.split("train"), validation, dataset.split("test"))


def run_model(
    store: RunStore,
    chosen: SuiteModel,
    splits: Splits,
    *,
    seed: int,
    resamples: int,
    progress: Progress,
) -> tuple[Run, Evaluation, bool]:
    """Return the run of a model on a dataset's test split, its evaluation, and whether it had been done before.

    Parameters
    ----------
    splits : Splits
        Of the dataset.
    progress : callable
        Called as ``progress(what, done, total)``.
    """
    dataset = splits.whole
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
        _fill(folder, measured, chosen, splits, seed=seed, resamples=resamples, progress=progress)
    folder = store.folder(dataset.name, chosen.name)
    return Run(folder, measured), Evaluation.load(folder / "evaluation.json"), False


def _fill(
    folder: Path,
    measured: dict[str, Any],
    chosen: SuiteModel,
    splits: Splits,
    *,
    seed: int,
    resamples: int,
    progress: Progress,
) -> None:
    what = f"{chosen.name} on {splits.whole.name}"

    def step(name: str) -> None:
        progress(what, _STEPS.index(name), len(_STEPS))

    step("fit")
    test = splits.test
    started = time.perf_counter()
    model = load_model(chosen.model, config=chosen.config).fit(
        splits.train, splits.validation, seed=seed, progress=progress
    )
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
        "inputs": model.inputs,
        "measure": model.measure,
        "parameters": model.n_parameters,
        "fit_seconds": round(fit_seconds, 3),
        "images_per_second": round(times.images.items_per_second, 1),
        "texts_per_second": round(times.texts.items_per_second, 1),
        "bytes_per_item": storage[0].bytes_per_item,
        "storage_bytes": storage[0].total_bytes + storage[1].total_bytes,
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
        # Features matter as much as the model, so that every table names them.
        name=f"{chosen.name} ({model.inputs})",
    )
    evaluation.save(folder / "evaluation.json")
    progress(what, len(_STEPS), len(_STEPS))
