"""The hashing datasets: real files by their known facts, the other layouts by files of the same names and sizes."""

from __future__ import annotations

import re
import shutil
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from ficoitr.data import data_card
from ficoitr.data.hashing import (
    HashingDataset,
    coco_doc2vec,
    iapr_tc12,
    mirflickr25k,
    nus_wide_tc10,
    nus_wide_tc21,
    wiki,
)
from ficoitr.data.hashing.splits import Positions
from ficoitr.errors import FicoitrWarning, FileFormatError, IdentifierError, InputError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)


def relevant(dataset: HashingDataset) -> float:
    """Share of the pairs of a query and a searched image that share a label."""
    queries = dataset.split("test").categories.astype(np.float32)
    searched = dataset.split("retrieval").categories.astype(np.float32)
    return float((queries @ searched.T > 0).mean())


def sizes(dataset: HashingDataset) -> dict[str, int]:
    return {name: len(dataset.split(name).image_ids) for name in ("train", "retrieval", "test")}


def ids(dataset: HashingDataset, split: str) -> tuple[int, int]:
    identifiers = dataset.split(split).image_ids
    assert [int(one) for one in identifiers] == list(range(int(identifiers[0]), int(identifiers[-1]) + 1))
    return int(identifiers[0]), int(identifiers[-1])


def test_mirflickr25k(test_data: Path) -> None:
    root = test_data / "mirflickr25k_dcmh"
    dataset = mirflickr25k(root)
    assert sizes(dataset) == {"train": 10_000, "retrieval": 18_015, "test": 2_000}
    assert (ids(dataset, "test"), ids(dataset, "train"), ids(dataset, "retrieval")) == (
        (0, 1_999), (2_000, 11_999), (2_000, 20_014),
    )  # fmt: skip
    assert f"{relevant(dataset):.3f}" == "0.538"
    tags = loadmat(root / "mirflickr25k-yall.mat")["YAll"]
    np.testing.assert_array_equal(dataset.split("test").text_features["tags"][:], tags[:2_000])
    assert dataset.image_features == {}
    assert not dataset.has_pixels
    assert not dataset.has_words
    with pytest.raises(InputError, match=r"no pixels.*mirflickr25k-iall-vgg\.mat.*'XAll'"):
        dataset.images[0]
    with pytest.raises(InputError, match=r"no words.*not what the tags are"):
        dataset.texts[0]


@pytest.mark.parametrize(("splits", "n_train"), [("dadh", 10_000), ("ucch", 18_015)])
def test_mirflickr25k_by_other_papers(test_data: Path, splits: str, n_train: int) -> None:
    dataset = mirflickr25k(test_data / "mirflickr25k_dcmh", splits=splits)
    assert sizes(dataset) == {"train": n_train, "retrieval": 18_015, "test": 2_000}
    assert ids(dataset, "test") == (18_015, 20_014)
    assert ids(dataset, "train") == (0, n_train - 1)
    assert ids(dataset, "retrieval") == (0, 18_014)
    assert f"{relevant(dataset):.3f}" == "0.542"


def test_mirflickr25k_columns_are_what_they_are_called(test_data: Path) -> None:
    dataset = mirflickr25k(test_data / "mirflickr25k_dcmh")
    column = {name: dataset.categories[:, number] for number, name in enumerate(dataset.category_names)}
    implied = {
        "animals": ("dog", "bird"),
        "people": ("baby", "female", "male", "portrait"),
        "plant_life": ("tree", "flower"),
        "water": ("lake", "sea", "river"),
        "transport": ("car",),
        "sky": ("clouds",),
    }
    for general, special in implied.items():
        for one in special:
            assert column[general][column[one]].mean() > 0.998, (one, general)


