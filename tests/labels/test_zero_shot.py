import numpy as np
import pytest

from ficoitr.data import load_dataset
from ficoitr.errors import CategoryError, OptionError, ShapeError
from ficoitr.models import load_model
from ficoitr.models.labels import label_quality, zero_shot_labeller
from ficoitr.models.labels.zero_shot import label_vectors, zero_shot_scores


@pytest.fixture(scope="module")
def scenes():
    return load_dataset("scenes", train=300, validation=80, test=80)


@pytest.fixture(scope="module")
def encoder(scenes):
    return load_model("cca", config={"dimensions": 64}).fit(scenes.split("train"))


def test_prompts_are_put_together_as_unit_vectors():
    prompts = np.random.default_rng(0).normal(size=(3, 4, 5)) * np.array([1, 10, 100, 1000])[:, None]
    unit = prompts / np.linalg.norm(prompts, axis=2, keepdims=True)
    vectors = label_vectors(prompts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    means = unit.mean(axis=1)
    np.testing.assert_allclose(vectors, means / np.linalg.norm(means, axis=1, keepdims=True))


def test_scores_are_cosines():
    images, labels = np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[0.0, 2.0], [-1.0, 0.0]])
    np.testing.assert_allclose(zero_shot_scores(images, labels), [[0.8, -0.6], [0, 0]])
    with pytest.raises(ShapeError, match="2 dimensions, labels 3"):
        zero_shot_scores(images, np.ones((1, 3)))


@pytest.mark.parametrize("name", ["cca", "cca-itq"])
def test_names_alone_label_better_than_chance(scenes, encoder, name):
    chosen = encoder if name == "cca" else load_model(name).fit(scenes.split("train"))
    labeller = zero_shot_labeller(
        chosen,
        scenes.category_names,
        templates=("a {}", "a {} on the grass"),
        validation=scenes.split("validation"),
    )
    test = scenes.split("test")
    scores = labeller.scores(test)
    quality = label_quality(scores, labeller.decide(scores), test.categories)
    assert quality.mean_average_precision > 1.5 * quality.guessing
    labelled = labeller.label(test)
    np.testing.assert_array_equal(labelled.categories, scores >= labeller.thresholds)
    figure = f"{100 * labeller.quality.mean_average_precision:.1f}"
    assert labelled.category_source == f"zero-shot({name}, thresholds from scenes validation, mAP {figure})"


def test_without_labelled_images_so_many_are_given(scenes, encoder):
    test = scenes.split("test")
    of_image = zero_shot_labeller(encoder, scenes.category_names, top=3).label(test)
    assert (of_image.categories.sum(axis=1) == 3).all()
    assert of_image.category_source == "zero-shot(cca, the 3 closest labels of an image)"
    of_label = zero_shot_labeller(encoder, scenes.category_names, share=0.1).label(test)
    assert (of_label.categories.sum(axis=0) == 8).all()
    assert of_label.category_source == "zero-shot(cca, the closest 10% of the images of a label)"
    for one in (of_image, of_label):
        right = one.categories & test.categories
        assert right.sum() / one.categories.sum() > 1.5 * test.categories.mean()


def test_one_rule_is_needed(scenes, encoder):
    names = scenes.category_names
    with pytest.raises(OptionError, match="one of the three"):
        zero_shot_labeller(encoder, names)
    with pytest.raises(OptionError, match="one of the three"):
        zero_shot_labeller(encoder, names, top=2, share=0.5)
    with pytest.raises(OptionError, match="1 to 24"):
        zero_shot_labeller(encoder, names, top=25)
    with pytest.raises(OptionError, match="between 0 and 1"):
        zero_shot_labeller(encoder, names, share=1.0)
    with pytest.raises(CategoryError, match="not those"):
        zero_shot_labeller(encoder, names[:3], validation=scenes.split("validation"))
