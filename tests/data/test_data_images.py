"""Images: decoded when asked for, in RGB, upright."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ficoitr.data.images import DrawnImages, FileImages, MemoryImages
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_camera_s_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), (255, 0, 0))
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    image.save(tmp_path / "turned.png", exif=exif)
    assert FileImages((tmp_path / "turned.png",))[0].size == (2, 4)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("image.tif" if mode == "CMYK" else "image.png")
    image = Image.new(mode, (3, 3))
    image.save(path)
    assert FileImages((path,))[0].mode == "RGB"
    assert MemoryImages((image,))[0].mode == "RGB"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_and_turned_with_the_rest(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    picture.putpixel((0, 0), (0, 0, 0, 255))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.convert(mode).save(tmp_path / "image.png", exif=exif)
    image = FileImages((tmp_path / "image.png",))[0]
    assert (image.mode, image.size) == ("RGB", (2, 4))
    white = [image.getpixel((x, y)) == (255, 255, 255) for y in range(4) for x in range(2)]
    assert white.count(False) == 1
    # Turned by 90 degrees clockwise, the first pixel of the first row is the last of the first row.
    assert image.getpixel((1, 0)) == (0, 0, 0)


def test_files_are_opened_only_when_asked_for(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{row}.png" for row in range(3))
    images = FileImages(paths)
    for row, path in enumerate(paths):
        Image.new("RGB", (1, 1), (row, 0, 0)).save(path)
    taken = images.take(np.array([2, 0]))
    assert [image.getpixel((0, 0))[0] for image in taken] == [2, 0]
    assert len(taken) == 2


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.effect_noise((64, 64), 50).save(whole)
    cases = {"empty.jpg": b"", "text.png": b"no image", "cut.jpg": whole.read_bytes()[:300]}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=name):
            FileImages((tmp_path / name,))[0]
    with pytest.raises(FileFormatError, match="does not exist"):
        FileImages((tmp_path / "gone.png",))[0]


def test_the_digest_of_files_is_that_of_their_contents(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        for row in range(3):
            Image.new("RGB", (4, 4), (row, 0, 0)).save(tmp_path / folder / f"{row}.png")
    here, there = (FileImages(tuple(sorted((tmp_path / folder).iterdir()))) for folder in ("here", "there"))
    digest = here.digest()
    assert digest == there.digest()
    assert digest != here.take(np.array([1, 0, 2])).digest()
    Image.new("RGB", (4, 4), (1, 1, 0)).save(tmp_path / "here" / "1.png")
    assert digest != here.digest()
    (tmp_path / "here" / "2.png").unlink()
    with pytest.raises(FileFormatError, match=r"2\.png"):
        here.digest()


def test_the_digest_of_images_in_memory_is_that_of_their_pixels() -> None:
    wide, tall = Image.new("RGB", (4, 2)), Image.new("RGB", (2, 4))
    assert MemoryImages((wide,)).digest() == MemoryImages((wide.copy(),)).digest()
    assert len({MemoryImages((image,)).digest() for image in (wide, tall, Image.new("RGB", (4, 2), "red"))}) == 3


def _draw(shade: int, item: int) -> Image.Image:
    return Image.new("RGB", (1, 1), (shade, item, 0))


def test_the_digest_of_drawn_images_knows_arguments_and_numbers() -> None:
    items = np.arange(3)
    digest = DrawnImages(partial(_draw, 1), items).digest()
    assert digest == DrawnImages(partial(_draw, 1), items.copy()).digest()
    assert digest != DrawnImages(partial(_draw, 2), items).digest()
    assert digest != DrawnImages(partial(_draw, 1), items[::-1]).digest()
