"""A metric is a value: it prints as the string that a user types, parses back, and is the key of its figure.

``R@10``, ``mAP@N``, ``mAP(denominator=total)@100``, ``nDCG(gain=exponential)@10``, ``MRR``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ficoitr.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from ficoitr.metrics.groups import Groups
    from ficoitr.metrics.radius import Lookup

Cutoff = int | str | None
_FORM = re.compile(r"(?P<name>[A-Za-z][\w-]*)(?:\((?P<options>[^()]*)\))?(?:@(?P<cutoff>[^@]+))?")


@dataclass(frozen=True)
class Family:
    """What all metrics of one name have in common.

    Parameters
    ----------
    name : str
        As it is typed.
    description, source : str
        One line each, for the list of metrics and the documentation.
    function : str
        ``module:function`` that takes groups, the cut-off (where there is one) and the options.
    cutoffs : str
        ``"number"`` (a count of ranks or ``N``), ``"radius"`` or ``"none"``.
    options : mapping
        Allowed values of each option, the default first.
    reach : str
        How far a ranking must go for the metric: ``"cutoff"``, ``"relevant"`` (as many ranks as there are relevant
        candidates) or ``"whole"``.
    average : str
        How queries are put together: ``"mean"`` or ``"median"``.
    better : str
        ``"higher"`` or ``"lower"``.
    """

    name: str
    description: str
    source: str
    function: str
    cutoffs: str = "none"
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reach: str = "whole"
    average: str = "mean"
    better: str = "higher"


def _families() -> dict[str, Family]:
    denominators = ("retrieved", "retrieved_skip", "min", "total", "first")
    manning = "Manning, Raghavan and Schütze 2008, chapter 8"
    listed = (
        Family(
            "R",
            "share of queries with a relevant candidate among the first K",
            "FiCo-ITR, section 4; VSE++ evaluation",
            "hits:recall",
            "number",
            reach="cutoff",
        ),
        Family(
            "recall_fraction",
            "share of the relevant candidates found among the first K",
            "trec_eval recall",
            "hits:recall_fraction",
            "number",
            reach="cutoff",
        ),
        Family("P", "share of the first K that is relevant", manning, "hits:precision", "number", reach="cutoff"),
        Family(
            "R-Precision",
            "precision at as many ranks as there are relevant candidates",
            "ECCV Caption, Chun et al. 2022",
            "hits:r_precision",
            reach="relevant",
        ),
        Family(
            "median_rank",
            "median over queries of the rank of the best relevant candidate",
            "VSE++ evaluation",
            "ranks:rank",
            average="median",
            better="lower",
        ),
        Family(
            "mean_rank",
            "mean over queries of the rank of the best relevant candidate",
            "VSE++ evaluation",
            "ranks:rank",
            better="lower",
        ),
        Family("MRR", "mean reciprocal rank of the best relevant candidate", manning, "ranks:reciprocal_rank"),
        Family(
            "mAP",
            "mean average precision of the first K; at R, of as many as there are relevant candidates",
            "FiCo-ITR, section 4; denominators: docs/protocols",
            "average_precision:average_precision",
            "number",
            {"denominator": denominators},
            reach="cutoff",
        ),
        Family(
            "nDCG",
            "normalised discounted cumulative gain, the gain being the number of shared labels",
            "Järvelin and Kekäläinen 2002; ties: McSherry and Najork 2008",
            "gains:ndcg",
            "number",
            {"gain": ("linear", "exponential")},
            reach="cutoff",
        ),
        Family(
            "pr_curve",
            "11-point interpolated precision-recall curve",
            f"{manning}; FiCo-ITR, figure 3",
            "curves:precision_recall_curve",
        ),
        Family(
            "radius_precision",
            "share of the candidates within a Hamming radius that is relevant; 0 where there are none",
            "cross-modal hashing; hash lookup",
            "radius:radius_precision",
            "radius",
        ),
        Family(
            "radius_recall",
            "share of the relevant candidates within a Hamming radius",
            "cross-modal hashing; hash lookup",
            "radius:radius_recall",
            "radius",
        ),
    )
    return {family.name: family for family in listed}


FAMILIES = _families()


@dataclass(frozen=True)
class Metric:
    """One metric with its cut-off and options.

    Examples
    --------
    >>> metric = Metric.parse("mAP(denominator=total)@100")
    >>> metric.name, metric.cutoff, metric.option("denominator")
    ('mAP', 100, 'total')
    >>> str(metric)
    'mAP(denominator=total)@100'
    >>> Metric.parse("R@10") == Metric("R", 10)
    True
    """

    name: str
    cutoff: Cutoff = None
    options: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.name not in FAMILIES:
            raise OptionError(
                f"there is no metric {self.name!r}",
                where="metric",
                expected=f"one of {', '.join(FAMILIES)}",
                fix=". ".join(
                    filter(None, (did_you_mean(self.name, FAMILIES), "`ficoitr metrics` lists them with definitions"))
                ),
            )
        _check_cutoff(self.family, self.cutoff)
        for name, value in self.options:
            allowed = self.family.options.get(name, ())
            if value not in allowed:
                raise OptionError(
                    f"{self.name} has no {name}={value}",
                    where=f"metric {self.name}",
                    expected="; ".join(f"{key} one of {', '.join(those)}" for key, those in self.family.options.items())
                    or "no options",
                )
        names = [name for name, _ in self.options]
        if len(set(names)) < len(names):
            raise OptionError("an option is given twice", where=f"metric {self.name}", expected="each option once")
        object.__setattr__(self, "options", tuple(sorted(self.options)))

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Read a metric from its string.

        Raises
        ------
        OptionError
            If the name, an option or the cut-off is unknown.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise OptionError(
                f"cannot read the metric {text!r}",
                where="metric",
                expected="a form such as R@10 or mAP(denominator=total)@N",
            )
        options = [part.partition("=") for part in (match["options"] or "").split(",") if part.strip()]
        return cls(
            match["name"],
            parse_cutoff(match["cutoff"]),
            tuple((key.strip(), value.strip()) for key, _, value in options),
        )

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options)
        return f"{self.name}{f'({options})' if options else ''}{'' if self.cutoff is None else f'@{self.cutoff}'}"

    @property
    def family(self) -> Family:
        """What this metric shares with others of its name."""
        return FAMILIES[self.name]

    def option(self, name: str) -> str:
        """Value of an option, the default where it is not set: the family's, but ``total`` for mAP@R as in ECCV."""
        default = "total" if (name, self.cutoff) == ("denominator", "R") else self.family.options[name][0]
        return dict(self.options).get(name, default)

    def with_defaults(self, **options: str) -> Metric:
        """Return this metric with options filled in where its family has them and none was set."""
        own = dict(self.options)
        fitting = {key: value for key, value in options.items() if key in self.family.options}
        if self.cutoff == "R":
            fitting["denominator"] = "total"
        return Metric(self.name, self.cutoff, tuple({**fitting, **own}.items()))

    def reach(self) -> str:
        """How far a ranking must go, see `Family`."""
        if self.cutoff == "R":
            return "relevant"
        whole = self.cutoff == "N" or (self.name == "mAP" and self.option("denominator") == "first")
        return "whole" if whole else self.family.reach

    def per_query(self, groups: Groups | Lookup) -> np.ndarray[Any, Any]:
        """Values of every query, shape (3, n_queries) or (3, n_queries, 11): expected, best and worst under ties."""
        module, _, name = self.family.function.partition(":")
        function: Callable[..., Any] = getattr(import_module(f"ficoitr.metrics.{module}"), name)
        options = {name: self.option(name) for name in self.family.options}
        arguments = () if self.family.cutoffs == "none" else (self.cutoff,)
        result: np.ndarray[Any, Any] = function(groups, *arguments, **options)
        return result