def test_wiki(test_data: Path) -> None:
    dataset = wiki(test_data / "wiki")
    assert sizes(dataset) == {"train": 2_173, "retrieval": 2_173, "test": 693}
    assert len(dataset.category_names) == 10
    assert dataset.categories.sum(axis=1).tolist() == [1] * 2_866
    assert {name: one.shape for name, one in dataset.image_features.items()} == {
        "sift": (2_866, 128),
        "roph": (2_866, 128),
    }
    assert {name: one.shape for name, one in dataset.text_features.items()} == {
        "lda": (2_866, 10),
        "roph": (2_866, 100),
    }
    lists = test_data / "wiki" / "wikipedia_info"
    text, image, category = (lists / "testset_txt_img_cat.list").read_text().splitlines()[5].split("\t")
    test = dataset.split("test")
    assert (test.text_ids[5], test.image_ids[5]) == (text, image)
    assert np.flatnonzero(test.categories[5]).tolist() == [int(category) - 1]
    features = loadmat(lists / "raw_features.mat")
    np.testing.assert_array_equal(test.image_features["sift"][:], features["I_te"])
    np.testing.assert_array_equal(dataset.split("train").text_features["lda"][:], features["T_tr"])


def test_wiki_gives_the_known_figures(test_data: Path) -> None:
    # CCA with 9 dimensions, ridge 0.1, on standardised features: mAP of .246 and .201, where chance has .119.
    dataset = wiki(test_data / "wiki")
    train, test = dataset.split("train"), dataset.split("test")

    def standard(split: HashingDataset) -> tuple[np.ndarray, np.ndarray]:
        fitted = train.image_features["sift"][:], train.text_features["lda"][:]
        values = split.image_features["sift"][:], split.text_features["lda"][:]
        return tuple((one - fit.mean(axis=0)) / fit.std(axis=0) for one, fit in zip(values, fitted, strict=True))

    def whitening(values: np.ndarray) -> np.ndarray:
        covariance = values.T @ values / len(values) + 0.1 * np.eye(values.shape[1])
        return np.linalg.inv(np.linalg.cholesky(covariance)).T

    images, texts = standard(train)
    to_image, to_text = whitening(images), whitening(texts)
    left, _, right = np.linalg.svd((images @ to_image).T @ (texts @ to_text))
    query_images, query_texts = standard(test)
    image_codes, text_codes = query_images @ to_image @ left[:, :9], query_texts @ to_text @ right[:9].T
    image_codes /= np.linalg.norm(image_codes, axis=1, keepdims=True)
    text_codes /= np.linalg.norm(text_codes, axis=1, keepdims=True)
    scores = image_codes @ text_codes.T
    shared = test.categories.astype(np.int64) @ test.categories.T > 0

    def mean_average_precision(scores: np.ndarray) -> float:
        found = np.take_along_axis(shared, np.argsort(-scores, axis=1), axis=1)
        precision = found.cumsum(axis=1) / np.arange(1, found.shape[1] + 1)
        return float(((precision * found).sum(axis=1) / found.sum(axis=1)).mean())

    assert f"{mean_average_precision(scores):.3f}" == "0.246"
    assert f"{mean_average_precision(scores.T):.3f}" == "0.201"


def test_wiki_in_the_splits_of_the_other_file(test_data: Path) -> None:
    dataset = wiki(test_data / "wiki", splits="roph")
    assert sizes(dataset) == {"train": 2_173, "retrieval": 2_173, "test": 693}
    official = wiki(test_data / "wiki")
    assert dataset.image_ids == official.image_ids
    assert f"{(official.splits[dataset.splits == 'train'] == 'train').mean():.2f}" == "0.75"
    roph = loadmat(test_data / "wiki" / "roph_wiki.mat")["data"][0, 0]
    rows = np.sort(roph["split"][0, 0]["ind_test"].ravel()) - 1
    np.testing.assert_array_equal(dataset.split("test").text_features["roph"][:], roph["X2"].T[rows])


