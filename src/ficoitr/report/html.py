"""The report: one HTML file that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined

from ficoitr._version import __version__
from ficoitr.errors import OptionError
from ficoitr.evaluation.code_table import code_table
from ficoitr.evaluation.compare import unique_names
from ficoitr.evaluation.result import DIRECTIONS, Evaluation
from ficoitr.outputs.files import atomic_path, require_file
from ficoitr.report.dataset import dataset_section
from ficoitr.report.figures import (
    DIRECTION_NAMES,
    chart_config,
    curve_chart,
    recall_chart,
    vegalite_version,
)
from ficoitr.report.tables import (
    category_table,
    curve_table,
    efficiency_table,
    instance_table,
    print_bytes,
    range_groups,
)
from ficoitr.report.theme import LIGHT_MODELS, page_colours, page_models, style_sheet
from ficoitr.report.words import Clause, describe, headlines

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.evaluation.comparison import Comparison
    from ficoitr.evaluation.tables import Table

_PICTURE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}


def write_report(
    path: str | Path,
    evaluations: Sequence[Evaluation],
    *,
    title: str,
    introduction: Sequence[str] = (),
    dataset: Dataset | None = None,
    comparison: Comparison | None = None,
    efficiency: Sequence[Mapping[str, Any]] | None = None,
    oracle: Mapping[str, float] | None = None,
    pictures: Mapping[str, str | Path] | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write one self-contained HTML file: tables, charts, comparison, protocol, environment.

    Parameters
    ----------
    path : path
        Replaced whole or not at all.
    evaluations : sequence of Evaluation
        At least one; their names stand in tables and charts.
    title : str
    introduction : sequence of str
        Paragraphs under the title: what a reader must know before the figures.
    dataset : Dataset, optional
        What was evaluated on: its data card and a few of its pictures.
    comparison : Comparison, optional
        Of these evaluations, from `ficoitr.compare`.
    efficiency : sequence of mappings, optional
        One a model, such as ``{"model": "cca", "text_encoding_seconds": 1.2, "storage_bytes": 512000}``. Keys
        become columns; the endings ``_bytes``, ``_seconds``, ``_milliseconds`` and ``_per_second`` are read as units.
    oracle : mapping from dotted key to fraction, optional
        Recalls of knowing which texts fit which images, drawn next to those of the models.
    pictures : mapping from caption to path, optional
        PNG, JPEG, WebP or SVG files, put into the file.
    notes : sequence of str

    Returns
    -------
    Path
        The path written.

    Raises
    ------
    OptionError
        Without an evaluation, or for a picture of another type.
    FileFormatError
        If a picture is missing.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    if not evaluations:
        raise OptionError("there is nothing to report", where="evaluations", expected="at least one evaluation")
    names = unique_names([one.name for one in evaluations])
    colour_of = {name: at % len(LIGHT_MODELS) for at, name in enumerate(names)}
    charts = _charts(evaluations, oracle)
    environment = Environment(
        loader=PackageLoader("ficoitr.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        title=title,
        introduction=introduction,
        written=datetime.now(UTC).strftime("%-d %B %Y"),
        version=__version__,
        names=names,
        evaluations=list(zip(names, evaluations, strict=True)),
        colour_of=colour_of,
        headlines=headlines(list(evaluations), comparison),
        instance=instance_table(evaluations, oracle),
        category=category_table(evaluations),
        curves=curve_table(evaluations),
        charts=charts,
        resampled=any(one.intervals for one in evaluations),
        legend=chart_config(page_colours(), page_models())["legend"],
        ranges=range_groups(evaluations),
        dataset=dataset_section(dataset) if dataset is not None else None,
        codes=code_table(evaluations),
        comparison=_comparison_tables(comparison),
        comparison_notes=comparison.notes if comparison else (),
        efficiency=efficiency_table(efficiency or ()),
        pictures=[(caption, _embedded(Path(file))) for caption, file in (pictures or {}).items()],
        protocols=_shared(names, [describe(one.protocol, resampled=bool(one.intervals)) for one in evaluations]),
        environments=_shared(names, [_flat(one.environment) for one in evaluations]),
        inputs=_shared(names, [list(one.inputs.items()) for one in evaluations]),
        notes=_notes(names, evaluations, notes),
        style=style_sheet(),
        bundle=_bundle() if charts else "",
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _charts(evaluations: Sequence[Evaluation], oracle: Mapping[str, float] | None) -> dict[str, list[dict[str, Any]]]:
    """Specifications by section; their schema address is left out, since nothing may look like a link to load."""
    drawn: dict[str, list[dict[str, Any]]] = {}
    # The page has a legend of its own, which wraps on narrow screens and answers to the keyboard.
    config = chart_config(page_colours(), page_models()) | {"legend": {"disable": True}}
    for direction in DIRECTIONS:
        for section, name, chart in (
            ("instance", "Recall", recall_chart(evaluations, direction, oracle)),
            ("category", "Precision", curve_chart(evaluations, direction)),
        ):
            if chart is None:
                continue
            spec = chart.properties(width="container", height=260).to_dict() | {
                "config": config,
                "autosize": {"type": "fit", "contains": "padding"},
            }
            del spec["$schema"]
            label = f"{name}, {DIRECTION_NAMES[direction].lower()}"
            drawn.setdefault(section, []).append({"direction": direction, "label": label, "spec": spec})
    return drawn


@lru_cache(maxsize=1)
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, once for all charts."""
    known = vl_convert.get_vegalite_versions()
    version = vegalite_version()
    script: str = vl_convert.javascript_bundle(
        "window.vegaEmbed = vegaEmbed;", vl_version=version if version in known else known[-1]
    )
    return script.replace("</script", "<\\/script")


