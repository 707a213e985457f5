"""The report as a file: what it holds, that it loads nothing, that it is well formed."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from ficoitr.data import data_card, load_dataset
from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.errors import FileFormatError, OptionError, OutputError
from ficoitr.evaluation.code_table import print_codes
from ficoitr.evaluation.tables import print_figure, print_interval
from ficoitr.report import write_report
from report.conftest import HOSTILE

_VOID = {"meta", "link", "img", "br", "hr", "input"}
_LOADING = {"src", "srcset", "href", "action", "data", "poster", "background", "formaction", "ping"}


class Page(HTMLParser):
    """Elements, checked to close in order; addresses; text by section; JSON scripts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.texts, self.specifications = [], [], {}, []
        self.section = ""
        self.ids, self.tags = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.addresses += [(tag, value) for name, value in attrs if name in _LOADING]
        if tag == "section":
            self.section = attributes.get("id", "glance")
        if tag not in _VOID:
            self.open.append((tag, attributes))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "script" and attributes.get("type") == "application/json":
            self.specifications.append(json.loads(data))
        elif tag not in ("script", "style"):
            self.texts[self.section] = f"{self.texts.get(self.section, '')} {data}"


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def test_every_figure_with_its_interval_and_band(parsed, evaluations):
    shown = parsed.texts["ranges"]
    for evaluation in evaluations:
        for figure in evaluation.figures():
            assert print_figure(figure.key, figure.value) in shown
            assert print_interval(figure.key, figure.interval) in shown
            if figure.ties[0] != figure.ties[1]:
                assert print_interval(figure.key, figure.ties) in shown


def test_tables_of_the_papers_shape(parsed, evaluations):
    for section, keys in (
        ("instance", [f"instance.{way}.R@{k}" for way in ("i2t", "t2i") for k in (1, 5, 10)] + ["instance.rsum"]),
        ("category", [f"category.{way}.mAP@{k}" for way in ("i2t", "t2i") for k in (10, 100, "N")]),
    ):
        words = parsed.texts[section].split()
        for evaluation in evaluations:
            assert all(print_figure(key, evaluation[key].value) in words for key in keys)
    assert "oracle" in parsed.texts["instance"]
    assert "99.0" in parsed.texts["instance"]


def test_comparison_efficiency_protocol_and_provenance(parsed, evaluations, comparison):
    for table in (comparison.figure_table(), comparison.pair_table()):
        for row in table.rows:
            assert all(cell.text in parsed.texts["comparison"] for cell in row)
    for text in ("412,672", "1.23", "250.0 KiB", "8 B", "n/a", "Text encoding (s)"):
        assert text in parsed.texts["efficiency"]
    assert "mean over all their orders" in parsed.texts["protocol"]
    for evaluation in evaluations:
        everything = parsed.texts["provenance"]
        assert evaluation.signature in everything
        assert all(signature in everything for signature in evaluation.signatures.values())
        assert all(digest in everything for digest in evaluation.inputs.values())
        assert evaluation.environment["processor"] in everything


def test_statistics_of_codes_where_there_are_codes(parsed, evaluations, tmp_path):
    shown = parsed.texts["codes"]
    for statistics in evaluations[1].codes.values():
        assert all(text in shown for text in print_codes(statistics).values())
    assert HOSTILE in shown
    assert "fine" not in shown
    alone = Page(write_report(tmp_path / "codes.html", evaluations[1:], title="Codes").read_text(encoding="utf-8"))
    assert alone.texts["codes"].split() == shown.replace(HOSTILE, "").split()
    dense = write_report(tmp_path / "dense.html", evaluations[:1], title="Dense").read_text(encoding="utf-8")
    assert "codes" not in Page(dense).texts
    assert 'href="#codes"' not in dense


