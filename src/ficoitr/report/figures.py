"""Charts: precision-recall curves (figure 3 of the paper) and recalls, for the page and as files for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from ficoitr.errors import OptionError
from ficoitr.evaluation.compare import unique_names
from ficoitr.evaluation.result import DIRECTIONS, Evaluation
from ficoitr.outputs.files import atomic_path
from ficoitr.report.theme import LIGHT, LIGHT_MODELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Chart = alt.LayerChart | alt.FacetChart
FORMATS = ("png", "pdf", "svg")
DIRECTION_NAMES = {"i2t": "Image to text", "t2i": "Text to image"}
_DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [10, 3], [1, 3], [6, 2, 1, 2]]
_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
_PIXELS_PER_INCH = 300
_FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def curve_chart(evaluations: Sequence[Evaluation], direction: str) -> Chart | None:
    """Draw the 11-point precision-recall curves of one direction; None where no evaluation has one."""
    names = unique_names([one.name for one in evaluations])
    rows = [row for name, one in zip(names, evaluations, strict=True) for row in _curve_points(name, one, direction)]
    if not rows:
        return None
    chosen, shown = _chosen_model(direction)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "recall:Q",
            title="Recall",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(labelFlush=False, tickCount=5),
        ),
        color=_model_colour(names),
        opacity=alt.condition(shown, alt.value(1), alt.value(0.15)),
    )
    precision = alt.Y("precision:Q", title="Precision", scale=alt.Scale(domainMin=0))
    line = base.mark_line(strokeWidth=2).encode(
        y=precision, strokeDash=alt.StrokeDash("model:N", title=None, sort=names, scale=_scale(names, _DASHES))
    )
    points = base.mark_point(filled=True, size=48).encode(
        y=precision,
        shape=alt.Shape("model:N", title=None, sort=names, scale=_scale(names, _SHAPES)),
        tooltip=[
            alt.Tooltip("model:N", title="model"),
            alt.Tooltip("recall:Q", title="recall", format=".1f"),
            alt.Tooltip("precision:Q", title="precision", format=".1%"),
            alt.Tooltip("interval:N", title="95% interval"),
        ],
    )
    bands = base.mark_area(tooltip=None).encode(
        y=alt.Y("low:Q", title="Precision"),
        y2="high:Q",
        opacity=alt.condition(shown, alt.value(0.14), alt.value(0.03)),
    )
    return alt.layer(bands, line, points).add_params(chosen)


def recall_chart(
    evaluations: Sequence[Evaluation], direction: str, oracle: Mapping[str, float] | None = None
) -> Chart | None:
    """Draw R@K of one direction with 95% intervals, and the oracle where there is one."""
    names = unique_names([one.name for one in evaluations])
    rows = [
        {"model": name, **_bar(one, key)}
        for name, one in zip(names, evaluations, strict=True)
        for key in _recall_keys(one, direction)
        if one[key].value is not None
    ]
    if not rows:
        return None
    order = list(dict.fromkeys(row["metric"] for row in rows))
    x = alt.X("metric:N", sort=order, title=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(paddingInner=0.25))
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, xOffset=alt.XOffset("model:N", sort=names))
    y = alt.Y("recall:Q", title="Recall", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    chosen, shown = _chosen_model(direction)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        y=y,
        opacity=alt.condition(shown, alt.value(1), alt.value(0.15)),
        color=_model_colour(names),
        tooltip=[
            alt.Tooltip("model:N", title="model"),
            alt.Tooltip("metric:N", title="figure"),
            alt.Tooltip("recall:Q", title="recall", format=".1%"),
            alt.Tooltip("interval:N", title="95% interval"),
        ],
    )
    whiskers = base.mark_rule(strokeWidth=1.5, tooltip=None).encode(y=alt.Y("low:Q"), y2="high:Q")
    layers: list[Any] = [bars, whiskers]
    limits = [
        {"metric": metric, "oracle": oracle[key]}
        for metric in order
        if oracle and (key := f"instance.{direction}.{metric}") in oracle
    ]
    if limits:
        limit = alt.Y("oracle:Q", title="Recall")
        tooltip = alt.Tooltip("oracle:Q", title="oracle", format=".1%")
        marks = alt.Chart(alt.InlineData(values=limits)).encode(x=x, y=limit, tooltip=[tooltip])
        name = alt.Chart(alt.InlineData(values=limits[:1])).encode(x=x, y=limit, text=alt.value("oracle"))
        layers += [marks.mark_tick(thickness=2.5, bandSize=70, opacity=1), name.mark_text(dy=-9, fontStyle="italic")]
    return alt.layer(*layers).add_params(chosen)


def _recall_keys(evaluation: Evaluation, direction: str) -> list[str]:
    """Dotted keys of the recalls of one direction."""
    keys = evaluation.keys()
    return [key for key in keys if key.startswith(f"instance.{direction}.R@")]


def chart_config(colours: Mapping[str, str], models: Sequence[str], font: str = _FONT) -> dict[str, Any]:
    """Vega-Lite configuration: quiet axes, a legend above, the models' colours."""
    text = {"labelColor": colours["muted"], "titleColor": colours["ink"], "labelFontSize": 12, "titleFontSize": 12}
    return {
        "background": None,
        "font": font,
        "view": {"stroke": None},
        "axis": {
            **text,
            "titleFontWeight": 500,
            "gridColor": colours["line"],
            "domainColor": colours["muted"],
            "tickColor": colours["muted"],
            "titlePadding": 8,
        },
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False, "tickCount": 6, "labelPadding": 9},
        "legend": {
            "labelColor": colours["ink"],
            "orient": "top",
            "direction": "horizontal",
            "labelFontSize": 13,
            "labelLimit": 260,
            "symbolSize": 90,
            "symbolStrokeWidth": 0,
            "symbolOpacity": 1,
            "title": None,
            "columns": 3,
        },
        "title": {"color": colours["ink"], "fontSize": 14, "fontWeight": 600, "anchor": "start"},
        "rule": {"color": colours["ink"]},
        "tick": {"color": colours["ink"]},
        "text": {"color": colours["ink"]},
        "range": {"category": list(models)},
    }


