import numpy as np
import pytest

from ficoitr.data import load_dataset
from ficoitr.models import load_model


def recall_of_texts(images: np.ndarray, texts: np.ndarray, text_to_image: np.ndarray, k: int) -> float:
    """Share of texts whose own image is among the k best by inner product."""
    scores = texts.astype(np.float64) @ images.T.astype(np.float64)
    own = scores[np.arange(len(texts)), text_to_image]
    return float(((scores > own[:, None]).sum(axis=1) < k).mean())


# The bars were measured with the same kind of features and plain NumPy; chance is 5% and 10%.
@pytest.mark.parametrize(("name", "n_test", "bar"), [("flickr8k", 200, 0.25), ("coco338", 100, 0.27)])
def test_cca_reaches_the_measured_recall(test_data, name, n_test, bar):
    dataset = load_dataset(name, root=test_data / name)
    train, test = dataset.split("train"), dataset.split("test")
    assert len(test.images) == n_test
    model = load_model("cca").fit(train)
    images, texts = model.encode_images(test).values, model.encode_texts(test).values
    assert recall_of_texts(images, texts, test.text_to_image, 10) >= bar
