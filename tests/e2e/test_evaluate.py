"""`ficoitr evaluate` in all its forms, and `ficoitr compare` on what it writes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from e2e.conftest import Run, command_line
from ficoitr import Evaluation, RankedLists
from ficoitr.outputs import write_run

EMBEDDINGS = ("--images", "images.npy", "--texts", "texts.npy")
CODES = ("--image-codes", "image_codes.npy", "--text-codes", "text_codes.npy", "--packed", "--bits", "24")
QUICK = ("--captions-per-image", "3", "--resamples", "0")


@pytest.fixture(scope="module")
def results(folder: Path, run: Run) -> tuple[Path, Path]:
    """Two results, of embeddings and of poorer ones."""
    for name, texts in (("good", "texts.npy"), ("poor", "other_texts.npy")):
        words = ("--images", "images.npy", "--texts", texts, "--captions-per-image", "3", "--categories", "labels.npy")
        done = run("evaluate", *words, "--category-k", "10,N", "--resamples", "100", "--output", f"{name}.json")
        assert done.returncode == 0, done.stderr
        assert f"Wrote {name}.json" in done.stderr
    return folder / "good.json", folder / "poor.json"


def figures(printed: str) -> dict[str, dict[str, float]]:
    """The instance task of printed JSON."""
    content = json.loads(printed)
    return {direction: content["instance"][direction] for direction in ("i2t", "t2i")}


def test_forms_of_outputs_agree(run: Run) -> None:
    forms = {
        "embeddings": (*EMBEDDINGS, "--measure", "inner_product"),
        "one score matrix": ("--scores", "scores.npy"),
        "two score matrices": ("--scores-i2t", "scores.npy", "--scores-t2i", "scores_t2i.npy"),
    }
    printed = {}
    for form, words in forms.items():
        done = run("evaluate", *words, *QUICK, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        printed[form] = figures(done.stdout)
    assert printed["one score matrix"] == printed["two score matrices"] == printed["embeddings"]


def test_codes_packed_and_as_bits(run: Run) -> None:
    packed = run("evaluate", *CODES, "--text-to-image", "map.npy", "--resamples", "0", "--json")
    bits = run("evaluate", "--image-codes", "image_bits.npy", "--text-codes", "text_bits.npy", *QUICK, "--json")
    assert packed.returncode == bits.returncode == 0, packed.stderr + bits.stderr
    assert figures(packed.stdout) == figures(bits.stdout)
    assert "measure:hamming" in json.loads(packed.stdout)["signature"]


def test_statistics_of_codes_are_printed(run: Run) -> None:
    printed = run("evaluate", *CODES, *QUICK).stdout
    table = printed[printed.index("Hash codes") :]
    rows = {line[:22].strip(): line[22:].split() for line in table.splitlines()}
    assert rows["items"] == ["40", "120"]
    assert rows["bits"] == ["24", "24"]
    assert rows["constant bits"] == ["0", "0"]
    assert rows["distinct codes"][:2] == ["40", "(100.0%)"]
    assert "Hash codes" not in run("evaluate", *EMBEDDINGS, *QUICK).stdout


@pytest.mark.parametrize("suffix", [".run", ".parquet"])
def test_ranked_lists(folder: Path, run: Run, suffix: str) -> None:
    images, texts = (
        [f"{kind} {row}".replace(" ", "_") for row in range(n)] for kind, n in (("image", 40), ("text", 120))
    )
    for name, queries, candidates, scores in (
        ("i2t", images, texts, np.load(folder / "scores.npy")),
        ("t2i", texts, images, np.load(folder / "scores_t2i.npy")),
    ):
        rows = np.argsort(-scores, axis=1)[:, :20]
        lists = RankedLists.from_arrays(rows, np.take_along_axis(scores, rows, axis=1), n_candidates=scores.shape[1])
        write_run(folder / f"{name}{suffix}", lists, query_ids=queries, candidate_ids=candidates)
    (folder / "images.txt").write_text("\n".join(images) + "\n")
    (folder / "texts.txt").write_text("\n".join(texts) + "\n")
    words = (
        "--run-i2t",
        f"i2t{suffix}",
        "--run-t2i",
        f"t2i{suffix}",
        "--image-ids",
        "images.txt",
        "--text-ids",
        "texts.txt",
    )
    done = run("evaluate", *words, *QUICK, "--json")
    assert done.returncode == 0, done.stderr
    whole = figures(run("evaluate", "--scores", "scores.npy", *QUICK, "--json").stdout)
    for direction, row in figures(done.stdout).items():
        assert row["R@10"] == whole[direction]["R@10"]
        assert row["mean_rank"] is None
    assert any("not applicable" in note for note in json.loads(done.stdout)["notes"])


def test_table_for_people(run: Run) -> None:
    done = run("evaluate", *EMBEDDINGS, "--categories", "labels.npy", "--category-k", "10,N", "--resamples", "100")
    assert done.returncode == 0, done.stderr
    for said in ("Instance retrieval", "Category retrieval", "40 × 120", "120 × 40", "R@10", "mAP@N", "rSum"):
        assert said in done.stdout
    assert re.search(r"\d+\.\d \[\d+\.\d, \d+\.\d\]", done.stdout)
    assert "Note: assumed 3 texts an image, in image order" in done.stdout
    assert "protocol:fico|" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert done.stderr == "", "a progress bar is for terminals"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of Unix")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_on_a_terminal_unless_refused(folder: Path, no_color: str) -> None:
    environment = {"FORCE_COLOR": "1", "TERM": "xterm-256color"} | ({"NO_COLOR": no_color} if no_color else {})
    done = command_line("evaluate", *EMBEDDINGS, *QUICK, folder=folder, **environment)
    assert done.returncode == 0, done.stderr
    assert ("\x1b[33m" in done.stdout) == (not no_color)


def test_results_on_disk(results: tuple[Path, Path]) -> None:
    good, poor = (Evaluation.load(path) for path in results)
    assert (good.name, poor.name) == ("good", "poor")
    assert good["instance.t2i.R@1"].value > poor["instance.t2i.R@1"].value
    assert set(good.per_query_values()) == {"i2t", "t2i"}


def test_compare_prints_a_table_and_json(results: tuple[Path, Path], run: Run) -> None:
    printed = run("compare", "good.json", "poor.json", "--permutations", "500")
    assert printed.returncode == 0, printed.stderr
    assert "instance.t2i.R@1" in printed.stdout
    assert "\x1b" not in printed.stdout
    as_json = run("compare", "good.json", "poor.json", "--permutations", "500", "--json")
    assert as_json.returncode == 0, as_json.stderr
    assert json.loads(as_json.stdout)["names"] == ["good", "poor"]


@pytest.mark.parametrize(
    ("suffix", "holds"), [(".md", "| "), (".tex", "\\toprule"), (".csv", "figure,"), (".html", "<table>")]
)
def test_compare_writes_tables(results: tuple[Path, Path], run: Run, folder: Path, suffix: str, holds: str) -> None:
    done = run("compare", "good.json", "poor.json", "--permutations", "100", "--output", f"table{suffix}")
    assert done.returncode == 0, done.stderr
    assert holds in (folder / f"table{suffix}").read_text()


def test_compare_refuses_other_queries(results: tuple[Path, Path], run: Run) -> None:
    done = run("evaluate", "--scores", "scores_t2i.npy", "--captions-per-image", "1", "--resamples", "0")
    assert done.returncode == 1
    words = ("--images", "images.npy", "--texts", "images.npy", *QUICK[2:], "--output", "pairs.json")
    assert run("evaluate", *words).returncode == 0
    refused = run("compare", "good.json", "pairs.json")
    assert refused.returncode in (1, 2)
    assert refused.stderr.startswith("Error: ")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("evaluate", "--images", "none.npy", "--texts", "texts.npy"), 1, "none.npy: no such file"),
        (("evaluate", "--images", "texts.npy", "--texts", "images.npy"), 1, "swapped"),
        (("evaluate", *EMBEDDINGS, "--k", "0"), 2, "the cut-off '0' is out of range"),
        (("evaluate", *EMBEDDINGS, "--nonsense"), 2, "No such option"),
        (("evaluate", *EMBEDDINGS, "--resamples", "many"), 2, "--resamples"),
        (("evaluate", *EMBEDDINGS, *QUICK, "--output", "no/result.json"), 1, "Create the folder"),
        (("compare", "none.json", "none.json"), 1, "none.json: no such file"),
        (("nonsense",), 2, "No such command"),
        ((), 2, ""),
    ],
)
def test_exit_codes(run: Run, words: tuple[str, ...], code: int, says: str) -> None:
    done = run(*words)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("value", ["abc", "0"])
def test_threads_of_the_environment(run: Run, value: str) -> None:
    done = run("evaluate", *EMBEDDINGS, *QUICK, FICOITR_THREADS=value)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: threads: '{value}' threads were asked for")


@pytest.mark.parametrize("images", ["image_embeddings.npy", "once.npy"], ids=["repeated", "once"])
def test_golden_recalls_of_clip(test_data: Path, tmp_path: Path, images: str) -> None:
    data = test_data / "clip_flickr8k100"
    np.save(tmp_path / "once.npy", np.load(data / "image_embeddings.npy")[::5])
    path = data / images if images.startswith("image") else tmp_path / images
    words = ("--images", path, "--texts", data / "text_embeddings.npy", "--captions-per-image", "5", "--resamples", "0")
    done = command_line("evaluate", *words, "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    golden = {"i2t": (0.93, 1.0, 1.0), "t2i": (0.832, 0.99, 0.998)}
    for direction, row in figures(done.stdout).items():
        assert [row[f"R@{k}"] for k in (1, 5, 10)] == pytest.approx(golden[direction], abs=1e-12)
