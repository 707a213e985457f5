"""The datasets as data: which files hold which arrays, and which rows of them are queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ficoitr.data.hashing.splits import Positions

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Part:
    """Arrays of one file, one below the other."""

    file: str
    arrays: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """How a paper's archive holds a dataset.

    Parameters
    ----------
    name : str
        What a user calls it.
    labels, texts, images : Part
        Where the labels and features are; the images may be left away.
    image_features : str
        What extracted the features of the images.
    image_names : Part, optional
        A cell array of file names, which may be left away too.
    """

    name: str
    labels: Part
    texts: Part
    images: Part
    image_features: str
    image_names: Part | None = None


@dataclass(frozen=True)
class HashingSet:
    """A dataset of pairs of an image and a text, in one or several layouts.

    Parameters
    ----------
    name : str
    n_pairs : int
        As published: splits by position are the papers' for this number only.
    n_labels : int
    label_names : tuple of str
        In the order of the columns; empty where nobody has said it.
    text_features : str
        What the features of the texts are.
    no_words : str
        Why there are no texts, as a sentence without the full stop.
    layouts : tuple of Layout
    splits : mapping of str to Positions
        By the name of the paper whose code takes them so.
    """

    name: str
    n_pairs: int
    n_labels: int
    label_names: tuple[str, ...]
    text_features: str
    no_words: str
    layouts: tuple[Layout, ...]
    splits: Mapping[str, Positions]


_TAGS = "Its files say of each image which common tags it has, but not what the tags are: see text_features['tags']"

# In the order of the columns. The archive does not say it; it is alphabetical, as the labels themselves show: 13 of
# the 14 inclusions that the words imply (a dog is an animal, a lake is water, …) hold for over 99.8% of the images.
_MIRFLICKR_LABELS = (
    "animals", "baby", "bird", "car", "clouds", "dog", "female", "flower", "food", "indoor", "lake", "male", "night",
    "people", "plant_life", "portrait", "river", "sea", "sky", "structures", "sunset", "transport", "tree", "water",
)  # fmt: skip

MIRFLICKR25K = HashingSet(
    name="mirflickr25k",
    n_pairs=20_015,
    n_labels=24,
    label_names=_MIRFLICKR_LABELS,
    text_features="tags",
    no_words=_TAGS,
    layouts=(
        Layout(
            "separate",
            labels=Part("mirflickr25k-lall.mat", ("LAll",)),
            texts=Part("mirflickr25k-yall.mat", ("YAll",)),
            images=Part("mirflickr25k-iall-vgg.mat", ("XAll",)),
            image_features="vgg19",
            image_names=Part("mirflickr25k-fall.mat", ("FAll",)),
        ),
        Layout(
            "merged",
            labels=Part("FLICKR-25K.mat", ("LAll",)),
            texts=Part("FLICKR-25K.mat", ("YAll",)),
            images=Part("FLICKR-25K.mat", ("images",)),
            image_features="cnn-f",
        ),
    ),
    splits={
        "dcmh": Positions("first", 2_000, 10_000),
        "dadh": Positions("last", 2_000, 10_000),
        "ucch": Positions("last", 2_000),
    },
)

# The concepts of the ten and the 21 columns are known (sky, clouds, person, water, animal, grass, buildings, window,
# plants and lake are the ten), but not their order, which the author has never said (jiangqy/DCMH-CVPR2017, issue 14).
NUS_WIDE_TC10 = HashingSet(
    name="nus-wide-tc10",
    n_pairs=186_557,
    n_labels=10,
    label_names=(),
    text_features="tags",
    no_words=_TAGS,
    layouts=(
        Layout(
            "separate",
            labels=Part("nus-wide-tc10-lall.mat", ("LAll",)),
            texts=Part("nus-wide-tc10-yall.mat", ("YAll",)),
            images=Part("nus-wide-tc10-xall-vgg.mat", ("XAll",)),
            image_features="vgg19",
            image_names=Part("nus-wide-tc10-fall.mat", ("FAll",)),
        ),
    ),
    splits={"ucch": Positions("last", 2_100)},
)

NUS_WIDE_TC21 = HashingSet(
    name="nus-wide-tc21",
    n_pairs=195_834,
    n_labels=21,
    label_names=(),
    text_features="tags",
    no_words=_TAGS,
    layouts=(
        Layout(
            "merged",
            labels=Part("NUS-WIDE-TC21.mat", ("label",)),
            texts=Part("NUS-WIDE-TC21.mat", ("text",)),
            images=Part("NUS-WIDE-TC21.mat", ("image",)),
            image_features="cnn-f",
        ),
        Layout(
            "separate",
            labels=Part("nus-wide-tc21-lall.mat", ("LAll",)),
            texts=Part("nus-wide-tc21-yall.mat", ("YAll",)),
            images=Part("nus-wide-tc21-xall-vgg.mat", ("XAll",)),
            image_features="vgg19",
            image_names=Part("nus-wide-tc21-fall.mat", ("FAll",)),
        ),
    ),
    splits={"dadh": Positions("first", 2_100, 10_000), "dcmh": Positions("first", 2_100, 10_500)},
)

IAPR_TC12 = HashingSet(
    name="iapr-tc12",
    n_pairs=20_000,
    n_labels=255,
    label_names=(),
    text_features="tags",
    no_words=_TAGS,
    layouts=(
        Layout(
            "merged",
            labels=Part("iapr-tc12-rand.mat", ("databaseL", "testL")),
            texts=Part("iapr-tc12-rand.mat", ("YDatabase", "YTest")),
            images=Part("iapr-tc12-rand.mat", ("VDatabase", "VTest")),
            image_features="cnn-f",
        ),
    ),
    splits={"ucch": Positions("last", 2_000)},
)

COCO_DOC2VEC = HashingSet(
    name="coco-doc2vec",
    n_pairs=122_218,
    n_labels=80,
    label_names=(),
    text_features="doc2vec",
    no_words="Its file holds vectors of the captions, not their words: see text_features['doc2vec']",
    layouts=(
        Layout(
            "merged",
            labels=Part("MSCOCO_deep_doc2vec_data_rand.h5py", ("LAll",)),
            texts=Part("MSCOCO_deep_doc2vec_data_rand.h5py", ("YAll",)),
            images=Part("MSCOCO_deep_doc2vec_data_rand.h5py", ("XAll",)),
            image_features="vgg19",
        ),
    ),
    splits={"ucch": Positions("last", 5_000)},
)
