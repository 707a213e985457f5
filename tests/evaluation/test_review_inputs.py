"""What the command line takes runs for, what it refuses before the work, and how calls at once share the processors."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import ficoitr
from ficoitr.cli.application import application
from ficoitr.cli.console import split_list
from ficoitr.errors import CaptionMapError, FicoitrError, IdentifierError, OptionError, OutputError
from ficoitr.models.baseline.threads import one_blas_thread
from ficoitr.outputs import RankedLists, write_run
from ficoitr.similarity.threads import single_threaded_blas

N_IMAGES, EACH = 10, 5
N_TEXTS = N_IMAGES * EACH
MAP = np.repeat(np.arange(N_IMAGES), EACH)
SCORES = np.random.default_rng(0).normal(size=(N_IMAGES, N_TEXTS))
# Lists of 8 that never name the last texts, nor the last images.
SCORES[:, 40:] -= 100
SCORES[8:] -= 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, scores in (("i2t", SCORES), ("t2i", SCORES.T)):
        rows = np.argsort(-scores, axis=1)[:, :8]
        lists = RankedLists.from_arrays(rows, np.take_along_axis(scores, rows, axis=1), n_candidates=scores.shape[1])
        queries, candidates = (list(map(str, range(size))) for size in scores.shape)
        write_run(tmp_path / f"{name}.run", lists, query_ids=queries, candidate_ids=candidates)
    np.save(tmp_path / "map.npy", MAP)
    (tmp_path / "map.json").write_text(json.dumps(MAP.tolist()))
    (tmp_path / "named.json").write_text(json.dumps({str(text): int(image) for text, image in enumerate(MAP)}))
    np.save(tmp_path / "short.npy", MAP[:40])
    (tmp_path / "images.txt").write_text("".join(f"{row}\n" for row in range(N_IMAGES)))
    (tmp_path / "texts.txt").write_text("".join(f"{row}\n" for row in range(N_TEXTS)))
    np.save(tmp_path / "scores.npy", SCORES)
    return tmp_path


def evaluate(folder: Path, words: str) -> None:
    """Run ``ficoitr evaluate``; words that name a file in the folder are its path."""
    paths = [str(folder / word) if "." in word or "/" in word else word for word in words.split()]
    application(["evaluate", *paths, "--resamples", "0", "--json"], standalone_mode=False)


IDS = "--image-ids images.txt --text-ids texts.txt"


@pytest.mark.parametrize("run", ["i2t", "t2i", "both"])
@pytest.mark.parametrize(
    "known",
    [
        IDS,
        "--text-to-image map.npy",
        "--text-to-image map.json",
        "--text-to-image named.json",
        "--captions-per-image 5",
        "--image-ids images.txt --captions-per-image 5",
        "--text-ids texts.txt --captions-per-image 5",
        "--text-ids texts.txt --text-to-image map.npy",
    ],
)
def test_a_run_is_of_all_images_and_texts(
    folder: Path, capsys: pytest.CaptureFixture[str], run: str, known: str
) -> None:
    directions = ["i2t", "t2i"] if run == "both" else [run]
    evaluate(folder, " ".join(f"--run-{one} {one}.run" for one in directions) + f" {known}")
    result = json.loads(capsys.readouterr().out)
    whole = ficoitr.evaluate(scores=SCORES, text_to_image=MAP, resamples=0)
    assert result["candidates"] == {one: {"i2t": N_TEXTS, "t2i": N_IMAGES}[one] for one in directions}
    for one in directions:
        assert result["instance"][one]["R@5"] == whole[f"instance.{one}.R@5"].value


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        ("--run-i2t i2t.run", OptionError, "--image-ids and --text-ids"),
        ("--run-i2t i2t.run --run-t2i t2i.run", OptionError, "--image-ids and --text-ids"),
        ("--run-i2t i2t.run --image-ids images.txt", OptionError, "a run need not name all that is searched"),
        ("--run-i2t i2t.run --text-to-image short.npy", IdentifierError, "'8' is unknown"),
        ("--run-t2i t2i.run --text-to-image short.npy", IdentifierError, "'40' is unknown"),
        ("--run-t2i t2i.run --captions-per-image 7", CaptionMapError, "there are 50"),
        ("--run-i2t i2t.run --captions-per-image 0", CaptionMapError, "captions_per_image is 0"),
    ],
)
def test_a_run_alone_says_not_what_was_searched(folder: Path, words: str, error: type[FicoitrError], says: str) -> None:
    with pytest.raises(error) as caught:
        evaluate(folder, words)
    assert says in str(caught.value)


@pytest.mark.parametrize("target", ["map.npy", "map.npy/runs", "locked/runs"])
def test_the_folder_of_runs_is_checked_before_the_work(folder: Path, target: str) -> None:
    locked = folder / "locked"
    locked.mkdir()
    if target.startswith("locked"):
        locked.chmod(0o500)
        try:
            (locked / "probe").touch()
        except PermissionError:
            pass
        else:
            pytest.skip("this user may write everywhere")
    with pytest.raises(OutputError) as caught:
        evaluate(folder, f"--scores scores.npy --captions-per-image 5 --output result.json --export-trec {target}")
    assert target in str(caught.value)
    assert not (folder / "result.json").exists()


def test_a_folder_of_runs_that_is_not_there_is_made(folder: Path) -> None:
    evaluate(folder, "--scores scores.npy --captions-per-image 5 --export-trec new/runs")
    assert len(list((folder / "new" / "runs").iterdir())) == 4


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 5,10", ["1", "5", "10"]),
        (
            "nDCG(discount=log,gain=exponential)@10, P@5",
            ["nDCG(discount=log,gain=exponential)@10", "P@5"],
        ),
        ("mAP(denominator=total)@N", ["mAP(denominator=total)@N"]),
    ],
)
def test_commas_within_parentheses_part_options(text: str, values: list[str]) -> None:
    assert split_list(text) == values


def blas_threads() -> dict[str, int]:
    return {
        library["filepath"]: library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_limits_that_overlap_in_time_restore_what_was_there() -> None:
    before = blas_threads()
    if set(before.values()) <= {1}:
        pytest.skip("BLAS has one thread, or none that can be limited")
    entered, leave, left, finish = (Event() for _ in range(4))

    def first_to_come() -> None:
        with one_blas_thread():
            entered.set()
            leave.wait(30)
        left.set()
        finish.wait(30)

    first = Thread(target=first_to_come)
    first.start()
    assert entered.wait(30)
    with single_threaded_blas():
        leave.set()
        assert left.wait(30)
        assert set(blas_threads().values()) == {1}
    after = blas_threads()
    finish.set()
    first.join()
    assert after == before


def test_categories_in_another_order_of_rows_are_refused_with_the_reason() -> None:
    generator = np.random.default_rng(1)
    images, labels = generator.normal(size=(20, 4)), np.arange(20) % 4
    order = generator.permutation(20)
    evaluations = [
        ficoitr.evaluate(
            images[rows],
            images[rows],
            captions_per_image=1,
            categories=labels[rows],
            image_ids=[f"image {row}" for row in rows],
            text_ids=[f"text {row}" for row in rows],
            category_k=["N"],
            resamples=0,
        )
        for rows in (np.arange(20), order)
    ]
    with pytest.raises(OptionError, match="for category figures the rows must be in the same order"):
        ficoitr.compare(evaluations)
    comparison = ficoitr.compare(evaluations, figures=["instance.t2i.R@1"], permutations=10, resamples=10)
    assert comparison.rows[0].effect == 0