def test_wiki_without_the_other_file(test_data: Path) -> None:
    root = test_data / "wiki" / "wikipedia_info"
    dataset = wiki(root)
    assert list(dataset.image_features) == ["sift"]
    assert dataset.digest() == wiki(test_data / "wiki").digest()
    with pytest.raises(OptionError, match=r"there is no roph_wiki\.mat"):
        wiki(root, splits="roph")
    with pytest.raises(OptionError, match="'official' or 'roph'"):
        wiki(root, splits="dcmh")


def labels(n: int, n_labels: int) -> np.ndarray:
    values = (RANDOM.random((n, n_labels)) < 0.1).astype(np.uint8)
    values[3] = 0
    return values


def test_ucch_files_of_mirflickr(test_data: Path, tmp_path: Path) -> None:
    # In the folders of the archive, with features and file names beside the real labels and tags.
    for name in ("lall", "yall"):
        (tmp_path / name).mkdir()
        shutil.copy(test_data / "mirflickr25k_dcmh" / f"mirflickr25k-{name}.mat", tmp_path / name)
    features = RANDOM.random((20_015, 2)).astype(np.float32)
    savemat(tmp_path / "mirflickr25k-iall-vgg.mat", {"XAll": features})
    names = [f"im{number}.jpg" for number in range(20_015, 0, -1)]
    savemat(tmp_path / "mirflickr25k-fall.mat", {"FAll": np.array(names, object)[:, None]})
    dataset = mirflickr25k(tmp_path, splits="ucch")
    test = dataset.split("test")
    assert test.image_ids[0] == "im2000.jpg"
    np.testing.assert_array_equal(test.image_features["vgg19"][:], features[-2_000:])
    assert dataset.digest() != mirflickr25k(test_data / "mirflickr25k_dcmh", splits="ucch").digest()
    savemat(tmp_path / "FLICKR-25K.mat", {"LAll": labels(20_015, 24)})
    with pytest.raises(OptionError, match=r"has mirflickr25k-lall\.mat, FLICKR-25K\.mat.*'separate', 'merged'"):
        mirflickr25k(tmp_path)
    assert len(mirflickr25k(tmp_path, layout="separate").image_features) == 1


def test_dadh_file_of_mirflickr(tmp_path: Path) -> None:
    values = labels(20_015, 24)
    arrays = {"images": RANDOM.random((20_015, 3)), "YAll": values[:, :5], "LAll": values}
    savemat(tmp_path / "FLICKR-25K.mat", arrays, do_compression=True)
    dataset = mirflickr25k(tmp_path, splits="dadh")
    np.testing.assert_array_equal(dataset.categories, values.astype(bool))
    assert not dataset.categories[3].any()
    card = data_card(dataset)
    assert card.labels.images_without == (values.sum(axis=1) == 0).sum() > 0
    assert card.splits == {"train": (10_000,) * 2, "retrieval": (8_015,) * 2, "test": (2_000,) * 2}
    np.testing.assert_array_equal(dataset.split("test").image_features["cnn-f"][:], arrays["images"][-2_000:])
    np.testing.assert_array_equal(dataset.split("test").text_features["tags"][:], values[-2_000:, :5])
    assert sizes(dataset) == {"train": 10_000, "retrieval": 18_015, "test": 2_000}


