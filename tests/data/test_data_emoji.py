"""The emoji, fetched for real through npm."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ficoitr.data.emoji import load
from ficoitr.data.fetch import dataset_folder, fetch
from ficoitr.data.sources import check_files, source_of
from ficoitr.errors import FicoitrError, FileFormatError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ficoitr.data.dataset import Dataset


def need_npm() -> None:
    """Skip without npm, or fail where test data are required."""
    if shutil.which("npm"):
        return
    if os.environ.get("FICOITR_REQUIRE_TEST_DATA") == "1":
        pytest.fail("npm is not installed, and FICOITR_REQUIRE_TEST_DATA=1")
    pytest.skip("npm is not installed")


@pytest.fixture(scope="session")
def emoji_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emoji, fetched."""
    need_npm()
    folder = tmp_path_factory.mktemp("fetched") / "emoji"
    try:
        return fetch("emoji", folder)
    except FicoitrError as problem:
        if os.environ.get("FICOITR_REQUIRE_TEST_DATA") == "1":
            raise
        pytest.skip(f"the emoji cannot be fetched: {problem}")


@pytest.fixture(scope="session")
def emoji(emoji_folder: Path) -> Dataset:
    """All of them, loaded."""
    return load(emoji_folder)


def names(dataset: Dataset, image: str) -> list[str]:
    """Names of an image's labels."""
    row = dataset.image_ids.index(image)
    return [dataset.category_names[label] for label in np.flatnonzero(dataset.categories[row])]


def texts(dataset: Dataset, image: str) -> dict[str, str]:
    """Texts of an image, by the end of their identifiers."""
    row = dataset.image_ids.index(image)
    mine = zip(dataset.text_ids, dataset.texts, dataset.text_to_image, strict=True)
    return {name.removeprefix(f"{image}#"): text for name, text, owner in mine if owner == row}


def test_there_are_1911_images_in_10_groups_and_99_subgroups(emoji: Dataset, emoji_folder: Path) -> None:
    assert len(emoji.images) == len(emoji.image_ids) == 1911
    groups, subgroups = load(emoji_folder, categories="groups"), load(emoji_folder, categories="subgroups")
    assert len(groups.category_names) == 10
    assert len(subgroups.category_names) == 99
    assert set(emoji.category_names) == {*groups.category_names, *subgroups.category_names}
    for dataset, labels in ((groups, 1), (subgroups, 1), (emoji, 2)):
        assert dataset.categories.sum(axis=1).tolist() == [labels] * 1911
        assert dataset.categories.any(axis=0).all()
    # A subgroup lies in one group: whoever shares it, shares the group.
    of_group = groups.categories.argmax(axis=1)
    for column in subgroups.categories.T:
        assert len(set(of_group[column])) == 1


def test_what_single_emoji_are(emoji: Dataset) -> None:
    assert names(emoji, "1f913") == ["Smileys & Emotion", "face-glasses"]
    assert texts(emoji, "1f602") == {
        "name": "face with tears of joy",
        "other-1": "joy",
        "tags": ", ".join(sorted(texts(emoji, "1f602")["tags"].split(", "))),
    }
    assert {"crying", "laugh"} <= set(texts(emoji, "1f602")["tags"].split(", "))
    assert texts(emoji, "1f44e")["other-2"] == "-1"
    assert texts(emoji, "1f469-200d-1f680")["other-1"] == "female astronaut"
    # The one package writes a variation selector where the other has none.
    assert texts(emoji, "2764-fe0f")["name"] == "red heart"


def test_texts_of_an_emoji_are_distinct(emoji: Dataset) -> None:
    texts = {(row, text.casefold()) for row, text in zip(emoji.text_to_image, emoji.texts, strict=True)}
    assert len(texts) == len(emoji.texts) == 5287
    assert sum(name.endswith("#name") for name in emoji.text_ids) == 1911
    assert sum(name.endswith("#tags") for name in emoji.text_ids) == 1865


def test_transparent_pixels_are_white(emoji: Dataset, emoji_folder: Path) -> None:
    pictures = emoji_folder / "emoji-datasource-google" / "img" / "google" / "64"
    transparent = 0
    for identifier, image in zip(emoji.image_ids, emoji.images, strict=True):
        assert (image.mode, image.size) == ("RGB", (64, 64))
        with Image.open(pictures / f"{identifier}.png") as file:
            clear = np.asarray(file.convert("RGBA"))[:, :, 3] == 0
        assert (np.asarray(image)[clear] == 255).all()
        transparent += clear.any()
        # No emoji vanishes in the white.
        assert (np.asarray(image).min(axis=2) < 240).sum() >= 100, identifier
    assert transparent > 1800


def test_images_follow_their_rows(emoji: Dataset) -> None:
    some = emoji.select(np.array([1500, 3]))
    assert next(iter(some.images)).tobytes() == emoji.images[1500].tobytes() == some.images[0].tobytes()