def test_statistics_of_codes_stand_under_their_model(evaluations, tmp_path):
    other = evaluations[1].model_copy(update={"name": "other"})
    page = write_report(tmp_path / "two.html", [*evaluations, other], title="Three").read_text(encoding="utf-8")
    section = page[page.index('<section id="codes"') :].partition("</section>")[0]
    headings = re.findall(r'<th colspan="2" scope="colgroup"><span [^>]*></span>([^<]*)</th>', section)
    assert headings == [html.escape(HOSTILE, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"), "other"]


def test_names_are_escaped(parsed, page):
    assert f"A title {HOSTILE}" in parsed.texts[""]
    for section in ("instance", "category", "codes", "comparison", "efficiency", "ranges"):
        assert HOSTILE in parsed.texts[section]
    assert f"A note {HOSTILE}." in parsed.texts["provenance"]
    assert "b" not in parsed.tags
    assert "<b>&" not in page


def test_nothing_is_loaded(parsed, page):
    for tag, address in parsed.addresses:
        assert address.startswith(("#", "data:")), (tag, address)
    anchors = {address[1:] for tag, address in parsed.addresses if tag == "a"}
    assert anchors <= set(parsed.ids)
    assert "default-src 'none'" in page
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert "@import" not in styles
    assert "url(" not in styles
    own = page[page.rindex("<script>") :]
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|https?://", own)
    assert "http" not in json.dumps(parsed.specifications)


def test_vega_is_put_in_once(page):
    assert page.count("window.vegaEmbed=") == 1
    assert page.count('<script id="vega">') == 1
    assert len(page) < 1_400_000


def test_charts_hold_the_figures(parsed, evaluations):
    charts = [one for one in parsed.specifications if "layer" in one]
    assert len(charts) == 4
    values = json.dumps(charts)
    for evaluation in evaluations:
        for direction in ("i2t", "t2i"):
            assert all(str(one) in values for one in evaluation.category[direction]["pr_curve"]["precision"])
            assert str(evaluation[f"instance.{direction}.R@1"].value) in values


def test_headings_descend_without_gaps(parsed):
    levels = [int(tag[1]) for tag in parsed.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_one_evaluation_without_intervals_or_labels(evaluations, tmp_path):
    only = evaluations[0].model_copy(update={"intervals": {}, "ties": {}, "category": {}, "name": ""})
    parsed = Page(write_report(tmp_path / "one.html", [only], title="One").read_text(encoding="utf-8"))
    assert "model 1" in parsed.texts["instance"]
    assert "category" not in parsed.texts
    assert "comparison" not in parsed.texts


def test_unequal_protocols_stand_side_by_side(evaluations, tmp_path):
    other = evaluations[1].model_copy(
        update={"protocol": evaluations[1].protocol.changed(denominator="total"), "name": "other"}
    )
    text = write_report(tmp_path / "two.html", [evaluations[0], other], title="Two").read_text(encoding="utf-8")
    assert "“retrieved”" in Page(text).texts["protocol"]
    assert "“total”" in Page(text).texts["protocol"]


def test_what_cannot_be_reported(evaluations, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("before")
    (tmp_path / "picture.bmp").write_bytes(b"BM")
    with pytest.raises(OptionError, match="nothing to report"):
        write_report(path, [], title="x")
    with pytest.raises(FileFormatError, match="no such file"):
        write_report(path, evaluations, title="x", pictures={"absent": tmp_path / "absent.png"})
    with pytest.raises(OptionError, match=r"a picture is a .bmp"):
        write_report(path, evaluations, title="x", pictures={"bitmap": tmp_path / "picture.bmp"})
    with pytest.raises(OutputError, match="does not exist"):
        write_report(tmp_path / "absent" / "report.html", evaluations, title="x")
    assert path.read_text() == "before"


def test_the_dataset_is_shown_with_its_card(evaluations, tmp_path):
    dataset = load_dataset("scenes", train=30, validation=10, test=10)
    path = write_report(tmp_path / "report.html", evaluations, title="A report", dataset=dataset)
    text = path.read_text(encoding="utf-8")
    section = text[text.index('<section id="dataset"') :].partition("</section>")[0]
    card = data_card(dataset)
    assert section.count("data:image/webp;base64,") == len(card.samples) == 12
    for one in card.samples:
        assert html.escape(one.texts[0]) in section
    assert card.digest in section
    assert f"{card.labels.counts[0].images:,}" in section
    assert 'href="#dataset"' in text


def test_a_dataset_without_pixels_or_words(evaluations, tmp_path):
    dataset = replace(
        load_dataset("scenes", train=10, validation=0, test=10),
        images=AbsentImages(20, "None are published"),
        texts=AbsentTexts(100, "None are published"),
        name="<b>features</b>",
    )
    text = write_report(tmp_path / "r.html", evaluations, title="A report", dataset=dataset).read_text(encoding="utf-8")
    section = text[text.index('<section id="dataset"') :].partition("</section>")[0]
    assert "<img" not in section
    assert "&lt;b&gt;features&lt;/b&gt;" in section
