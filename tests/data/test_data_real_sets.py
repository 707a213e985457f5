"""The datasets of captions and labels on real files: the facts known of each."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import ficoitr
from ficoitr.data import data_card, extra_positives, load_dataset
from ficoitr.errors import FicoitrWarning, FileFormatError, IdentifierError, InputError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

MALFORMED = "2258277193_586949ec62.jpg"


def letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def test_coco5k(test_data: Path) -> None:
    dataset = load_dataset(test_data / "coco5k")
    card = data_card(dataset)
    assert (dataset.name, card.images, card.texts, card.texts_per_image) == ("coco5k", 5000, 25_000, {5: 5000})
    assert card.labels is not None
    assert len(card.labels.counts) == 80
    assert card.labels.images_without == 48
    assert round(card.labels.relevant_pairs, 3) == 0.329
    assert round(card.labels.per_image, 2) == 2.86
    assert card.words is not None
    assert card.words.repeated_texts == 180
    assert dataset.split_names == ("test",)
    assert not dataset.has_pixels
    with pytest.raises(InputError, match='pixels="none"'):
        dataset.images[0]


def test_the_official_captions_of_coco_say_the_same_as_coco5k(test_data: Path, tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    shutil.copy(test_data / "coco5k" / "captions_val2017.json.gz", tmp_path / "annotations")
    official = load_dataset(tmp_path, pixels="none")
    assert official.name == "coco-captions"
    assert official.split_names == ("validation",)
    assert len(official.image_ids) == 5000
    karpathy = load_dataset(test_data / "coco5k")
    # COCO's val2017 and Karpathy's test split are different parts of val2014 and share some images.
    shared = set(official.image_ids) & set(karpathy.image_ids)
    assert len(shared) > 100
    first = dict(zip(official.text_ids, official.texts, strict=True))
    owner = {
        text_id: official.image_ids[row] for text_id, row in zip(official.text_ids, official.text_to_image, strict=True)
    }
    compared = 0
    for text_id, text, row in zip(karpathy.text_ids, karpathy.texts, karpathy.text_to_image, strict=True):
        if karpathy.image_ids[row] in shared:
            # captions.txt.gz is tokenised: letters and digits are the same.
            assert letters(first[text_id]) == letters(text)
            assert owner[text_id] == karpathy.image_ids[row]
            compared += 1
    assert compared == 5 * len(shared)


@pytest.mark.parametrize("which", ["cxc", "eccv"])
def test_extra_positives_are_those_of_the_files(test_data: Path, which: str) -> None:
    root = test_data / "coco5k"
    dataset = load_dataset(root)
    found = extra_positives(dataset, which)
    for direction, name in (("i2t", "image_to_caption"), ("t2i", "caption_to_image")):
        expected = json.loads((root / f"{which}_{name}.json").read_text())
        candidates = set(dataset.text_ids if direction == "i2t" else dataset.image_ids)
        kept = {query: [str(one) for one in those if str(one) in candidates] for query, those in expected.items()}
        assert found[direction] == {query: those for query, those in kept.items() if those}
    # What people added is more than the five captions of an image.
    assert max(map(len, found["i2t"].values())) > 5


def test_extra_positives_of_a_part_stay_in_the_part_and_can_be_evaluated(test_data: Path) -> None:
    whole = load_dataset(test_data / "coco5k")
    judged = extra_positives(whole, "cxc")["i2t"]
    rows = [row for row, image in enumerate(whole.image_ids) if image in judged][:40]
    part = whole.select(np.array(rows))
    positives = extra_positives(part, "cxc")
    assert {text for texts in positives["i2t"].values() for text in texts} <= set(part.text_ids)
    vectors = np.random.default_rng(0).normal(size=(len(part.texts), 8)).astype(np.float32)
    images = ficoitr.Embeddings(vectors[::5], part.image_ids)
    evaluation = ficoitr.evaluate(
        images,
        ficoitr.Embeddings(vectors, part.text_ids),
        text_to_image=part.text_to_image,
        positives=positives,
        resamples=0,
    )
    assert evaluation["instance.i2t.R@1"].value == 1.0


def test_extra_positives_of_other_images_are_refused(test_data: Path) -> None:
    with pytest.raises(IdentifierError, match="none of the images was judged"):
        extra_positives(load_dataset("scenes", train=4, validation=2, test=2), "cxc")
    with pytest.raises(OptionError, match="'cxc' or 'eccv'"):
        extra_positives(load_dataset(test_data / "coco5k"), "eccv2")  # type: ignore[arg-type]


def test_all_lines_of_flickr8k(test_data: Path) -> None:
    root = test_data / "flickr8k"
    dataset = load_dataset("flickr8k", root, captions="all", pixels="none")
    lines = (root / "text" / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(dataset.texts) == 40_460
    assert len(dataset.image_ids) == 8092
    sizes = {name: len(dataset.split(name).image_ids) for name in dataset.split_names}
    assert sizes == {"train": 6000, "validation": 1000, "test": 1000, "retrieval": 92}
    said = sorted(line.split("\t")[1].strip() for line in lines)
    assert sorted(dataset.texts) == said
    row = dataset.image_ids.index(MALFORMED)
    texts = [text for text, image in zip(dataset.texts, dataset.text_to_image, strict=True) if image == row]
    assert texts[0] == "people waiting for the subway"
    assert len(texts) == 5


def test_the_photos_that_are_there_are_kept_on_request_and_counted(test_data: Path) -> None:
    root = test_data / "flickr8k"
    with pytest.raises(FileFormatError, match=r"does not exist \(of 8,092 images, 7,092 have no file\).*pixels="):
        load_dataset("flickr8k", root, captions="all")
    with pytest.warns(FicoitrWarning, match="7,092 of 8,092 images are left out.* the first is"):
        dataset = load_dataset("flickr8k", root, captions="all", pixels="present")
    assert len(dataset.images) == 1000
    assert dataset.images[0].mode == "RGB"


def test_another_malformed_line_is_an_error_with_its_number(test_data: Path, tmp_path: Path) -> None:
    shutil.copytree(test_data / "flickr8k" / "text", tmp_path / "text")
    token = tmp_path / "text" / "Flickr8k.token.txt"
    token.chmod(0o644)
    lines = token.read_text(encoding="utf-8").splitlines()

    def refused(number: int, line: str, message: str) -> None:
        token.write_text("\n".join([*lines[: number - 1], line, *lines[number:]]) + "\n", encoding="utf-8")
        with pytest.raises(FileFormatError, match=message):
            load_dataset("flickr8k", tmp_path, captions="all", pixels="none")

    refused(7, "a line without a tabulator", r"Flickr8k.token.txt, line 7: the line is 'a line without")
    refused(12, lines[11].replace("#1", "#2"), r"line 12: caption 2 of .* follows 1 captions")
    refused(40_460, lines[-1].partition("\t")[0] + "\t ", "line 40460: the line is")


def test_flickr30k_captions(test_data: Path) -> None:
    root = test_data / "flickr30k_text"
    dataset = load_dataset(root)
    sizes = {
        name: (len(one.image_ids), len(one.texts)) for name in dataset.split_names for one in [dataset.split(name)]
    }
    assert sizes == {"validation": (1014, 5070), "test": (1000, 5000)}
    test = dataset.split("test")
    assert list(test.image_ids) == (root / "test_images.txt").read_text().split()
    # Multi30K keeps the order of the images: its English files are the same captions, tokenised differently.
    with gzip.open(root / "multi30k" / "test_2016.2.en.gz", "rt", encoding="utf-8") as file:
        second = [line.strip() for line in file]
    alike = sum(letters(one) == letters(other) for one, other in zip(test.texts[1::5], second, strict=True))
    assert alike > 900


@pytest.mark.parametrize(("language", "per_image"), [("de", 5), ("fr", 1), ("cs", 1)])
def test_flickr30k_translations(test_data: Path, language: str, per_image: int) -> None:
    dataset = load_dataset("flickr30k-captions", test_data / "flickr30k_text", language=language)
    assert (len(dataset.image_ids), len(dataset.texts)) == (1000, 1000 * per_image)
    assert dataset.image_ids == load_dataset("flickr30k-captions", test_data / "flickr30k_text").split("test").image_ids


def test_a_language_that_is_not_there(test_data: Path) -> None:
    with pytest.raises(OptionError, match="one of en, de, fr, cs"):
        load_dataset("flickr30k-captions", test_data / "flickr30k_text", language="es")