def test_the_split_stays_as_it_is_and_gives_every_subgroup_its_share(emoji: Dataset, emoji_folder: Path) -> None:
    test = emoji.split("test")
    assert len(test.images) == 511
    assert len(emoji.split("train").images) == 1400
    digest = hashlib.sha256("\n".join(sorted(test.image_ids)).encode()).hexdigest()
    assert digest == "ffd7bcac1f4d30739a38d8d95c37e1bcfb57b513ccc8b0f5a30d472ae2716aca"
    labels = load(emoji_folder, categories="subgroups").categories
    expected = labels.sum(axis=0) * 511 / 1911
    assert np.abs(labels[emoji.splits == "test"].sum(axis=0) - expected).max() < 1


def test_a_second_call_checks_what_is_there(emoji_folder: Path, tmp_path: Path) -> None:
    before = (emoji_folder / "emojibase-data").stat().st_mtime_ns
    assert fetch("emoji", emoji_folder) == emoji_folder
    assert (emoji_folder / "emojibase-data").stat().st_mtime_ns == before
    copy = shutil.copytree(emoji_folder, tmp_path / "emoji")
    picture = next((copy / "emoji-datasource-google" / "img" / "google" / "64").glob("1f6*.png"))
    picture.write_bytes(picture.read_bytes()[:-1] + b"?")
    assert [state.state for state in check_files(source_of("emoji"), copy)] == ["there", "wrong hash", "there"]
    with pytest.raises(FileFormatError, match=r"64/\*\.png: wrong hash.*Remove it or choose another folder"):
        fetch("emoji", copy)
    picture.unlink()
    assert check_files(source_of("emoji"), copy)[1].state == "too few files"


def test_only_what_is_needed_is_unpacked(emoji_folder: Path) -> None:
    below = {path.relative_to(emoji_folder).parts[1] for path in emoji_folder.glob("*/*")}
    assert below == {"LICENSE", "README.md", "emoji.json", "img", "en"}
    assert [path.name for path in (emoji_folder / "emojibase-data" / "en").iterdir()] == ["data.json"]
    assert list(emoji_folder.parent.iterdir()) == [emoji_folder]


def test_two_processes_can_fetch_at_once(emoji_folder: Path, tmp_path: Path) -> None:
    program = f"from ficoitr.data.fetch import fetch; print(fetch('emoji', {str(tmp_path / 'emoji')!r}))"
    both = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(2)]
    assert [one.communicate()[1] for one in both] == [b"", b""]
    assert list(tmp_path.iterdir()) == [tmp_path / "emoji"]
    assert load(tmp_path / "emoji").digest() == load(emoji_folder).digest()


def test_the_folder_is_the_users_cache_or_that_of_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FICOITR_DATA", raising=False)
    assert dataset_folder("emoji").parts[-2:] == ("datasets", "emoji")
    monkeypatch.setenv("FICOITR_DATA", str(tmp_path))
    assert dataset_folder("emoji") == tmp_path / "emoji"
    with pytest.raises(FileFormatError, match="ficoitr data fetch emoji"):
        load()


def test_the_default_folder_is_loaded(monkeypatch: pytest.MonkeyPatch, emoji_folder: Path) -> None:
    monkeypatch.setenv("FICOITR_DATA", str(emoji_folder.parent))
    assert fetch("emoji") == emoji_folder
    assert len(load().images) == 1911


def test_unknown_categories(emoji_folder: Path) -> None:
    with pytest.raises(OptionError, match="'tags' is unknown"):
        load(emoji_folder, categories="tags")  # type: ignore[arg-type]


def test_without_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FicoitrError, match=r"npm is not installed.*Install Node\.js"):
        fetch("emoji", tmp_path / "emoji")
    assert list(tmp_path.iterdir()) == []


def test_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_npm()
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(FicoitrError, match=r"could not download emoji-datasource-google@16\.0\.0.*ECONNREFUSED"):
        fetch("emoji", tmp_path / "data" / "emoji")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry on this machine that has other packages under the names of the emoji's."""
    folder = tmp_path / "registry"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    address = f"http://127.0.0.1:{server.server_port}"
    for package in source_of("emoji").packages:
        manifest = {"name": package.name, "version": package.version}
        (folder / "package.json").write_text(json.dumps(manifest))
        tarball = folder / f"{package.name}.tgz"
        with tarfile.open(tarball, "w:gz") as archive:
            archive.add(folder / "package.json", "package/package.json")
        integrity = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        dist = {"tarball": f"{address}/{tarball.name}", "integrity": f"sha512-{integrity}"}
        (folder / package.name).write_text(
            json.dumps({"name": package.name, "versions": {package.version: {**manifest, "dist": dist}}})
        )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_registry_with_other_packages(registry: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need_npm()
    monkeypatch.setenv("npm_config_registry", registry)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(FicoitrError, match=r"emoji-datasource-google-16\.0\.0\.tgz: .* has the SHA-512"):
        fetch("emoji", tmp_path / "data" / "emoji")
    assert list((tmp_path / "data").iterdir()) == []
