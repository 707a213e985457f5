"""Images as a sequence: read from files when asked for, drawn, or held in memory."""

from __future__ import annotations

import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class ImageSource(Protocol):
    """A sequence of RGB images that need not be in memory."""

    def __len__(self) -> int:
        """Count the images."""
        ...

    def __getitem__(self, row: int, /) -> Image.Image:
        """Return one image in RGB."""
        ...

    def __iter__(self) -> Iterator[Image.Image]:
        """Go through all images in order."""
        ...

    def take(self, rows: np.ndarray) -> Self:
        """Return the images of the given rows, in their order."""
        ...

    def digest(self) -> str:
        """Return a SHA-256, in hexadecimal, that differs when an image does."""
        ...


@dataclass(frozen=True)
class FileImages:
    """Images in files, opened and decoded each time they are asked for.

    Parameters
    ----------
    paths : tuple of Path
        One file an image, of any format that Pillow reads. The camera's orientation (EXIF) is applied.
    """

    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int, /) -> Image.Image:
        return read_image(self.paths[row])

    def __iter__(self) -> Iterator[Image.Image]:
        return map(read_image, self.paths)

    def take(self, rows: np.ndarray) -> FileImages:
        """Return the images of the given rows, in their order."""
        return FileImages(tuple(self.paths[row] for row in rows.tolist()))

    def digest(self) -> str:
        """Return the SHA-256 of the contents of the files, in hexadecimal; where they lie does not count.

        Raises
        ------
        FileFormatError
            If a file cannot be read.
        """
        # hashlib and the reading of files release the interpreter lock.
        with ThreadPoolExecutor() as pool:
            return hashlib.sha256(b"".join(pool.map(_digest_file, self.paths))).hexdigest()


@dataclass(frozen=True)
class MemoryImages:
    """Images held in memory.

    Parameters
    ----------
    images : tuple of PIL.Image.Image
        Of any mode; handed out in RGB, what is transparent laid on white.
    """

    images: tuple[Image.Image, ...]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int, /) -> Image.Image:
        return in_rgb(self.images[row])

    def __iter__(self) -> Iterator[Image.Image]:
        return map(in_rgb, self.images)

    def take(self, rows: np.ndarray) -> MemoryImages:
        """Return the images of the given rows, in their order."""
        return MemoryImages(tuple(self.images[row] for row in rows.tolist()))

    def digest(self) -> str:
        """Return the SHA-256 of sizes and pixels, in hexadecimal."""
        state = hashlib.sha256()
        for image in self:
            state.update(f"{image.size};".encode())
            state.update(image.tobytes())
        return state.hexdigest()


@dataclass(frozen=True, eq=False)
class DrawnImages:
    """Images that a function draws from a number, each time they are asked for.

    Parameters
    ----------
    draw : callable
        From an item number to an RGB image; picklable if the images go to other processes.
    items : ndarray of int64, shape (n_images,)
        The numbers.
    """

    draw: Callable[[int], Image.Image]
    items: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int, /) -> Image.Image:
        return self.draw(int(self.items[row]))

    def __iter__(self) -> Iterator[Image.Image]:
        return map(self.draw, self.items.tolist())

    def take(self, rows: np.ndarray) -> DrawnImages:
        """Return the images of the given rows, in their order."""
        return DrawnImages(self.draw, self.items[rows])

    def digest(self) -> str:
        """Return the SHA-256 of the function's name, its arguments and the numbers, in hexadecimal.

        They stand for the pixels: a change of what the function draws goes unnoticed.
        """
        state = hashlib.sha256(pickle.dumps(self.draw, protocol=5))
        state.update(self.items.astype("<i8").tobytes())
        return state.hexdigest()


def in_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB, upright as its EXIF orientation says.

    What is transparent is laid on white, on which people look at such pictures: the colour behind it is mostly black,
    and was never meant to be seen.
    """
    if image.mode.startswith("I"):
        # Sixteen bits of grey, which Pillow would cut off at 255.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return ImageOps.exif_transpose(image).convert("RGB")
    picture = ImageOps.exif_transpose(image.convert("RGBA"))
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def read_image(path: Path) -> Image.Image:
    """Read an image file as RGB, turned upright as its EXIF orientation says, what is transparent laid on white.

    Raises
    ------
    FileFormatError
        If the file is missing or is no image that Pillow can decode to its end.
    """
    try:
        with Image.open(path) as image:
            return in_rgb(image)
    except FileNotFoundError as problem:
        raise FileFormatError("the image file does not exist", where=str(path)) from problem
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as problem:
        # Pillow reports damaged files by several exceptions, SyntaxError among them (PNG).
        raise FileFormatError(
            f"the image cannot be decoded ({problem})",
            where=str(path),
            expected="a whole image file of a format that Pillow reads",
        ) from problem


def _digest_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as problem:
        raise FileFormatError(f"the image file cannot be read ({problem.strerror})", where=str(path)) from problem