def save_figures(
    folder: str | Path,
    evaluations: Sequence[Evaluation],
    formats: Sequence[str] = FORMATS,
    *,
    oracle: Mapping[str, float] | None = None,
) -> list[Path]:
    """Write precision-recall curves and recalls for a paper, each as PNG (300 dpi), PDF and SVG.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    evaluations : sequence of Evaluation
    formats : sequence of {"png", "pdf", "svg"}
    oracle : mapping from dotted key to fraction, optional
        Recalls of knowing which texts fit which images.

    Returns
    -------
    list of Path
        ``precision_recall.*`` and ``recall.*``; those without data are left out.

    Raises
    ------
    OptionError
        For an unknown format.
    """
    for name in formats:
        if name not in FORMATS:
            raise OptionError(f"the format {name!r} is unknown", where="formats", expected=f"of {', '.join(FORMATS)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    charts = {
        "precision_recall": {direction: curve_chart(evaluations, direction) for direction in DIRECTIONS},
        "recall": {direction: recall_chart(evaluations, direction, oracle) for direction in DIRECTIONS},
    }
    written = []
    for name, by_direction in charts.items():
        panels = [
            chart.properties(width=300, height=220, title=DIRECTION_NAMES[direction])
            for direction, chart in by_direction.items()
            if chart is not None
        ]
        if not panels:
            continue
        spec = alt.hconcat(*panels, spacing=28).to_dict()
        # Fonts of the system differ between machines; files for a paper use what the renderer brings.
        spec["config"] = chart_config(LIGHT, LIGHT_MODELS, font="Helvetica, Arial, sans-serif") | {
            "background": "white"
        }
        for suffix in formats:
            path = folder / f"{name}.{suffix}"
            with atomic_path(path) as temporary:
                temporary.write_bytes(_render(spec, suffix))
            written.append(path)
    return written


def vegalite_version() -> str:
    """Version of Vega-Lite that Altair writes for, as vl-convert names it."""
    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _render(spec: dict[str, Any], suffix: str) -> bytes:
    version = vegalite_version()
    if suffix == "png":
        png: bytes = vl_convert.vegalite_to_png(spec, vl_version=version, ppi=_PIXELS_PER_INCH, scale=1)
        return png
    if suffix == "pdf":
        pdf: bytes = vl_convert.vegalite_to_pdf(spec, vl_version=version)
        return pdf
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=version)
    return svg.encode()


def _curve_points(name: str, evaluation: Evaluation, direction: str) -> Iterable[dict[str, Any]]:
    curve = evaluation.category.get(direction, {}).get("pr_curve")
    if curve is None:
        return
    for recall, precision in zip(curve["recall"], curve["precision"], strict=True):
        interval = evaluation.intervals.get(f"category.{direction}.pr_curve@{recall}")
        yield {"model": name, "recall": recall, "precision": precision, **_ends(interval, precision)}


def _bar(evaluation: Evaluation, key: str) -> dict[str, Any]:
    figure = evaluation[key]
    return {
        "metric": key.rpartition(".")[2],
        "recall": figure.value,
        **_ends(figure.interval, figure.value if figure.value is not None else 0.0),
    }


def _ends(interval: tuple[float, float] | None, value: float) -> dict[str, Any]:
    low, high = interval or (value, value)
    shown = f"{100 * low:.1f}% – {100 * high:.1f}%" if interval else "not computed"
    return {"low": low, "high": high, "interval": shown}


def _chosen_model(direction: str) -> tuple[alt.Parameter, str]:
    """Parameter that names the model to bring forward, empty for all, and the condition for a mark to stand out."""
    name = f"chosen_{direction}"
    return alt.param(name=name, value=""), f"{name} == '' || datum.model == {name}"


def _model_colour(names: Sequence[str]) -> alt.Color:
    return alt.Color("model:N", title=None, sort=list(names), scale=alt.Scale(domain=list(names)))


def _scale(names: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=list(names), range=[values[at % len(values)] for at in range(len(names))])
