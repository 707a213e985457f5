"""One model on one dataset: fitted, encoded, timed and evaluated, or found already done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ficoitr._version import __version__
from ficoitr.bench.store import Run, RunStore
from ficoitr.bench.suite import FEATURE_OPTIONS, SuiteModel
from ficoitr.data import Dataset
from ficoitr.efficiency import measure_encoding, measure_storage
from ficoitr.errors import OptionError
from ficoitr.evaluation import Evaluation, evaluate
from ficoitr.models import load_model
from ficoitr.models.features import feature_source, shared_features
from ficoitr.outputs import Scores
from ficoitr.outputs.files import digest_file

if TYPE_CHECKING:
    from ficoitr.models import Encoder
    from ficoitr.models.base import PairEncoder, Progress

_EVALUATION = "evaluation.json"
# Timing a part is enough for a throughput, and keeps a suite quick.
_TIMED_IMAGES = 100
# By option, what manifests call the source of the features that it names.
_CONTENTS = {"features": "image features", "text_features": "text features", "word_vectors": "word vectors"}
# What options of features may say instead of a name.
_NO_FEATURES = ("auto", "terms")


@dataclass(frozen=True, eq=False)
class Splits:
    """The splits of one dataset, each made once, and its hashes."""

    whole: Dataset
    train: Dataset
    validation: Dataset | None
    test: Dataset
    digests: Mapping[str, str]

    @classmethod
    def of(cls, dataset: Dataset) -> Splits:
        """Divide a dataset, and hash all that runs read of it.

        Raises
        ------
        OptionError
            If it has no train and test splits.
        """
        names = dataset.split_names
        if not {"train", "test"} <= set(names):
            there_are = f"only the splits {', '.join(names)}" if names else "no splits"
            raise OptionError(
                f"{dataset.name!r} has {there_are}",
                where="dataset",
                expected="the splits train, to fit to, and test, to evaluate on (and validation, if there is one)",
                fix="In a folder of your own, name the split of each image in a column split of captions.csv",
            )
        validation = dataset.split("validation") if "validation" in names else None
        digests = {"dataset": dataset.digest(), "images": dataset.images.digest()}
        for modality, features in (("image", dataset.image_features), ("text", dataset.text_features)):
            digests |= {f"{modality} features {name}": one.digest() for name, one in features.items()}
        return cls(dataset, dataset.split("train"), validation, dataset.split("test"), digests)


@contextmanager
def step(progress: Progress, what: str) -> Iterator[None]:
    """Report a step whose length is not known in advance."""
    progress(what, 0, 1)
    yield
    progress(what, 1, 1)


def run_model(
    store: RunStore,
    chosen: SuiteModel,
    splits: Splits,
    *,
    seed: int,
    resamples: int,
    feature_cache: str | Path | None = None,
    progress: Progress,
) -> tuple[Run, Evaluation]:
    """Return the run of a model on a dataset's test split, and its evaluation.

    Raises
    ------
    OptionError
        If there are no features of a name among the model's options.
    """
    inputs = {
        **splits.digests,
        "model": chosen.model,
        "config": chosen.options(),
        **_sources(chosen, splits.whole),
        "seed": seed,
        "resamples": resamples,
        "version": __version__,
    }
    run = store.find_or_make(
        splits.whole.name,
        chosen.folder,
        inputs,
        make=partial(
            _make,
            chosen=chosen,
            splits=splits,
            seed=seed,
            resamples=resamples,
            feature_cache=feature_cache,
            progress=progress,
        ),
        waiting=step(progress, f"{chosen.name}: waiting for another process"),
    )
    return run, Evaluation.load(run.folder / _EVALUATION)


def _sources(chosen: SuiteModel, dataset: Dataset) -> dict[str, Any]:
    """What a model's options name by the place or the name, by content: features, hashes of weights included, words."""
    found: dict[str, Any] = {}
    options = chosen.options()
    for option, modality in (*((option, side) for side, option in FEATURE_OPTIONS.items()), ("word_vectors", "text")):
        name = options.get(option) or "auto"
        if name not in _NO_FEATURES:
            weights = options.get("weights") if modality == "image" else None
            source = feature_source(dataset, name, modality, weights=weights, others=_NO_FEATURES)
            if source.identity is not None:
                found[_CONTENTS[option]] = dict(source.identity)
    if options.get("vocabulary"):
        found["vocabulary"] = digest_file(options["vocabulary"])
    return found


def _make(
    folder: Path,
    *,
    chosen: SuiteModel,
    splits: Splits,
    seed: int,
    resamples: int,
    feature_cache: str | Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Fill the folder of a run and return what was measured."""
    test = splits.test
    model = load_model(chosen.model, config=chosen.options())
    # Without a cache nothing is shared, so that the time of fitting counts all that fitting needs.
    kept = nullcontext() if feature_cache is None else shared_features(feature_cache)
    with step(progress, f"{chosen.name}: fitting"), kept:
        started = time.perf_counter()
        model.fit(splits.train, splits.validation, seed=seed, progress=progress)
        fit_seconds = time.perf_counter() - started
        model.save(folder / f"model{getattr(model, 'suffix', '.npz')}")
    kept = nullcontext() if feature_cache is None else shared_features(feature_cache)
    with step(progress, f"{chosen.name}: encoding"), kept:
        images = model.encode_images(test, progress=progress)
        texts = model.encode_texts(test, progress=progress)
    outputs: dict[str, Any] = {"images": images, "texts": texts}
    attention: dict[str, Any] = {}
    if model.measure == "pairs":
        with step(progress, f"{chosen.name}: scoring"):
            scores, attention = _score(cast("PairEncoder", model), images, texts, progress)
            outputs = {"scores": scores}
    with step(progress, f"{chosen.name}: timing"):
        measured = _measure(model, test, images, texts, fit_seconds) | attention
    for name, one in outputs.items():
        one.save(folder / f"{name}.npy")
    with step(progress, f"{chosen.name}: evaluating"):
        evaluate(
            **outputs,
            text_to_image=test.text_to_image,
            image_ids=test.image_ids,
            text_ids=test.text_ids,
            categories=test.categories,
            category_source=test.category_source,
            measure=None if model.measure in ("hamming", "pairs") else model.measure,
            resamples=resamples,
            seed=seed,
            # Features matter as much as the model, so that every table names them.
            name=f"{chosen.name} ({model.inputs})",
            progress=partial(progress, "queries"),
        ).save(folder / _EVALUATION)
    return measured


def _score(model: PairEncoder, images: Any, texts: Any, progress: Progress) -> tuple[Scores, dict[str, Any]]:
    """Score all pairs, and measure how long that takes."""
    scorer = model.scorer(images, texts)
    started = time.perf_counter()
    scores = Scores(scorer.matrix(progress=progress))
    seconds = time.perf_counter() - started
    return scores, {"pairs_per_second": round(scores.n_images * scores.n_texts / seconds, 1)}


def _measure(model: Encoder, test: Dataset, images: Any, texts: Any, fit_seconds: float) -> dict[str, Any]:
    times = measure_encoding(model, test, n_images=_TIMED_IMAGES)
    of_images, of_texts = measure_storage(images), measure_storage(texts)
    return {
        "granularity": model.granularity,
        "inputs": model.inputs,
        "measure": model.measure,
        "parameters": model.n_parameters,
        "fit_seconds": round(fit_seconds, 3),
        "images_per_second": round(times.images.items_per_second, 1),
        "texts_per_second": round(times.texts.items_per_second, 1),
        "bytes_per_item": of_images.bytes_per_item,
        "storage_bytes": of_images.total_bytes + of_texts.total_bytes,
    }
