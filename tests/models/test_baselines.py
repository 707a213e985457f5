import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.data.images import MemoryImages
from ficoitr.errors import FileFormatError, InputError, OutputError, ShapeError, ValuesError
from ficoitr.models import Encoder, load_model
from ficoitr.models.features import shared_features
from ficoitr.outputs import HashCodes

NAMES = ("cca", "cca-itq")


@pytest.fixture(scope="module")
def scenes():
    dataset = load_dataset("scenes", train=200, validation=60, test=60)
    return {name: dataset.split(name) for name in ("train", "validation", "test")}


@pytest.fixture(scope="module")
def fitted(scenes) -> dict[str, Encoder]:
    with shared_features():
        return {
            name: load_model(name, config={"dimensions": 32}).fit(scenes["train"], scenes["validation"])
            for name in NAMES
        }


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


def values(outputs) -> np.ndarray:
    return outputs.words if isinstance(outputs, HashCodes) else outputs.values


def signed(outputs) -> np.ndarray:
    return outputs.unpack() * 2.0 - 1 if isinstance(outputs, HashCodes) else outputs.values


@pytest.mark.parametrize("name", NAMES)
def test_outputs_follow_the_dataset(fitted, scenes, name):
    test, model = scenes["test"], fitted[name]
    assert isinstance(model, Encoder)
    images, texts = model.encode_images(test), model.encode_texts(test)
    assert (len(images), len(texts)) == (60, 300)
    assert images.ids == test.image_ids
    assert texts.ids == test.text_ids


def test_embeddings_are_float32_of_length_one(fitted, scenes):
    for outputs in (fitted["cca"].encode_images(scenes["test"]), fitted["cca"].encode_texts(scenes["test"])):
        assert outputs.values.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(outputs.values, axis=1), 1, rtol=1e-6)


def test_codes_use_their_bits(fitted, scenes):
    for outputs in (fitted["cca-itq"].encode_images(scenes["train"]), fitted["cca-itq"].encode_texts(scenes["train"])):
        bits = outputs.unpack()
        assert bits.shape[1] == outputs.bits == 32
        assert (np.abs(bits.mean(axis=0) - 0.5) < 0.3).all()
    distinct = np.unique(fitted["cca-itq"].encode_images(scenes["train"]).words)
    assert len(distinct) > 190


@pytest.mark.parametrize("name", NAMES)
def test_matching_pairs_score_above_others(fitted, scenes, name):
    test, model = scenes["test"], fitted[name]
    scores = signed(model.encode_images(test)) @ signed(model.encode_texts(test)).T
    own = scores[test.text_to_image, np.arange(300)]
    higher = (scores < own).mean() + (scores == own).mean() / 2
    assert higher > 0.75  # 0.5 is chance


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_model(fitted, scenes, name):
    again = load_model(name, config={"dimensions": 32}).fit(scenes["train"], scenes["validation"], seed=0)
    for encode in ("encode_images", "encode_texts"):
        first, second = (values(getattr(model, encode)(scenes["test"])) for model in (fitted[name], again))
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kernel", ["linear", "gaussian"])
def test_a_saved_model_is_the_same_model(scenes, tmp_path, name, kernel):
    model = load_model(name, config={"dimensions": 8, "kernel": kernel, "features": "global"})
    model.fit(scenes["validation"])
    model.save(tmp_path / "model.npz")
    loaded = load_model(name, checkpoint=tmp_path / "model.npz")
    assert loaded.n_parameters == model.n_parameters
    assert loaded.config == model.config
    for encode in ("encode_images", "encode_texts"):
        np.testing.assert_array_equal(
            values(getattr(loaded, encode)(scenes["test"])), values(getattr(model, encode)(scenes["test"]))
        )


def test_parameters_are_the_numbers_in_the_file(fitted, tmp_path):
    fitted["cca"].save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        numbers = [archive[name] for name in archive.files if archive[name].dtype.kind == "f"]
        assert "landmarks" not in archive.files
        correlations = archive["correlations"].size
    assert fitted["cca"].n_parameters == sum(array.size for array in numbers) - correlations


def test_codes_are_the_signs_of_the_rotated_embeddings(fitted, scenes, tmp_path):
    fitted["cca-itq"].save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        rotation = archive["rotation"]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(32), atol=1e-12)
    for encode in ("encode_images", "encode_texts"):
        rotated = getattr(fitted["cca"], encode)(scenes["test"]).values @ rotation
        bits = getattr(fitted["cca-itq"], encode)(scenes["test"]).unpack()
        clear = np.abs(rotated) > 1e-6  # float32 may lose the sign of what is nearly zero
        assert clear.mean() > 0.99
        np.testing.assert_array_equal(bits[clear], rotated[clear] > 0)


