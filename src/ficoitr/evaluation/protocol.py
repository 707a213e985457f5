"""Protocols: every choice that a figure depends on, under one name."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ficoitr.errors import OptionError, did_you_mean
from ficoitr.metrics.metric import Metric, parse_cutoff

Ties = Literal["expected", "best", "worst", "index"]
Denominator = Literal["retrieved", "retrieved_skip", "min", "total", "first"]
TIES: tuple[str, ...] = ("expected", "best", "worst", "index")
DENOMINATORS: tuple[str, ...] = ("retrieved", "retrieved_skip", "min", "total", "first")


class Protocol(BaseModel):
    """What is computed, and how, on which queries and candidates.

    Attributes
    ----------
    k, category_k : cut-offs of the instance task's recalls and of the category task's mean average precisions.
    instance, category : metrics of each task; ``@k`` stands for each of the cut-offs.
    denominator : of average precision, see `ficoitr.metrics.average_precision`.
    ties : how tied candidates are ranked; best and worst are reported as a band, but for index, which leaves none.
    tie_order : under ``index``, the order of tied candidates: that of the rows, or of descending identifiers.
    no_relevant : whether queries without a relevant candidate count as 0 or are left out.
    median : the median of the ranks, or ``floor(median of the 0-based ranks) + 1``.
    positives : whether extra positives are added to each text's own image or replace it.
    judged_only : whether only queries with extra positives are asked (the gallery stays whole).
    fold : number of consecutive images in a fold, figures being means over folds; None for no folds.
    split : whether queries and retrieval split must be told apart.
    measure : the measure, where the protocol fixes it.
    images : how many images its data have, where it is of one dataset.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    description: str
    source: str
    k: tuple[int, ...] = (1, 5, 10)
    category_k: tuple[int | Literal["N"], ...] = (10, 100, "N")
    instance: tuple[str, ...] = ("R@k", "median_rank", "mean_rank", "MRR", "rsum")
    category: tuple[str, ...] = ("mAP@k", "pr_curve")
    denominator: Denominator = "retrieved"
    ties: Ties = "expected"
    tie_order: Literal["row", "id_descending"] = "row"
    no_relevant: Literal["zero", "skip"] = "zero"
    median: Literal["exact", "floor"] = "exact"
    positives: Literal["add", "replace"] = "add"
    judged_only: bool = False
    fold: int | None = None
    split: bool = False
    measure: str | None = None
    images: int | None = None

    def metrics(self, task: str) -> tuple[Metric, ...]:
        """Metrics of ``"instance"`` or ``"category"`` with cut-offs filled in; the sum rSum is not among them."""
        cutoffs: Sequence[int | str] = self.k if task == "instance" else self.category_k
        chosen: dict[Metric, None] = {}
        for text in self.instance if task == "instance" else self.category:
            if text == "rsum":
                continue
            forms = [text[:-1] + str(cutoff) for cutoff in cutoffs] if text.endswith("@k") else [text]
            chosen |= {Metric.parse(form): None for form in forms}
        return tuple(chosen)

    def changed(
        self,
        *,
        k: Iterable[int | str] | None = None,
        category_k: Iterable[int | str] | None = None,
        denominator: str | None = None,
        ties: str | None = None,
        metrics: Iterable[str] = (),
        category_metrics: Iterable[str] = (),
    ) -> Protocol:
        """Return this protocol with the user's own choices.

        Raises
        ------
        OptionError
            For an unknown choice or a cut-off that is not a whole number of at least 1.
        """
        update: dict[str, Any] = {}
        if k is not None:
            update["k"] = _cutoffs(k, "k", letters=())
        if category_k is not None:
            update["category_k"] = _cutoffs(category_k, "category_k", letters=("N",))
        if denominator is not None:
            update["denominator"] = _one_of(denominator, DENOMINATORS, "denominator")
        if ties is not None:
            update["ties"] = _one_of(ties, TIES, "ties")
        for task, extra in (("instance", metrics), ("category", category_metrics)):
            listed = (extra,) if isinstance(extra, str) else tuple(extra)
            if listed:
                update[task] = (*getattr(self, task), *(str(Metric.parse(one)) for one in listed))
        return self.model_copy(update=update)


def _cutoffs(values: Iterable[int | str] | int | str, name: str, letters: tuple[str, ...]) -> tuple[int | str, ...]:
    listed = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
    result: list[int | str] = []
    for value in listed:
        cutoff = value if value in letters else parse_cutoff(value if not hasattr(value, "item") else value.item())
        if not (cutoff in letters or (isinstance(cutoff, int) and cutoff >= 1)):
            raise OptionError(
                f"the cut-off {value!r} is out of range",
                where=name,
                expected="whole numbers of at least 1" + "".join(f', or "{letter}"' for letter in letters),
            )
        result.append(cutoff)
    if not result:
        raise OptionError("no cut-off is given", where=name, expected="at least one")
    return tuple(dict.fromkeys(result))


def _one_of(value: str, allowed: tuple[str, ...], name: str) -> str:
    if value not in allowed:
        raise OptionError(
            f"{value!r} is unknown",
            where=name,
            expected=f"one of {', '.join(allowed)}",
            fix=did_you_mean(value, allowed),
        )
    return value


@lru_cache(maxsize=1)
def protocols() -> dict[str, Protocol]:
    """All named protocols."""
    text = files("ficoitr.evaluation").joinpath("protocols.toml").read_text(encoding="utf-8")
    return {name: Protocol(name=name, **fields) for name, fields in tomllib.loads(text).items()}


def get_protocol(name: str | Protocol) -> Protocol:
    """Find a protocol by its name.

    Raises
    ------
    OptionError
        If there is none of that name; the message lists those there are.
    """
    if isinstance(name, Protocol):
        return name
    known = protocols()
    if not isinstance(name, str) or name not in known:
        raise OptionError(
            f"there is no protocol {name!r}",
            where="protocol",
            expected=f"one of {', '.join(known)}",
            fix=did_you_mean(str(name), known),
        )
    return known[name]
