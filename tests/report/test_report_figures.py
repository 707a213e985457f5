"""Figures for a paper, colours, and the protocol in words."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ficoitr.errors import OptionError
from ficoitr.evaluation.protocol import protocols
from ficoitr.report import save_figures
from ficoitr.report.theme import DARK, DARK_MODELS, LIGHT, LIGHT_MODELS
from ficoitr.report.words import describe, headlines
from report.conftest import HOSTILE, ORACLE


def test_figures_in_all_formats(evaluations, tmp_path):
    written = save_figures(tmp_path / "figures", evaluations, oracle=ORACLE)
    assert sorted(path.name for path in written) == sorted(
        f"{name}.{suffix}" for name in ("precision_recall", "recall") for suffix in ("png", "pdf", "svg")
    )
    for path in written:
        content = path.read_bytes()
        if path.suffix == ".png":
            image = Image.open(io.BytesIO(content))
            assert image.width > 2000
            assert image.info["dpi"][0] == pytest.approx(300, abs=1)
            assert len(image.convert("RGB").getcolors(1 << 20)) > 20
        elif path.suffix == ".pdf":
            assert content.startswith(b"%PDF")
        else:
            assert b"<svg" in content
            assert b"Text to image" in content
            assert b"var(" not in content


def test_only_what_there_is_is_drawn(evaluations, tmp_path):
    only_instance = [one.model_copy(update={"category": {}}) for one in evaluations]
    assert [path.name for path in save_figures(tmp_path, only_instance, ["svg"])] == ["recall.svg"]


def test_an_unknown_format_is_refused(evaluations, tmp_path):
    with pytest.raises(OptionError, match="format 'gif' is unknown"):
        save_figures(tmp_path, evaluations, ["gif"])


def contrast(one, other):
    """Contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("scheme", "models"), [(LIGHT, LIGHT_MODELS), (DARK, DARK_MODELS)])
def test_colours_are_legible(scheme, models):
    for background in (scheme["page"], scheme["surface"]):
        assert all(contrast(colour, background) >= 3 for colour in models)
        assert all(contrast(scheme[text], background) >= 4.5 for text in ("ink", "muted", "accent"))
    assert contrast(scheme["ink"], scheme["tint"]) >= 4.5
    assert len(set(models)) == len(models)


@pytest.mark.parametrize("name", list(protocols()))
def test_every_protocol_can_be_said(name):
    protocol = protocols()[name]
    said = {clause.term: clause.text for clause in describe(protocol)}
    assert name in said["Name"]
    for metric in protocol.metrics("instance") + protocol.metrics("category"):
        assert any(str(metric) in term.split(", ") for term in said)
    assert ("Folds" in said) == (protocol.fold is not None)
    assert ("Split" in said) == protocol.split
    assert ("Median" in said) == (protocol.median == "floor")
    assert all(text.endswith(".") for text in said.values())


def test_headlines_name_the_leader_and_how_sure_that_is(evaluations, comparison):
    first = headlines(evaluations, comparison)[0]
    row = comparison.pair("instance.rsum", "fine", HOSTILE)
    leader = "fine" if row.effect > 0 else HOSTILE
    assert (first.figure, first.winner) == ("Instance, rSum", leader)
    assert f"{abs(row.effect):.1f} ahead of" in first.text
    assert ("not significant" in first.text) == (not row.significant)
    assert "95% interval" in headlines(evaluations[:1])[0].text