def _comparison_tables(comparison: Comparison | None) -> list[Table]:
    return [comparison.figure_table(), comparison.pair_table()] if comparison else []


def _embedded(file: Path) -> str:
    require_file(file)
    kind = _PICTURE_TYPES.get(file.suffix.lower())
    if kind is None:
        raise OptionError(
            f"a picture is a {file.suffix or 'file without suffix'}",
            where=str(file),
            expected=f"one of {', '.join(_PICTURE_TYPES)}",
        )
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _shared(names: Sequence[str], values: Sequence[Any]) -> list[tuple[str, Any]]:
    """Pair values with the models they hold for, equal ones once: ``[("cca and cca-itq", …)]``."""
    groups: list[tuple[list[str], Any]] = []
    for name, value in zip(names, values, strict=True):
        for members, known in groups:
            if known == value:
                members.append(name)
                break
        else:
            groups.append(([name], value))
    if len(groups) == 1:
        return [("", groups[0][1])]
    return [(" and ".join(members), value) for members, value in groups]


def _flat(environment: Mapping[str, Any]) -> list[Clause]:
    """Entries as text, sizes in words, packages in one line."""
    clauses = []
    for name, value in environment.items():
        if isinstance(value, Mapping):
            text = ", ".join(f"{key} {one}" for key, one in value.items())
        elif name.endswith("_bytes") and isinstance(value, int | float):
            name, text = name.removesuffix("_bytes"), print_bytes(value)
        else:
            text = str(value)
        clauses.append(Clause(name.replace("_", " ").capitalize(), text))
    return clauses


def _notes(names: Sequence[str], evaluations: Sequence[Evaluation], notes: Sequence[str]) -> list[str]:
    """Notes of the report, then those of the evaluations: what all say once, what one says under its name."""
    own = [note for one in evaluations for note in one.notes]
    listed = list(notes)
    for note in dict.fromkeys(own):
        holders = [name for name, one in zip(names, evaluations, strict=True) if note in one.notes]
        listed.append(note if len(holders) == len(names) else f"{', '.join(holders)}: {note}")
    return [f"{note[:1].upper()}{note[1:]}{'' if note.endswith(('.', '!', '?')) else '.'}" for note in listed if note]
