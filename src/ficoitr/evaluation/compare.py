"""`ficoitr.compare`: which of several models is better, by how much, and whether that could be chance."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from ficoitr.errors import OptionError
from ficoitr.evaluation.alignment import Aligned, align, require_same_protocol
from ficoitr.evaluation.comparison import Comparison, Pair
from ficoitr.evaluation.result import DIRECTIONS, Evaluation
from ficoitr.evaluation.significance import (
    Differences,
    Mean,
    MeanDifferences,
    MedianDifference,
    Paired,
    holm,
    paired_tests,
)
from ficoitr.evaluation.tables import is_median, metric_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ficoitr.evaluation.protocol import Protocol

_ROUNDING = 1e-9


def compare(
    evaluations: Sequence[Evaluation | str | Path],
    *,
    figures: Iterable[str] | None = None,
    baseline: str | None = None,
    permutations: int = 10_000,
    resamples: int = 1_000,
    seed: int = 0,
) -> Comparison:
    """Compare models on the same queries, with effect, interval and significance.

    Parameters
    ----------
    evaluations : sequence of Evaluation or path of a result file
        At least two, of the same queries, gallery, protocol and relevance; the measure may differ.
    figures : iterable of str, optional
        Dotted keys such as ``"instance.t2i.R@1"``; by default all that the evaluations hold.
    baseline : str, optional
        Name of the one evaluation that all others are compared with; by default all pairs are compared.
    permutations : int
        Of the paired randomisation test, which lets whole images change sides.
    resamples : int
        Of the bootstrap over images that gives the 95% interval of each difference.
    seed : int

    Returns
    -------
    Comparison
        Its p-values are corrected over the pairs of each figure (Holm).

    Raises
    ------
    OptionError
        For fewer than two evaluations, an unknown figure or baseline, or evaluations of different protocols.
    IdentifierError
        For evaluations of different queries; the message names the first that is missing.

    Examples
    --------
    >>> import numpy as np
    >>> import ficoitr
    >>> images = np.random.default_rng(0).normal(size=(40, 8))
    >>> texts = images + np.random.default_rng(1).normal(size=(40, 8))
    >>> noisy = images + 3 * np.random.default_rng(2).normal(size=(40, 8))
    >>> good = ficoitr.evaluate(images, texts, captions_per_image=1, name="good")
    >>> poor = ficoitr.evaluate(images, noisy, captions_per_image=1, name="poor")
    >>> [pair] = ficoitr.compare([good, poor], figures=["instance.t2i.R@1"]).rows
    >>> pair.first, pair.second, pair.effect > 0, pair.p < 0.01
    ('good', 'poor', True, True)
    """
    if isinstance(evaluations, str | Path | Evaluation) or len(evaluations) < 2:
        raise OptionError("there is nothing to compare with", where="compare", expected="two or more evaluations")
    loaded = [one if isinstance(one, Evaluation) else Evaluation.load(one) for one in evaluations]
    names = unique_names(
        [
            one.name or ("" if isinstance(given, Evaluation) else Path(given).stem)
            for one, given in zip(loaded, evaluations, strict=True)
        ]
    )
    if baseline is not None and baseline not in names:
        raise OptionError(
            f"there is no evaluation {baseline!r}", where="baseline", expected=f"one of {', '.join(names)}"
        )
    available = dict.fromkeys(figure.key for one in loaded for figure in one.figures())
    keys = tuple(available if figures is None else dict.fromkeys(figures))
    for key in keys:
        if key not in available:
            raise OptionError(f"there is no figure {key!r}", where="figures", expected=f"one of {', '.join(available)}")
    require_same_protocol(loaded, names, keys)
    aligned = align(loaded, names)
    values = {key: tuple(value_of(one, key) for one in loaded) for key in keys}
    if baseline is None:
        positions = list(combinations(range(len(names)), 2))
    else:
        reference = names.index(baseline)
        positions = [(at, reference) for at in range(len(names)) if at != reference]
    protocol = loaded[0].protocol
    sampling = {"permutations": permutations, "resamples": resamples, "seed": seed}
    tested = [_compare_pair(aligned, values, names, pair, protocol=protocol, **sampling) for pair in positions]
    rows = [row for key in keys for row in _corrected([pair[key] for pair in tested])]
    return Comparison(
        names=names,
        figures=values,
        rows=tuple(rows),
        baseline=baseline,
        permutations=permutations,
        resamples=resamples,
        seed=seed,
        notes=(*_notes(rows), *_identity_notes(loaded)),
    )


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Name what has no name and number what shares one.

    Examples
    --------
    >>> unique_names(["a", "a", ""])
    ('a', 'a (2)', 'model 3')
    """
    result: list[str] = []
    for at, name in enumerate(names):
        wanted = candidate = name or f"model {at + 1}"
        count = 1
        while candidate in result:
            count += 1
            candidate = f"{wanted} ({count})"
        result.append(candidate)
    return tuple(result)


