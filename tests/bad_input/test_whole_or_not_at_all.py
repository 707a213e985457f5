"""Nothing is ever half-written: readers see the old file or the whole new one, and failures leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ficoitr
from ficoitr import Embeddings, Evaluation
from ficoitr.errors import OutputError
from ficoitr.outputs.files import atomic_path

IMAGES = np.random.default_rng(0).normal(size=(6, 4))
ROWS, WIDTH = 200_000, 16
WRITING_FOR_EVER = f"""
import sys
import numpy as np
from ficoitr import Embeddings
versions = [Embeddings(np.full(({ROWS}, {WIDTH}), value, dtype=np.float32)) for value in (1, 2)]
print("ready", flush=True)
while True:
    for version in versions:
        version.save(sys.argv[1])
"""
NO_ROOM = """
import resource, sys
import numpy as np
from ficoitr import Embeddings
from ficoitr.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
try:
    Embeddings(np.ones((100_000, 16))).save(sys.argv[1])
except OutputError as error:
    print(error)
"""


def test_kill_during_save_leaves_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "images.npy"
    Embeddings(np.zeros((ROWS, WIDTH), dtype=np.float32)).save(target)
    for milliseconds in (1, 5, 12):
        writer = subprocess.Popen([sys.executable, "-c", WRITING_FOR_EVER, str(target)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(milliseconds / 1000)
        writer.kill()
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        values = Embeddings.load(target).values
        assert values.shape == (ROWS, WIDTH)
        assert values.min() == values.max()


def test_kill_within_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")
    code = (
        "import sys, time\n"
        "from ficoitr.outputs.files import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half of the n')\n"
        "    print('half', flush=True)\n"
        "    time.sleep(60)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"half\n"
    writer.kill()
    writer.wait()
    writer.stdout.close()
    assert target.read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes are limited by resource limits")
def test_full_disk_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    target = tmp_path / "images.npy"
    Embeddings(IMAGES).save(target)
    done = subprocess.run([sys.executable, "-c", NO_ROOM, str(target)], capture_output=True, text=True, check=True)
    assert f"{target}: writing failed" in done.stdout
    assert "free space" in done.stdout
    np.testing.assert_array_equal(Embeddings.load(target).values, IMAGES)
    assert list(tmp_path.iterdir()) == [target]


def write_half(target: Path, error: type[BaseException]) -> None:
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_interrupted_write_leaves_the_old_file_and_no_temporary(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(OutputError if error is OSError else error):
        write_half(target, error)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_result_that_cannot_replace_the_old_one_leaves_it_usable(tmp_path: Path) -> None:
    texts = IMAGES + 0.1
    old = ficoitr.evaluate(IMAGES, texts, captions_per_image=1, resamples=0, name="old").save(tmp_path / "result.json")
    (tmp_path / "result.queries.parquet").rename(tmp_path / "kept")
    (tmp_path / "result.queries.parquet").mkdir()
    new = ficoitr.evaluate(texts, IMAGES, captions_per_image=1, resamples=0, name="new")
    with pytest.raises(OutputError, match="folder of that name"):
        new.save(tmp_path / "result.json")
    (tmp_path / "result.queries.parquet").rmdir()
    (tmp_path / "kept").rename(tmp_path / "result.queries.parquet")
    loaded = Evaluation.load(tmp_path / "result.json")
    assert loaded.name == old.name
    assert loaded.per_query_values().keys() == {"i2t", "t2i"}


def test_saved_files_can_be_read_by_others(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    Embeddings(IMAGES).save(tmp_path / "images.npy")
    assert (tmp_path / "images.npy").stat().st_mode == plain.stat().st_mode
