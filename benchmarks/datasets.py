"""How fast `scenes` is drawn, COCO's files are loaded, and a data card is counted.

The COCO files are made here: as many images, sentences, tokens and annotated objects as the real ones have, with other
words. ``--coco5k FOLDER`` counts the card of the real coco5k.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tabulate import tabulate

from measure import in_own_process, machine, timed

IMAGES, SENTENCES, CATEGORIES, OBJECTS = 122_218, 5, 80, 7
DRAWN = 2_000
ACCESSES = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coco5k", type=Path, help="the folder of the real coco5k, for the card")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(MEASURES[arguments.measure]()))
        return
    print(f"{machine()}\n")
    rows: list[tuple[str, str]] = []
    cores = os.cpu_count() or 1
    context = multiprocessing.get_context("spawn")
    with context.Pool(cores) as pool:
        pool.map(draw, range(cores))  # imports and sprites are not part of the rate
        started = time.perf_counter()
        pool.map(draw, range(cores, 2 * cores), chunksize=1)
        rate = cores * DRAWN / (time.perf_counter() - started)
    rows.append((f"scenes, image and five captions, {cores} processes", f"{rate:,.0f} items a second"))
    access = in_own_process(__file__, "access")
    rows.append(("scenes, item 0 | item 4,999,999", f"{access['first']:.2f} | {access['last']:.2f} ms"))
    with tempfile.TemporaryDirectory() as folder:
        write_coco(Path(folder))
        os.environ["FICOITR_BENCHMARK_COCO"] = folder
        coco = in_own_process(__file__, "coco")
    rows.append(
        (
            f"COCO, {IMAGES:,} images, {SENTENCES * IMAGES:,} texts, {OBJECTS * IMAGES:,} objects",
            f"{coco['wall']:.1f} s, {coco['megabytes']:,.0f} MB",
        )
    )
    if arguments.coco5k:
        os.environ["FICOITR_BENCHMARK_COCO5K"] = str(arguments.coco5k)
        card = in_own_process(__file__, "card")
        rows.append(("data card of coco5k, loading included", f"{card['wall']:.1f} s"))
    print(tabulate(rows, ("what", "measured"), tablefmt="github"))


def draw(part: int) -> None:
    import numpy as np

    from ficoitr.data.scenes import DEFAULT_SEED
    from ficoitr.data.scenes.extra import SceneTexts
    from ficoitr.data.scenes.picture import draw_item

    items = np.arange(part * DRAWN, (part + 1) * DRAWN)
    for item in items.tolist():
        draw_item(DEFAULT_SEED, item)
    list(SceneTexts(DEFAULT_SEED, items))


def access() -> dict[str, float]:
    """Milliseconds of drawing an item and writing its captions, the first and the five millionth taking turns."""
    import numpy as np

    from ficoitr.data.scenes import DEFAULT_SEED
    from ficoitr.data.scenes.extra import SceneTexts
    from ficoitr.data.scenes.picture import draw_item

    seconds = {"first": 0.0, "last": 0.0}
    for turn in range(ACCESSES + 20):
        for name, item in (("first", turn), ("last", 4_999_999 - turn)):
            started = time.perf_counter()
            draw_item(DEFAULT_SEED, item)
            list(SceneTexts(DEFAULT_SEED, np.array([item])))
            if turn >= 20:
                seconds[name] += time.perf_counter() - started
    return {name: 1000 * total / ACCESSES for name, total in seconds.items()}


def coco() -> dict[str, float]:
    from ficoitr.data import load_dataset

    return timed(lambda: load_dataset("coco", os.environ["FICOITR_BENCHMARK_COCO"], pixels="none"))


def card() -> dict[str, float]:
    from ficoitr.data import data_card, load_dataset

    return timed(lambda: data_card(load_dataset("coco5k", os.environ["FICOITR_BENCHMARK_COCO5K"])))


def write_coco(folder: Path) -> None:
    from ficoitr.data.scenes import load

    texts: list[str] = list(load(train=5_000, validation=0, test=0).texts)
    splits = ["test"] * 5_000 + ["val"] * 5_000
    with (folder / "dataset_coco.json").open("w") as file:
        file.write('{"images": [')
        for image in range(IMAGES):
            sentences = [_sentence(image, number, texts) for number in range(SENTENCES)]
            entry = {
                "filepath": "val2014",
                "filename": f"COCO_val2014_{image:012d}.jpg",
                "imgid": image,
                "cocoid": image,
                "split": splits[image] if image < len(splits) else "train",
                "sentids": [sentence["sentid"] for sentence in sentences],
                "sentences": sentences,
            }
            file.write(("" if image == 0 else ",") + json.dumps(entry))
        file.write('], "dataset": "coco"}')
    with (folder / "instances_all2014.json").open("w") as file:
        images = [{"id": image, "file_name": f"{image}.jpg"} for image in range(IMAGES)]
        categories = [{"id": number, "name": f"category {number}"} for number in range(CATEGORIES)]
        file.write(f'{{"images": {json.dumps(images)}, "categories": {json.dumps(categories)}, "annotations": [')
        for number, entry in enumerate(_objects()):
            file.write(("" if number == 0 else ",") + json.dumps(entry))
        file.write("]}")


def _sentence(image: int, number: int, texts: list[str]) -> dict[str, Any]:
    text = f"{texts[(SENTENCES * image + number) % len(texts)]} {image}"
    return {"tokens": text.lower().split(), "raw": text, "imgid": image, "sentid": SENTENCES * image + number}


def _objects() -> Iterator[dict[str, Any]]:
    outline = [round(0.37 * corner, 2) for corner in range(40)]
    for number in range(OBJECTS * IMAGES):
        yield {
            "id": number,
            "image_id": number // OBJECTS,
            "category_id": number * 7919 % CATEGORIES,
            "segmentation": [outline],
            "area": 702.1,
            "iscrowd": 0,
            "bbox": outline[:4],
        }


MEASURES = {"access": access, "coco": coco, "card": card}

if __name__ == "__main__":
    main()
