"""Features on disk: found by content, continued after a kill, the same to the last bit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.errors import FileFormatError, OutputError
from ficoitr.models.features import extract_features, readable, save_features, shared_features

SIZES = {"train": 400, "validation": 2, "test": 30}
CHILD = """
import sys
from ficoitr.data import load_dataset
from ficoitr.models.features import cache, extract_features

cache._SECONDS_BETWEEN_CHECKPOINTS = 0.0
train = load_dataset("scenes", train=400, validation=2, test=30).split("train")
extract_features(train, "global", cache=sys.argv[1], progress=lambda *step: print(step[1], flush=True))
"""


@pytest.fixture(scope="module")
def scenes():
    return load_dataset("scenes", **SIZES)


class CountingImages:
    """Images that count how often each is decoded."""

    def __init__(self, images):
        self.images = images
        self.decoded = Counter()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        self.decoded[row] += 1
        return self.images[row]

    def digest(self):
        return self.images.digest()


def counting(dataset):
    images = CountingImages(dataset.images)
    return replace(dataset, images=images), images.decoded


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


def test_what_is_there_is_opened(scenes, tmp_path):
    test, decoded = counting(scenes.split("test"))
    plain = extract_features(test, "global")
    first = extract_features(test, "global", cache=tmp_path / "new" / "cache")
    assert decoded == Counter(dict.fromkeys(range(30), 2))
    again = extract_features(test, "global", cache=tmp_path / "new" / "cache")
    assert decoded == Counter(dict.fromkeys(range(30), 2))
    assert isinstance(again, np.memmap)
    assert not again.flags.writeable
    for values in (first, again):
        np.testing.assert_array_equal(values, plain)


def test_other_content_or_settings_are_other_files(scenes, tmp_path):
    test = scenes.split("test")
    for dataset in (test, test.select(np.arange(29)), test.select(np.arange(30)[::-1])):
        extract_features(dataset, "global", cache=tmp_path)
    extract_features(test, "region-set", cache=tmp_path)
    assert len(files(tmp_path)) == 4
    extract_features(replace(test, extra={}), "region-set", cache=tmp_path)
    assert len(files(tmp_path)) == 5
    for path in tmp_path.glob("*.json"):
        record = json.loads(path.read_text())
        assert record["key"]["features"]["name"] in path.name
        assert record["rows"] == record["shape"][0]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_extraction_goes_on_and_gives_the_same_bytes(scenes, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "killed")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert [int(child.stdout.readline()) for _ in range(3)] == [64, 128, 192]
    child.kill()
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    assert files(tmp_path / "killed").keys() == {name for name in files(tmp_path / "killed") if name.startswith(".")}
    [record] = (tmp_path / "killed").glob("[!.]*.json")
    left = json.loads(record.read_text())["rows"]
    (record.parent / f".{record.name}.abc.json").write_text("{")  # as a kill within the writing of the record leaves it
    assert left in (128, 192, 256, 320)

    train, decoded = counting(scenes.split("train"))
    resumed = extract_features(train, "global", cache=tmp_path / "killed")
    assert decoded == Counter(range(left, 400))
    assert list(record.parent.glob("*.json")) == [record]
    whole = extract_features(scenes.split("train"), "global", cache=tmp_path / "whole")
    np.testing.assert_array_equal(resumed, whole)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_an_unreadable_image_stops_it_and_what_came_before_stays(scenes, tmp_path):
    class Broken(CountingImages):
        def __getitem__(self, row):
            if row == 200:
                raise FileFormatError("the image cannot be decoded", where="200.png")
            return super().__getitem__(row)

    train = scenes.split("train")
    broken = replace(train, images=Broken(train.images))
    with pytest.raises(FileFormatError, match=r"200\.png"):
        extract_features(broken, "global", cache=tmp_path)
    assert not [name for name in files(tmp_path) if not name.startswith(".")]


def test_of_two_at_once_one_extracts(scenes, tmp_path):
    test, decoded = counting(scenes.split("test"))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(extract_features(test, "global", cache=tmp_path)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded == Counter(range(30))
    np.testing.assert_array_equal(*found)


def test_a_damaged_file_is_named(scenes, tmp_path):
    test = scenes.split("test")
    extract_features(test, "global", cache=tmp_path)
    [path] = tmp_path.glob("*.npy")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FileFormatError, match=path.name):
        extract_features(test, "global", cache=tmp_path)
    np.save(path, np.zeros((30, 3), np.float32))
    with pytest.raises(FileFormatError, match="Remove the file"):
        extract_features(test, "global", cache=tmp_path)


def test_a_folder_that_cannot_be_written_is_named(scenes, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/cache.*cannot be written"):
        extract_features(scenes.split("test"), "global", cache=tmp_path / "file" / "cache")


def test_no_more_than_a_few_batches_are_held(scenes):
    train, decoded = counting(scenes.split("train"))
    ahead = []
    extract_features(train, "global", progress=lambda _, done, __: ahead.append(sum(decoded.values()) - done))
    import os

    threads = min(os.cpu_count() or 1, 16)
    assert max(ahead) <= (threads + 1) * 64


def test_a_cache_serves_models_as_well(scenes, tmp_path):
    test, decoded = counting(scenes.split("test"))
    for _ in range(2):
        with shared_features(tmp_path):
            values = extract_features(test, "regions")
            assert extract_features(test, "regions") is values
    assert decoded == Counter(range(30))


def test_images_that_cannot_be_read_are_left_out_on_request(scenes, tmp_path):
    test = scenes.split("test")
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    lines = ["image,caption"]
    for row, image in enumerate(test.images):
        image.save(folder / "images" / f"{row}.png")
        lines.append(f"{row}.png,picture number {row}")
    (folder / "captions.csv").write_text("\n".join(lines))
    whole = (folder / "images" / "7.png").read_bytes()
    (folder / "images" / "7.png").write_bytes(whole[: len(whole) // 2])
    (folder / "images" / "9.png").write_bytes(b"no image")
    photos = load_dataset(folder)
    with pytest.raises(FileFormatError, match=r"7\.png"):
        extract_features(photos, "global", cache=tmp_path / "cache")
    found = readable(photos)
    assert {Path(one).stem for one in found.unreadable} == {"7", "9"}
    assert all(Path(identifier).name in problem for identifier, problem in found.unreadable.items())
    assert len(found.dataset.images) == len(found.dataset.texts) == 28
    assert extract_features(found.dataset, "global", cache=tmp_path / "cache").shape == (28, 780)
    assert readable(found.dataset).dataset is found.dataset


def test_nothing_but_unreadable_images(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"")
    (tmp_path / "captions.csv").write_text("image,caption\na.png,nothing")
    with pytest.raises(FileFormatError, match="none of the 1 images"):
        readable(load_dataset(tmp_path))


def test_features_as_a_file_with_ids(scenes, tmp_path):
    test = scenes.split("test")
    assert save_features(test, "global", tmp_path / "images.npy") == (30, 780)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), extract_features(test, "global"))
    assert (tmp_path / "images.ids.txt").read_text().split() == list(test.image_ids)
    assert save_features(test, "bag-of-words", tmp_path / "texts.npy", learn_from=scenes)[0] == 150
    assert {path.name for path in tmp_path.iterdir()} == {
        "images.npy", "images.ids.txt", "texts.npy", "texts.ids.txt",
    }  # fmt: skip
    with pytest.raises(OutputError, match=r"ending in \.npy"):
        save_features(test, "global", tmp_path / "images.csv")
    assert isinstance(test.images[0], Image.Image)
