"""The two networks of UCCH, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import FileFormatError
from ficoitr.models.coarse.perceptron import Perceptron

_SIDES = ("image", "text")


class UCCHNetwork(nn.Module):
    """UCCH's image and text networks: h = tanh(z) / ‖tanh(z)‖, z being the output of a perceptron.

    Parameters
    ----------
    image_width, text_width : int
        Of the features.
    bits : int
        L, the length of a code.
    hidden : int
        Width of the hidden layers.
    image_layers, text_layers : int
        Linear layers of each side.

    Notes
    -----
    Hu et al., "Unsupervised Contrastive Cross-Modal Hashing", TPAMI 45(3), 2023. The published checkpoints hold two
    state dicts, of the ``image`` and of the ``text`` network, whose names are those of these modules.

    Examples
    --------
    >>> import torch
    >>> network = UCCHNetwork(20, 30, bits=16, hidden=32)
    >>> network.encode_images(torch.rand(4, 20)).shape
    torch.Size([4, 16])
    """

    def __init__(
        self,
        image_width: int,
        text_width: int,
        *,
        bits: int = 64,
        hidden: int = 8192,
        image_layers: int = 3,
        text_layers: int = 2,
    ) -> None:
        super().__init__()
        self.image = Perceptron(image_width, bits, hidden=hidden, layers=image_layers)
        self.text = Perceptron(text_width, bits, hidden=hidden, layers=text_layers)

    @classmethod
    def from_published(cls, checkpoint: Mapping[str, Any]) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes.

        Parameters
        ----------
        checkpoint : mapping
            With the state dicts ``image_model_state_dict`` and ``text_model_state_dict``.

        Raises
        ------
        FileFormatError
            If it holds something else, such as an image network that reads pixels.
        """
        states = {}
        for side in _SIDES:
            name = f"{side}_model_state_dict"
            if not isinstance(checkpoint.get(name), Mapping):
                raise FileFormatError(
                    f"there is no {name}", where="checkpoint", expected="a checkpoint of UCCH's published code"
                )
            states[side] = checkpoint[name]
            if unknown := [key for key in states[side] if not key.startswith("fc.")]:
                raise FileFormatError(
                    f"{name} holds {unknown[0]!r}",
                    where="checkpoint",
                    expected="networks that read features (fc.0.weight, …), not pixels",
                )
        weights = {side: [one for one in states[side].values() if one.ndim == 2] for side in _SIDES}
        hidden = {len(one) for layers in weights.values() for one in layers[:-1]}
        bits = {len(layers[-1]) for layers in weights.values() if layers}
        if not all(weights.values()) or len(hidden) > 1 or len(bits) > 1:
            raise FileFormatError("the layers of the two networks do not fit together", where="checkpoint")
        network = cls(
            weights["image"][0].shape[1],
            weights["text"][0].shape[1],
            bits=bits.pop(),
            hidden=hidden.pop() if hidden else 1,
            image_layers=len(weights["image"]),
            text_layers=len(weights["text"]),
        )
        try:
            for side in _SIDES:
                network.get_submodule(side).load_state_dict(states[side])
        except RuntimeError as problem:
            # torch's for tensors that are missing or of another shape.
            raise FileFormatError("the layers of a network do not fit together", where="checkpoint") from problem
        return network

    @property
    def sizes(self) -> dict[str, int]:
        """What it was built with, but for the widths of the features."""
        image, text = self._layers("image"), self._layers("text")
        return {
            "bits": image[-1].out_features,
            "hidden": max((one.out_features for one in (*image[:-1], *text[:-1])), default=1),
            "image_layers": len(image),
            "text_layers": len(text),
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Those of the features of images and of texts."""
        return self._layers("image")[0].in_features, self._layers("text")[0].in_features

    def _layers(self, side: str) -> list[nn.Linear]:
        return [one for one in self.get_submodule(side).modules() if isinstance(one, nn.Linear)]

    def encode_images(self, features: Tensor) -> Tensor:
        """Map image features of shape (n, image_width) to unit rows in (-1, 1), shape (n, bits)."""
        return _unit(self.image(features))

    def encode_texts(self, features: Tensor) -> Tensor:
        """Map text features of shape (n, text_width) to unit rows in (-1, 1), shape (n, bits)."""
        return _unit(self.text(features))


def _unit(values: Tensor) -> Tensor:
    return F.normalize(values.float().tanh(), dim=1)