def parse_cutoff(text: str | int | None) -> Cutoff:
    """Read a cut-off: a whole number of at least 1, ``N`` or ``R``."""
    if text is None or text in ("N", "R"):
        return text
    if isinstance(text, bool) or (not isinstance(text, int) and not re.fullmatch(r"[+-]?\d+", str(text).strip())):
        raise OptionError(f"the cut-off {text!r} is not a whole number", where="k", expected='1 or more, or "N"')
    return int(text)


def _check_cutoff(family: Family, cutoff: Cutoff) -> None:
    if family.cutoffs == "none":
        if cutoff is not None:
            raise OptionError(f"{family.name} takes no cut-off", where=f"metric {family.name}@{cutoff}")
        return
    if cutoff is None:
        raise OptionError(
            f"{family.name} needs a cut-off",
            where=f"metric {family.name}",
            expected=f"a form such as {family.name}@10",
        )
    if cutoff == "R" and family.name != "mAP":
        raise OptionError("only mAP is cut at R", where=f"metric {family.name}@R", fix="See R-Precision")
    if cutoff == "N" and family.cutoffs == "radius":
        raise OptionError("a radius is a number of bits", where=f"metric {family.name}@N")
    lowest = 0 if family.cutoffs == "radius" else 1
    if isinstance(cutoff, int) and cutoff < lowest:
        raise OptionError(f"the cut-off is {cutoff}", where="k", expected=f"a whole number of at least {lowest}")
