"""Perceptrons on features, one a side: the networks of hashing models that read vectors."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class Perceptron(nn.Module):
    """Linear layers with ReLU between them, under the names ``fc.0``, ``fc.2`` and so on.

    Parameters
    ----------
    width : int
        Of the input.
    bits : int
        Of the output.
    hidden : int
        Of the layers between.
    layers : int
        Linear layers; a single one goes straight from input to output.
    """

    def __init__(self, width: int, bits: int, *, hidden: int, layers: int) -> None:
        super().__init__()
        widths = [width, *[hidden] * (layers - 1), bits]
        stack: list[nn.Module] = []
        for one, following in pairwise(widths):
            stack += [nn.Linear(one, following), nn.ReLU(inplace=True)]
        self.fc = nn.Sequential(*stack[:-1])

    def forward(self, features: Tensor) -> Tensor:
        """Map features of shape (n, width) to values of shape (n, bits)."""
        values: Tensor = self.fc(features)
        return values


class PerceptronPair(nn.Module):
    """A perceptron for images and one for texts, whose outputs z are the values.

    Parameters
    ----------
    image_width, text_width : int
        Of the features.
    bits : int
        Length of a code.
    hidden : int
        Width of the hidden layers.
    image_layers, text_layers : int
        Linear layers of each side.
    """

    def __init__(
        self,
        image_width: int,
        text_width: int,
        *,
        bits: int,
        hidden: int,
        image_layers: int = 2,
        text_layers: int = 2,
    ) -> None:
        super().__init__()
        self.image = Perceptron(image_width, bits, hidden=hidden, layers=image_layers)
        self.text = Perceptron(text_width, bits, hidden=hidden, layers=text_layers)

    def encode_images(self, features: Tensor) -> Tensor:
        """Map image features of shape (n, image_width) to float32 values of shape (n, bits)."""
        values: Tensor = self.image(features).float()
        return values

    def encode_texts(self, features: Tensor) -> Tensor:
        """Map text features of shape (n, text_width) to float32 values of shape (n, bits)."""
        values: Tensor = self.text(features).float()
        return values


class TanhPair(PerceptronPair):
    """A `PerceptronPair` whose values are tanh(αz), in (-1, 1).

    α sharpens them as training goes on, and leaves their signs as they are: what is encoded afterwards has α = 1.

    Examples
    --------
    >>> import torch
    >>> network = TanhPair(20, 30, bits=16, hidden=32)
    >>> network.encode_images(torch.rand(4, 20)).abs().max() < 1
    tensor(True)
    """

    def encode_images(self, features: Tensor, sharpness: float = 1.0) -> Tensor:
        """Map image features of shape (n, image_width) to float32 values of shape (n, bits)."""
        return (sharpness * super().encode_images(features)).tanh()

    def encode_texts(self, features: Tensor, sharpness: float = 1.0) -> Tensor:
        """Map text features of shape (n, text_width) to float32 values of shape (n, bits)."""
        return (sharpness * super().encode_texts(features)).tanh()
