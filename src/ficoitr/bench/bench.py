"""A suite on a dataset: every model run, all compared, one report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ficoitr.bench.run import Progress, Splits, run_model
from ficoitr.bench.store import RunStore
from ficoitr.bench.suite import Suite, get_suite
from ficoitr.data import Dataset, load_dataset
from ficoitr.evaluation import Evaluation
from ficoitr.evaluation.compare import compare
from ficoitr.evaluation.comparison import Comparison
from ficoitr.models.features import shared_features
from ficoitr.report import save_figures, write_report


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
        What each model costs, see ``docs/benchmarking``.
    oracle : mapping
        The best figures that any model can reach, where the dataset knows them.
    comparison : Comparison or None
        Of the models, where there are two or more.
    report : Path
    found : tuple of str
        Models whose run had been done before.
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
    dataset: str = "scenes",
    *,
    root: str | Path | None = None,
    output: str | Path = "runs",
    seed: int = 0,
    resamples: int = 1000,
    progress: Progress | None = None,
    **options: Any,
) -> BenchResult:
    """Fit every model of a suite on train, encode test, evaluate both tasks, measure, compare, and write a report.

    Parameters
    ----------
    suite : str or Suite
        A named suite.
    dataset : str
        The name of a dataset, or a folder.
    root : path, optional
        The folder of a named dataset.
    output : path
        Runs are kept below it; a second start does only what is missing.
    seed, resamples : int
        Of fitting and of the bootstrap.
    progress : callable, optional
        Called as ``progress(what, done, total)``.
    **options
        Of the dataset, over those of the suite.

    Raises
    ------
    OptionError
        If the suite or dataset is unknown, or the dataset has no train and test splits.
    """
    chosen = suite if isinstance(suite, Suite) else get_suite(suite)
    data = load_dataset(dataset, root, **{**chosen.datasets.get(dataset, {}), **options})
    splits = Splits.of(data)
    store = RunStore(Path(output))
    evaluations, efficiency, found = [], [], []
    with shared_features():
        for model in chosen.models:
            run, evaluation, before = run_model(
                store, model, splits, seed=seed, resamples=resamples, progress=progress or _silent
            )
            evaluations.append(evaluation)
            efficiency.append({"model": evaluation.name, **run.measured})
            if before:
                found.append(model.name)
    oracle = _oracle(splits.test, evaluations[0])
    comparison = compare(evaluations, seed=seed) if len(evaluations) > 1 else None
    folder = store.root / data.name
    report = write_report(
        folder / "report.html",
        evaluations,
        title=f"{chosen.name.capitalize()} suite on {data.name}",
        comparison=comparison,
        efficiency=efficiency,
        oracle=oracle or None,
        notes=_notes(data, chosen),
    )
    save_figures(folder / "figures", evaluations)
    return BenchResult(data, tuple(evaluations), tuple(efficiency), oracle, comparison, Path(report), tuple(found))


def _silent(_what: str, _done: int, _total: int) -> None:
    pass


def _oracle(test: Dataset, evaluation: Evaluation) -> dict[str, float]:
    """Recall that no model can beat, since a text may describe several images: known where texts carry claims."""
    known = [value for value in test.extra.values() if hasattr(value, "oracle")]
    if not known:
        return {}
    recalls = known[0].oracle(evaluation.protocol.k)
    return {f"instance.{key}": float(value) for key, value in recalls.items()}


def _notes(data: Dataset, suite: Suite) -> list[str]:
    sizes = ", ".join(f"{len(data.split(name).image_ids):,} {name}" for name in data.split_names)
    notes = [f"{suite.description}. Images of {data.name}: {sizes}."]
    if data.name == "scenes":
        notes.append(
            "scenes is generated, and was designed so that fine- and coarse-grained retrieval can differ: it "
            "illustrates the FiCo-ITR paper's findings and is no evidence for them."
        )
    return notes
