"""A suite on a dataset: every model run, all compared, one report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ficoitr.bench.run import Splits, run_model, step
from ficoitr.bench.store import RunStore
from ficoitr.bench.suite import Suite, get_suite
from ficoitr.data import Dataset, load_dataset
from ficoitr.errors import OptionError
from ficoitr.evaluation import Evaluation
from ficoitr.evaluation.compare import compare
from ficoitr.evaluation.comparison import Comparison
from ficoitr.report import save_figures, write_report

if TYPE_CHECKING:
    from ficoitr.models.base import Progress


@dataclass(frozen=True, eq=False)
class BenchResult:
    """What a suite found.

    Parameters
    ----------
    dataset : Dataset
        The whole dataset, all splits.
    evaluations : tuple of Evaluation
        One a model, in the order of the suite.
    efficiency : tuple of dict
        What each model costs: ``fit_seconds``, ``images_per_second``, ``bytes_per_item`` and so on.
    oracle : mapping from dotted key to fraction
        Recalls of knowing which texts fit which images, where the dataset knows; else empty.
    comparison : Comparison or None
        Of the models, where there are two or more.
    report : Path
        The report written.
    found : tuple of str
        Names of the models whose run had been made before.
    """

    dataset: Dataset
    evaluations: tuple[Evaluation, ...]
    efficiency: tuple[dict[str, Any], ...]
    oracle: Mapping[str, float]
    comparison: Comparison | None
    report: Path
    found: tuple[str, ...]


def bench(
    suite: str | Suite = "quick",
    dataset: str | Path = "scenes",
    *,
    root: str | Path | None = None,
    output: str | Path = "runs",
    seed: int = 0,
    resamples: int = 1000,
    image_features: str | None = None,
    text_features: str | None = None,
    image_weights: str | Path | None = None,
    feature_cache: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> BenchResult:
    """Fit every model of a suite on train, encode test, evaluate both tasks, measure, compare, and write a report.

    Parameters
    ----------
    suite : str or Suite
        A named suite, or one of your own.
    dataset : str or Path
        The name of a dataset, or a folder.
    root : path, optional
        The folder of a named dataset.
    output : path
        Runs are kept below it, in ``<dataset>/<model>``; a second start makes only what is missing or changed.
    seed, resamples : int
        Of fitting and of the bootstrap.
    image_features, text_features : str, optional
        Features for every model of the suite that takes them by name, see `Suite.with_features`. Runs, report and
        figures are named after them, so that those with the suite's own features stay.
    image_weights : path, optional
        File of the weights of the image features, where no package brings them.
    feature_cache : path, optional
        A folder in which features are kept, see `ficoitr.models.features.extract_features`. Fitting then counts only
        the time of extracting what was not found there; times of encoding always count extraction.
    progress : callable, optional
        Called as ``progress(what, done, total)``.
    **options
        Of the dataset, over those of the suite.

    Returns
    -------
    BenchResult

    Raises
    ------
    OptionError
        If the suite, the dataset or an option is unknown, or the dataset has no train and test splits.
    OutputError
        If ``output`` cannot be written.
    FicoitrError
        If the dataset cannot be read, or a model not be fitted to it.

    Examples
    --------
    >>> result = bench("quick", "scenes", train=200, validation=50, test=60, resamples=0)
    >>> [one.name for one in result.evaluations], result.report.name
    (['cca (regions)', 'cca-itq-64 (regions)'], 'report.html')
    """
    _require_whole(seed=seed, resamples=resamples)
    progress = progress or _silent
    chosen = (suite if isinstance(suite, Suite) else get_suite(suite)).with_features(
        image_features, text_features, image_weights=None if image_weights is None else str(image_weights)
    )
    store = RunStore(Path(output))
    with step(progress, f"reading {Path(dataset).name}"):
        data = load_dataset(dataset, root, **{**chosen.datasets.get(str(dataset), {}), **options})
        splits = Splits.of(data)
    chosen = chosen.for_dataset(data.name)
    run = partial(
        run_model, store, splits=splits, seed=seed, resamples=resamples, feature_cache=feature_cache, progress=progress
    )
    results = [run(model) for model in chosen.models]
    evaluations = tuple(evaluation for _, evaluation in results)
    efficiency = tuple({"model": evaluation.name, **run.measured} for run, evaluation in results)
    oracle = _oracle(splits.test, evaluations[0])
    with step(progress, "comparing"):
        comparison = compare(evaluations, seed=seed) if len(evaluations) > 1 else None
    with step(progress, "writing the report"):
        folder = store.root / data.name
        suffix = f"+{chosen.variant}" if chosen.variant else ""
        report = write_report(
            folder / f"report{suffix}.html",
            evaluations,
            title=f"{chosen.name.capitalize()} suite on {data.name}",
            dataset=data,
            comparison=comparison,
            efficiency=efficiency,
            oracle=oracle or None,
            introduction=_introduction(data, chosen),
        )
        save_figures(folder / f"figures{suffix}", evaluations, oracle=oracle or None)
    return BenchResult(
        dataset=data,
        evaluations=evaluations,
        efficiency=efficiency,
        oracle=oracle,
        comparison=comparison,
        report=report,
        found=tuple(model.name for model, (run, _) in zip(chosen.models, results, strict=True) if run.found),
    )


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


def _require_whole(**numbers: int) -> None:
    for name, number in numbers.items():
        if not isinstance(number, int) or number < 0:
            raise OptionError(f"{name} is {number!r}", where=name, expected="a whole number of at least 0")


def _oracle(test: Dataset, evaluation: Evaluation) -> dict[str, float]:
    """Recall of knowing which texts fit which images, several for many texts: known where texts carry claims."""
    known = [value for value in test.extra.values() if hasattr(value, "oracle")]
    if not known:
        return {}
    recalls = known[0].oracle(evaluation.protocol.k)
    return {f"instance.{key}": float(value) for key, value in recalls.items()}


def _introduction(data: Dataset, suite: Suite) -> list[str]:
    sizes = ", ".join(f"{len(data.split(name).image_ids):,} {name}" for name in data.split_names)
    paragraphs = [f"{suite.description}. Images of {data.name}: {sizes}. Figures are those of test."]
    if data.name == "scenes":
        paragraphs.append(
            "scenes is generated, and was designed so that fine- and coarse-grained retrieval can differ: it "
            "illustrates the FiCo-ITR paper's findings and is no evidence for them."
        )
    if any(hasattr(value, "boxes") for value in data.extra.values()):
        paragraphs.append(
            "Regions are the true boxes of the objects with some noise: a model that reads them is told where the "
            "objects are, an advantage that no model has on photographs."
        )
    return paragraphs
