"""A comparison as Markdown, LaTeX, CSV, HTML and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

import ficoitr
from ficoitr.errors import OptionError, OutputError
from ficoitr.evaluation.tables import print_difference, print_figure, print_p

_VOID = {"meta", "br", "link", "img", "hr"}


class Reader(HTMLParser):
    """Collects cells and checks that elements close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.cells, self.bold = [], [], []

    def handle_starttag(self, tag, _attributes):
        if tag not in _VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data
        if "strong" in self.open:
            self.bold.append(data)


@pytest.fixture(scope="module")
def comparison(good, close, poor):
    return ficoitr.compare([good, close, poor], permutations=300, resamples=100)


def test_markdown_has_as_many_cells_in_every_row(comparison, poor):
    figures, pairs = comparison.figure_table(), comparison.pair_table()
    for table in (figures, pairs):
        lines = table.to_markdown().splitlines()
        assert len(lines) == 2 + len(table.rows)
        for line in lines:
            assert len(re.split(r"(?<!\\)\|", line)) == len(table.columns) + 2
    text = comparison.to_markdown()
    assert r"\<b>&\|poor\*_%" in text
    assert f"**{print_figure('instance.rsum', max(comparison.figures['instance.rsum']))}**" in text


def test_marks_stand_where_the_best_is_not_significantly_better(comparison):
    for row, (key, values) in zip(comparison.figure_table().rows, comparison.figures.items(), strict=True):
        best = next(at for at, cell in enumerate(row[1:]) if cell.best)
        assert values[best] == (min(values) if key.endswith("_rank") else max(values))
        for name, cell in zip(comparison.names, row[1:], strict=True):
            pair = comparison.pair(key, name, comparison.names[best])
            assert (cell.mark == "†") == (not cell.best and pair.p_holm > 0.05)


def test_latex_is_escaped_and_whole(comparison):
    text = comparison.to_latex()
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    assert r"\textbf{" in text
    assert r"\ensuremath{<}b\ensuremath{>}\&|poor*\_\%" in text
    for line in text.splitlines():
        if line.startswith("%"):
            continue
        assert not re.search(r"(?<!\\)[_%#]", line)
        assert all(character.isascii() for character in line)


def test_html_is_well_formed_and_escaped(comparison, poor):
    reader = Reader()
    reader.feed(comparison.to_html())
    assert reader.open == []
    assert [cell.strip() for cell in reader.cells[:4]] == ["Figure", *comparison.names]
    best = print_figure("instance.rsum", max(comparison.figures["instance.rsum"]))
    assert best in [text.strip() for text in reader.bold]


def test_csv_round_trips(comparison):
    rows = list(csv.DictReader(io.StringIO(comparison.to_csv())))
    assert len(rows) == len(comparison.rows)
    for read, row in zip(rows, comparison.rows, strict=True):
        assert (read["figure"], read["first"], read["second"]) == (row.figure, row.first, row.second)
        for name in ("first_value", "second_value", "effect", "p", "p_holm"):
            assert float(read[name]) == getattr(row, name)
        assert (float(read["interval_low"]), float(read["interval_high"])) == row.interval


def test_json_holds_everything(comparison):
    content = json.loads(json.dumps(comparison.to_json()))
    assert content["schema"] == "ficoitr.comparison/1"
    assert content["names"] == list(comparison.names)
    assert content["figures"]["instance.rsum"] == dict(
        zip(comparison.names, comparison.figures["instance.rsum"], strict=True)
    )
    assert [row["p"] for row in content["rows"]] == [row.p for row in comparison.rows]


@pytest.mark.parametrize("suffix", [".md", ".tex", ".csv", ".html", ".json"])
def test_saved_by_suffix(comparison, tmp_path, suffix):
    path = comparison.save(tmp_path / f"table{suffix}")
    text = path.read_text(encoding="utf-8")
    contained = {
        ".md": comparison.to_markdown(),
        ".tex": comparison.to_latex(),
        ".csv": comparison.to_csv(),
        ".html": comparison.to_html(),
        ".json": '"ficoitr.comparison/1"',
    }
    assert contained[suffix] in text
    assert list(tmp_path.iterdir()) == [path]
    if suffix == ".html":
        reader = Reader()
        reader.feed(text)
        assert reader.open == []


def test_what_cannot_be_saved_leaves_nothing(comparison, tmp_path):
    with pytest.raises(OptionError, match=r"suffix '.xlsx' is unknown"):
        comparison.save(tmp_path / "table.xlsx")
    with pytest.raises(OutputError, match="does not exist"):
        comparison.save(tmp_path / "absent" / "table.md")
    assert list(tmp_path.iterdir()) == []


def test_numbers_are_printed_in_their_unit():
    assert print_figure("category.i2t.mAP@N", 0.12349) == "12.3"
    assert print_figure("instance.t2i.mean_rank", 12.34) == "12.3"
    assert print_figure("instance.rsum", 512.06) == "512.1"
    assert print_figure("instance.rsum", None) == "n/a"
    assert print_difference("instance.t2i.R@1", -0.0123) == "−1.2"
    assert print_difference("instance.t2i.median_rank", 2.0) == "+2.0"
    assert [print_p(p) for p in (1.0, 0.00009999, 0.000001, None)] == ["1.0000", "0.0001", "1e-06", "n/a"]