def test_regions_fall_back_to_fixed_ones_without_boxes(scenes, test_data):
    photos = load_dataset("coco338", root=test_data / "coco338")
    model = load_model("cca", config={"dimensions": 8, "features": "regions"}).fit(photos.select(np.arange(40)))
    assert model.encode_images(photos.select(np.arange(40, 45))).values.shape == (5, 8)
    boxed = load_model("cca", config={"dimensions": 8}).fit(scenes["validation"])
    with pytest.raises(InputError, match=r"coco338.*has none"):
        boxed.encode_images(photos.select(np.arange(40)))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_is_not_fitted_says_so(scenes, tmp_path, name):
    model = load_model(name)
    uses = (
        lambda: model.encode_images(scenes["test"]),
        lambda: model.encode_texts(scenes["test"]),
        lambda: model.save(tmp_path / "model.npz"),
        lambda: model.n_parameters,
    )
    for use in uses:
        with pytest.raises(InputError, match="not fitted"):
            use()


def test_too_few_images_are_refused(scenes):
    with pytest.raises(ShapeError, match=r"9 images.*at least 10"):
        load_model("cca").fit(scenes["train"].select(np.arange(9)))


def test_images_that_are_all_alike_are_refused(scenes):
    images = MemoryImages((Image.new("RGB", (96, 96), "red"),) * 60)
    with pytest.raises(ValuesError, match="all images have the same features"):
        load_model("cca", config={"features": "global"}).fit(replace(scenes["test"], images=images))


def test_texts_that_are_all_alike_are_refused(scenes):
    with pytest.raises(ValuesError, match="all texts have the same features"):
        load_model("cca").fit(replace(scenes["test"], texts=("a red car",) * 300))


def test_fitting_extracts_each_image_once(scenes):
    images = CountingImages(scenes["validation"].images)
    load_model("cca-itq", config={"dimensions": 8}).fit(replace(scenes["validation"], images=images))
    assert images.decoded == Counter(range(60))


def test_more_bits_than_correlations_are_refused(scenes):
    with pytest.raises(ShapeError, match="at least 4000, one a bit"):
        load_model("cca-itq", config={"dimensions": 4000}).fit(scenes["validation"])


def test_texts_without_a_known_term_are_refused(fitted, scenes):
    foreign = replace(scenes["test"], texts=("ein rotes Auto",) * 300)
    with pytest.raises(ValuesError, match="no text contains a term"):
        fitted["cca"].encode_texts(foreign)


def test_a_missing_folder_is_an_output_error(fitted, tmp_path):
    with pytest.raises(OutputError, match="does not exist"):
        fitted["cca"].save(tmp_path / "none" / "model.npz")


def write_npz(path, header, **arrays):
    with path.open("wb") as file:
        np.savez(file, header=np.array(header), **arrays)


def later_format(path, model):
    write_npz(path, json.dumps({"format": "ficoitr.model/9", "model": "cca", "config": {}}))


def another_model(path, model):
    write_npz(path, json.dumps({"format": "ficoitr.model/1", "model": "scan", "config": {}}))


def arrays_missing(path, model):
    write_npz(path, json.dumps({"format": "ficoitr.model/1", "model": "cca", "config": {}}), text_map=np.ones(3))


def truncated(path, model):
    model.save(path)
    path.write_bytes(path.read_bytes()[:-2000])


def damaged(path, model):
    model.save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def pickled(path, model):
    np.save(path.with_suffix(".npy"), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path.with_suffix(".npy").rename(path)


def pickled_inside(path, model):
    write_npz(path, json.dumps({"format": "ficoitr.model/1", "model": "cca", "config": {}}), terms=np.array([{}]))


def plain_array(path, model):
    with path.open("wb") as file:
        np.save(file, np.eye(3))


def foreign_archive(path, model):
    with path.open("wb") as file:
        np.savez(file, weights=np.eye(3))


def text(path, model):
    path.write_text("no model at all")


def empty(path, model):
    path.touch()


def missing(path, model):
    path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (later_format, "'ficoitr.model/9'.*version of this package"),
        (another_model, "'scan'.*Expected 'cca'"),
        (arrays_missing, "lacks .*image_map"),
        (truncated, "damaged"),
        (damaged, "damaged"),
        (pickled, "damaged"),
        (pickled_inside, "damaged"),
        (plain_array, "no file of a fitted model"),
        (foreign_archive, "no file of a fitted model"),
        (text, "no file of a fitted model"),
        (empty, "no file of a fitted model"),
        (missing, "no such file"),
    ],
    ids=lambda part: part.__name__ if callable(part) else "",
)
def test_foreign_files_are_refused(fitted, tmp_path, make, message):
    path = tmp_path / "model.npz"
    make(path, fitted["cca"])
    with pytest.raises(FileFormatError, match=message):
        load_model("cca", checkpoint=path)