def value_of(evaluation: Evaluation, key: str) -> float | None:
    """Value of a figure; None where it is not applicable or was not computed."""
    keys = evaluation.keys()
    return evaluation[key].value if key in keys else None


def _compare_pair(
    aligned: Aligned,
    values: dict[str, tuple[float | None, ...]],
    names: Sequence[str],
    pair: tuple[int, int],
    *,
    protocol: Protocol,
    **sampling: int,
) -> dict[str, Pair]:
    first, second = pair
    rows: dict[str, Pair] = {}
    means: dict[str, Mean] = {}
    medians: dict[str, Paired] = {}
    for key, those in values.items():
        left, right = those[first], those[second]
        effect = None if left is None or right is None else left - right
        rows[key] = Pair(key, names[first], names[second], left, right, effect, None, None, None)
        terms = _terms(aligned, key, first, second) if effect is not None else ()
        if terms and is_median(key):
            # A mean of medians over folds is no function of the queries alone.
            medians |= {} if protocol.fold else {key: terms[0]}
        elif terms:
            means[key] = Mean(terms, scale=100 if len(terms) > 1 else 1)
    n_images = aligned.n_images
    differences: list[Differences] = [MeanDifferences.of(list(means.values()), n_images)] if means else []
    differences += [MedianDifference.of(one, n_images, floor=protocol.median == "floor") for one in medians.values()]
    tests = paired_tests(differences, n_images, **sampling) if differences else []
    for key, test in zip((*means, *medians), tests, strict=True):
        effect = rows[key].effect
        # Where queries count by the probability of a hit, the values kept do not make up the figure.
        if effect is not None and abs(test.effect - effect) <= _ROUNDING * max(1.0, abs(effect)):
            rows[key] = rows[key].tested(interval=test.interval, p=test.p)
    return rows


def _terms(aligned: Aligned, key: str, first: int, second: int) -> tuple[Paired, ...]:
    """Values per query of which the figure is the mean or median, six recalls for rSum; none where some are missing."""
    keys = [key]
    if metric_of(key) is None:
        keys = [f"instance.{direction}.R@{k}" for direction in DIRECTIONS for k in (1, 5, 10)]
    found = [aligned.paired(one, first, second) for one in keys]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(keys) else ()


def _corrected(rows: Sequence[Pair]) -> list[Pair]:
    """Correct the p-values of one figure over its pairs."""
    adjusted = iter(holm([row.p for row in rows if row.p is not None]))
    return [row if row.p is None else row.corrected(next(adjusted)) for row in rows]


def _identity_notes(evaluations: Sequence[Evaluation]) -> tuple[str, ...]:
    """Say that queries were matched by row where no identifiers tell the data apart."""
    first = next(iter(evaluations[0].per_query_values().values()))
    if first.ids != tuple(map(str, range(len(first.ids)))):
        return ()
    note = "No identifiers were given: rows are taken to be the same items in the same order"
    return (f"{note}. Pass image_ids and text_ids to have that checked",)


def _notes(rows: Sequence[Pair]) -> tuple[str, ...]:
    untested = dict.fromkeys(row.figure for row in rows if row.p is None and row.effect is not None)
    if not untested:
        return ()
    note = (
        f"No p-value for {', '.join(untested)}: the figure is not a mean or median of the values kept per query "
        "(it is over folds, or its queries count by the probability of a hit)"
    )
    return (note,)