def test_nus_wide_tc10(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    values = labels(186_557, 10)
    savemat(tmp_path / "nus-wide-tc10-lall.mat", {"LAll": values})
    savemat(tmp_path / "nus-wide-tc10-xall-vgg.mat", {"XAll": values[:, :2].astype(np.float32)})
    # MATLAB writes what is larger than 2 GB in version 7.3, transposed.
    with h5py.File(tmp_path / "nus-wide-tc10-yall.mat", "w") as file:
        file.create_dataset("YAll", data=values[:, :4].T, compression="gzip")
        file["YAll"].attrs["MATLAB_class"] = np.bytes_("double")
    dataset = nus_wide_tc10(tmp_path)
    assert sizes(dataset) == {"train": 184_457, "retrieval": 184_457, "test": 2_100}
    assert ids(dataset, "test") == (184_457, 186_556)
    np.testing.assert_array_equal(dataset.text_features["tags"][184_457], values[184_457, :4])
    assert dataset.category_names[0] == "label 1"
    assert dataset.image_features["vgg19"].shape == (186_557, 2)


@pytest.mark.parametrize(("splits", "n_train"), [("dadh", 10_000), ("dcmh", 10_500)])
def test_nus_wide_tc21(tmp_path: Path, splits: str, n_train: int) -> None:
    values = labels(195_834, 21)
    savemat(tmp_path / "NUS-WIDE-TC21.mat", {"image": values[:, :2] / 2, "text": values[:, :3], "label": values})
    dataset = nus_wide_tc21(tmp_path, splits=splits)
    assert sizes(dataset) == {"train": n_train, "retrieval": 193_734, "test": 2_100}
    assert ids(dataset, "train") == (2_100, 2_100 + n_train - 1)
    np.testing.assert_array_equal(dataset.split("test").image_features["cnn-f"][:], values[:2_100, :2] / 2)


def iapr(n_database: int = 18_000, **changes: object) -> dict[str, object]:
    values = labels(20_000, 255)
    return {
        "VDatabase": values[:n_database, :2] / 4, "VTest": values[n_database:, :2] / 4,
        "YDatabase": values[:n_database, :3], "YTest": values[n_database:, :3],
        "databaseL": values[:n_database], "testL": values[n_database:],
        **changes,
    }  # fmt: skip


def test_iapr_tc12(tmp_path: Path) -> None:
    arrays = iapr()
    savemat(tmp_path / "iapr-tc12-rand.mat", arrays)
    dataset = iapr_tc12(tmp_path)
    assert sizes(dataset) == {"train": 18_000, "retrieval": 18_000, "test": 2_000}
    np.testing.assert_array_equal(dataset.split("test").image_features["cnn-f"][:], arrays["VTest"])
    np.testing.assert_array_equal(dataset.categories[17_999:18_001], [arrays["databaseL"][-1], arrays["testL"][0]])


def test_coco_doc2vec(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    values = labels(122_218, 80)
    vectors = RANDOM.normal(size=(122_218, 3)).astype(np.float32)
    with h5py.File(tmp_path / "MSCOCO_deep_doc2vec_data_rand.h5py", "w") as file:
        file["XAll"], file["YAll"], file["LAll"] = vectors[:, :2], vectors, values
    dataset = coco_doc2vec(tmp_path)
    assert sizes(dataset) == {"train": 117_218, "retrieval": 117_218, "test": 5_000}
    np.testing.assert_array_equal(dataset.split("test").text_features["doc2vec"][:], vectors[-5_000:])
    assert isinstance(dataset.text_features["doc2vec"].parts[0], np.memmap)


def test_another_number_of_pairs_is_said(tmp_path: Path) -> None:
    savemat(tmp_path / "mirflickr25k-lall.mat", {"LAll": labels(13_000, 24)})
    savemat(tmp_path / "mirflickr25k-yall.mat", {"YAll": labels(13_000, 4)})
    with pytest.warns(FicoitrWarning, match="has 13,000 pairs, the published dataset 20,015"):
        assert sizes(mirflickr25k(tmp_path)) == {"train": 10_000, "retrieval": 11_000, "test": 2_000}


def test_positions_divide_without_a_rest() -> None:
    assert Positions("first", 2, 2).of(5, "x").tolist() == ["test", "test", "train", "train", "retrieval"]
    assert Positions("last", 2, 2).of(5, "x").tolist() == ["train", "train", "retrieval", "test", "test"]
    assert Positions("first", 2).of(4, "x").tolist() == ["test", "test", "train", "train"]
    assert Positions("last", 2).of(3, "x").tolist() == ["train", "test", "test"]
    with pytest.raises(FileFormatError, match=r"x: there are 4 pairs. Expected at least 5: 3 queries"):
        Positions("last", 3, 2).of(4, "x")


def test_a_split_of_a_split_is_its_own(test_data: Path) -> None:
    dataset = mirflickr25k(test_data / "mirflickr25k_dcmh")
    searched = dataset.split("retrieval")
    assert searched.split_name == "retrieval"
    assert len(searched.split("train").image_ids) == 10_000
    with pytest.raises(OptionError, match="no split 'retrieval'"):
        dataset.split("test").split("retrieval")


N = 20_015
LABELS = labels(N, 24)
WRONG = LABELS.astype(np.float64)
WRONG[7, 3] = 0.5
HOLE = np.ones((N, 2))
HOLE[11, 1] = np.nan
NAMES = [f"im{row}.jpg" for row in range(N)]

# What is written in place of the good files, and the error.
BAD_FILES = {
    "no folder of the dataset": (
        {"lall": None},
        r"^{root}: no file of 'mirflickr25k'.*mirflickr25k-lall\.mat or FLICKR",
    ),
    "no tags": ({"yall": None}, r"^{root}/mirflickr25k-yall\.mat: the file does not exist"),
    "labels under another name": ({"lall": {"LALL": LABELS}}, r"lall\.mat: the file has no array 'LAll'.*'LALL'"),
    "tags under another name": ({"yall": {"tags": LABELS}}, r"yall\.mat: the file has no array 'YAll'.*one of tags"),
    "other labels": ({"lall": {"LAll": LABELS[:, :21]}}, r"lall\.mat: 'LAll' has 21 columns. Expected 24"),
    "labels that are no labels": ({"lall": {"LAll": WRONG}}, r"lall\.mat, row 7, column 3: 'LAll' holds 0\.5.*0 or 1"),
    "labels as text": ({"lall": {"LAll": "x"}}, r"lall\.mat: 'LAll' is of type"),
    "fewer tags": ({"yall": {"YAll": LABELS[:-1]}}, r"yall\.mat: 'YAll' has 20,014 rows. Expected 20,015"),
    "tags transposed": ({"yall": {"YAll": LABELS.T}}, r"yall\.mat: 'YAll' has 24 rows.*transpose it"),
    "more features": ({"iall-vgg": {"XAll": np.ones((N + 1, 2))}}, r"iall-vgg\.mat: 'XAll' has 20,016 rows"),
    "features with NaN": ({"iall-vgg": {"XAll": HOLE}}, r"iall-vgg\.mat, row 11: 'XAll' holds NaN"),
    "pixels for features": ({"iall-vgg": {"XAll": np.ones((N, 1, 2, 2))}}, r"'XAll' has the shape \(20015, 1, 2, 2\)"),
    "fewer names": ({"fall": {"FAll": np.array(NAMES[1:], object)}}, r"fall\.mat: 'FAll' has 20,014 names"),
    "a name twice": (
        {"fall": {"FAll": np.array([*NAMES[1:], NAMES[1]], object)}},
        r"fall\.mat: 'im1\.jpg' stands in rows 0",
    ),
    "names that are numbers": ({"fall": {"FAll": HOLE}}, r"fall\.mat: 'FAll' is no cell array of strings"),
    "too few pairs": ({"lall": {"LAll": LABELS[:100]}, "yall": {"YAll": LABELS[:100]}}, r"there are 100 pairs.*12,000"),
    "a damaged file": ({"yall": b"cut"}, r"yall\.mat: the file is of an unknown format"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    changes, message = BAD_FILES[case]
    for part, content in {"lall": {"LAll": LABELS}, "yall": {"YAll": LABELS[:, :3]}, **changes}.items():
        path = tmp_path / f"mirflickr25k-{part}.mat"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            savemat(path, content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FicoitrWarning)
        with pytest.raises(
            (FileFormatError, IdentifierError), match=message.replace("{root}", re.escape(str(tmp_path)))
        ):
            mirflickr25k(tmp_path)


def test_parts_that_do_not_fit(tmp_path: Path) -> None:
    # The sum of the rows is right, but not those of each part.
    arrays = iapr(YDatabase=np.ones((17_999, 3)), YTest=np.ones((2_001, 3)))
    savemat(tmp_path / "iapr-tc12-rand.mat", arrays)
    with pytest.raises(FileFormatError, match=r"rand\.mat: 'YDatabase' has 17,999 rows. Expected 18,000"):
        iapr_tc12(tmp_path)


def test_bad_options(test_data: Path) -> None:
    root = test_data / "mirflickr25k_dcmh"
    with pytest.raises(OptionError, match=r"splits: 'first' is unknown. Expected one of 'dcmh', 'dadh', 'ucch'"):
        mirflickr25k(root, splits="first")
    with pytest.raises(OptionError, match=r"layout: 'mat' is unknown. Expected one of 'separate', 'merged'"):
        mirflickr25k(root, layout="mat")
    with pytest.raises(FileFormatError, match=r"FLICKR-25K\.mat: the file does not exist"):
        mirflickr25k(root, layout="merged")
    with pytest.raises(FileFormatError, match=r"raw_features\.mat: the file does not exist"):
        wiki(root)


# A change of one of the real files, and the error.
BAD_WIKI = {
    "two fields": ("testset_txt_img_cat.list", lambda text: text.replace("\t", " ", 1), "list, line 1: .*2 fields"),
    "no number": ("trainset_txt_img_cat.list", lambda text: "a\tb\tc\n" + text, "list, line 1: the category is 'c'"),
    "category 11": ("trainset_txt_img_cat.list", lambda text: "a\tb\t11\n" + text, "from 1 to 10"),
    "an id twice": (
        "trainset_txt_img_cat.list",
        lambda text: text + text.splitlines()[0] + "\n",
        r"list, line 2174: .* is listed again.*line 1\.",
    ),
    "a pair more": (
        "trainset_txt_img_cat.list",
        lambda text: text + "a\tb\t1\n",
        "'I_tr' has 2,173 rows. Expected 2,174",
    ),
    "another order": (
        "trainset_txt_img_cat.list",
        lambda text: "\n".join(reversed(text.splitlines())) + "\n",
        r"roph_wiki\.mat: its labels are not those of the lists",
    ),
    "no categories": ("categories.list", lambda _: "", "from 1 to 0"),
}


@pytest.mark.parametrize("case", BAD_WIKI)
def test_bad_lists_of_wiki(test_data: Path, tmp_path: Path, case: str) -> None:
    name, change, message = BAD_WIKI[case]
    for path in (test_data / "wiki").rglob("*.*"):
        shutil.copyfile(path, tmp_path / path.name)
    (tmp_path / name).write_text(change((tmp_path / name).read_text()))
    with pytest.raises((FileFormatError, IdentifierError), match=message):
        wiki(tmp_path)


def test_bad_splits_of_wiki(test_data: Path, tmp_path: Path) -> None:
    for path in (test_data / "wiki").rglob("*.*"):
        shutil.copyfile(path, tmp_path / path.name)
    data = loadmat(tmp_path / "roph_wiki.mat")["data"][0, 0]
    fields = {name: data[name] for name in ("X1", "X2", "Y")}
    train, test = (data["split"][0, 0][name].astype(np.int64) for name in ("ind_train", "ind_test"))
    for case, message in (
        ((train, test[:, 1:]), "is in no split"),
        ((train, np.append(test, train[0, 0])), "'data.split.ind_test' holds a number twice"),
        ((train, test + 2_866), "one that does not exist"),
    ):
        split = dict(zip(("ind_train", "ind_test"), case, strict=True))
        savemat(tmp_path / "roph_wiki.mat", {"data": {**fields, "split": split}})
        with pytest.raises(FileFormatError, match=message):
            wiki(tmp_path, splits="roph")
