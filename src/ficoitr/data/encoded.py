"""Images as the bytes of their files: within larger files, and on their way from one form to another."""

from __future__ import annotations

import hashlib
import io
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, UnidentifiedImageError

from ficoitr.data.images import FileImages, in_rgb
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ficoitr.data.dataset import Dataset

_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif"}


class EncodedImages(ABC):
    """Images whose encoded bytes lie within a larger file, decoded each time they are asked for."""

    @abstractmethod
    def __len__(self) -> int:
        """Count the images."""

    @abstractmethod
    def encoded(self, row: int) -> bytes:
        """Return what the file of an image held.

        Raises
        ------
        FileFormatError
            If it cannot be read.
        """

    @abstractmethod
    def name(self, row: int) -> str | None:
        """Return the name that the file of an image had, if it is known."""

    @abstractmethod
    def place(self, row: int) -> str:
        """Say where an image lies, for errors."""

    def __getitem__(self, row: int, /) -> Image.Image:
        return decode_image(self.encoded(row), self.place(row))

    def __iter__(self) -> Iterator[Image.Image]:
        return (self[row] for row in range(len(self)))

    def digest(self) -> str:
        """Return the SHA-256 of the encoded images, in hexadecimal: the same as of `FileImages` with these files."""
        state = hashlib.sha256()
        for row in range(len(self)):
            state.update(hashlib.sha256(self.encoded(row)).digest())
        return state.hexdigest()


class EncodedImage(NamedTuple):
    """One image: the bytes of its file, and a name for it, which other images may have too."""

    content: bytes
    name: str


def decode_image(content: bytes, where: str) -> Image.Image:
    """Decode the bytes of an image file as RGB, turned upright, what is transparent laid on white.

    Raises
    ------
    FileFormatError
        If they are no image that Pillow can decode to its end.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return in_rgb(image)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as problem:
        # A buffer prints as an address, which says nothing.
        reason = "it is of no format that Pillow knows" if isinstance(problem, UnidentifiedImageError) else problem
        raise FileFormatError(
            f"the image cannot be decoded ({reason})", where=where, expected="an image of a format that Pillow reads"
        ) from problem


def encoded_images(dataset: Dataset) -> Iterator[EncodedImage]:
    """Go through the images of a dataset in order: files as they are, what is drawn or in memory as PNG.

    Raises
    ------
    FileFormatError
        If an image cannot be read.
    """
    images = dataset.images
    for row, image_id in enumerate(dataset.image_ids):
        # A kind of FileImages may do more to the pixels than decode them.
        if type(images) is FileImages:
            path = images.paths[row]
            try:
                yield EncodedImage(path.read_bytes(), path.name)
            except OSError as problem:
                raise FileFormatError(
                    f"the image file cannot be read ({problem.strerror})", where=str(path)
                ) from problem
        elif isinstance(images, EncodedImages):
            content = images.encoded(row)
            yield EncodedImage(content, images.name(row) or f"{image_id}{_suffix_of(content, images.place(row))}")
        else:
            buffer = io.BytesIO()
            images[row].save(buffer, format="PNG")
            yield EncodedImage(buffer.getvalue(), f"{image_id}.png")


def require_words(dataset: Dataset, form: str) -> None:
    """Refuse to write a dataset that is made of features in a form that has no place for them.

    Raises
    ------
    OptionError
        If it has no words.
    """
    if not dataset.has_words:
        raise OptionError(
            f"the dataset {dataset.name!r} has no words, only features of them",
            where=form,
            fix="Convert it to parquet, which keeps features",
        )


def _suffix_of(content: bytes, where: str) -> str:
    try:
        with Image.open(io.BytesIO(content)) as image:
            kind = image.format or ""
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as problem:
        raise FileFormatError("this is no image that Pillow can open", where=where) from problem
    return _SUFFIXES.get(kind, f".{kind.lower()}")
