"""How long a dataset of COCO's size takes to be written and loaded in the form of parquet, and how much memory.

122,218 images with five texts and three of 80 labels each are made here; an image is a JPEG of some 4 KB, so that the
images take 0.5 GB. Reading an image includes decoding it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from tabulate import tabulate

from measure import in_own_process, machine, timed

IMAGES, TEXTS, CATEGORIES = 122_218, 5, 80
FOLDER = "FICOITR_BENCHMARK_FOLDER"
LOOKED_AT = 2_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(MEASURES[arguments.measure]()))
        return
    print(f"{machine()}\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER] = folder
        for what, name in (
            (f"writing {IMAGES:,} images, {TEXTS * IMAGES:,} texts", "write"),
            ("loading them", "load"),
            ("loading and comparing all hashes", "verify"),
            ("loading 20,015 × 4,096 features with it", "features"),
            (f"reading {LOOKED_AT:,} images in order", "in_order"),
            (f"reading {LOOKED_AT:,} images at random", "at_random"),
        ):
            taken = in_own_process(__file__, name)
            rows.append((what, f"{taken['wall']:.2f} s", f"{taken['megabytes']:,.0f} MB"))
    print(tabulate(rows, ("what", "wall", "memory"), tablefmt="github"))


def write() -> dict[str, float]:
    from ficoitr.data.parquet import save_dataset

    dataset = made()
    return timed(lambda: save_dataset(dataset, target()))


def load() -> dict[str, float]:
    from ficoitr.data.parquet import load as load_saved

    return timed(lambda: load_saved(target()))


def verify() -> dict[str, float]:
    from ficoitr.data.parquet import load as load_saved

    return timed(lambda: load_saved(target(), verify=True))


def features() -> dict[str, float]:
    from ficoitr.data.parquet import load as load_saved
    from ficoitr.data.parquet import save_dataset

    dataset = made(20_015, features=4_096)
    folder = target().with_name("features")
    save_dataset(dataset, folder, images="none")
    return timed(lambda: load_saved(folder))


def in_order() -> dict[str, float]:
    return _look(np.arange(LOOKED_AT))


def at_random() -> dict[str, float]:
    return _look(np.random.default_rng(0).integers(IMAGES, size=LOOKED_AT))


def _look(rows: np.ndarray) -> dict[str, float]:
    from ficoitr.data.parquet import load as load_saved

    images = load_saved(target()).images
    return timed(lambda: [images[row].size for row in rows.tolist()])


def target() -> Path:
    return Path(os.environ[FOLDER]) / "dataset"


def made(n_images: int = IMAGES, *, features: int = 0):
    """A dataset whose images are one JPEG, with another number in a comment each."""
    from PIL import Image

    from ficoitr.data import Dataset, StoredFeatures
    from ficoitr.data.encoded import EncodedImages

    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(256, size=(48, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format="JPEG", quality=90)
    jpeg = buffer.getvalue()

    class Numbered(EncodedImages):
        def __len__(self) -> int:
            return n_images

        def encoded(self, row: int) -> bytes:
            comment = b"%010d" % row
            return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]

        def name(self, row: int) -> str:
            return f"COCO_val2014_{row:012d}.jpg"

        def place(self, row: int) -> str:
            return f"image {row}"

    generator = np.random.default_rng(0)
    labels = np.zeros((n_images, CATEGORIES), dtype=np.bool_)
    labels[np.arange(n_images)[:, None], generator.integers(CATEGORIES, size=(n_images, 3))] = True
    words = [f"word{number}" for number in range(10_000)]
    drawn = generator.integers(len(words), size=(TEXTS * n_images, 10)).tolist()
    stored = StoredFeatures.of(generator.normal(size=(n_images, features)).astype(np.float32)) if features else None
    return Dataset(
        name="made",
        images=Numbered(),
        image_ids=tuple(str(row) for row in range(n_images)),
        texts=tuple(" ".join(words[word] for word in row) for row in drawn),
        text_ids=tuple(str(row) for row in range(TEXTS * n_images)),
        text_to_image=np.repeat(np.arange(n_images), TEXTS),
        categories=labels,
        category_names=tuple(f"category {number}" for number in range(CATEGORIES)),
        splits=np.where(np.arange(n_images) < n_images - 10_000, "train", "test"),
        image_features={"made": stored} if stored else {},
    )


MEASURES = {
    "write": write,
    "load": load,
    "verify": verify,
    "features": features,
    "in_order": in_order,
    "at_random": at_random,
}

if __name__ == "__main__":
    main()
