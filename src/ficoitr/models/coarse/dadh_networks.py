"""The networks of DADH, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

from ficoitr.errors import FileFormatError

_CODE_JUDGE_WIDTH = 512


class DADHGenerator(nn.Module):
    """DADH's image and text networks: features of each side, and hash layers that are not shared.

    Parameters
    ----------
    image_width, text_width : int
        Of the features that are read.
    bits : int
        K, the length of a code.
    hidden : int
        Width of the first layer; the second has half of it, the third a quarter. A multiple of 16.
    dropout : float
        Share of each layer's values that are set to zero in training. With it, the names of the layers are others.

    Notes
    -----
    Bai et al., "Deep Adversarial Discrete Hashing for Cross-Modal Retrieval", ICMR 2020. The names are those of the
    published ``GEN_module.pth``.

    Examples
    --------
    >>> network = DADHGenerator(20, 30, bits=16, hidden=64).eval()
    >>> network.encode_texts(torch.rand(4, 30)).shape
    torch.Size([4, 16])
    """

    def __init__(
        self, image_width: int, text_width: int, *, bits: int = 64, hidden: int = 8192, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.image_module = _tower(image_width, hidden, dropout)
        self.text_module = _tower(text_width, hidden, dropout)
        self.hash_module = nn.ModuleDict(
            {side: nn.Sequential(nn.Linear(hidden // 4, bits), nn.Tanh()) for side in ("image", "text")}
        )

    @classmethod
    def from_published(cls, checkpoint: Mapping[str, Tensor], *, dropout: float = 0.5) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes.

        Parameters
        ----------
        checkpoint : mapping of str to Tensor
            The content of ``GEN_module.pth``.
        dropout : float
            Where the checkpoint was trained with dropout, as its names say: its share, which it does not hold.

        Raises
        ------
        FileFormatError
            If it holds something else.
        """
        try:
            dropped = checkpoint.get("image_module.4.weight", torch.empty(0)).ndim == 2
            hidden, image_width = checkpoint["image_module.0.weight"].shape
            network = cls(
                image_width,
                checkpoint["text_module.0.weight"].shape[1],
                bits=len(checkpoint["hash_module.image.0.weight"]),
                hidden=hidden,
                dropout=dropout if dropped else 0.0,
            )
            network.load_state_dict(checkpoint)
        except (AttributeError, KeyError, RuntimeError, ValueError) as problem:
            raise FileFormatError(
                "these are no weights of DADH's generator",
                where="checkpoint",
                expected="a GEN_module.pth of DADH's published code",
            ) from problem
        return network

    @property
    def sizes(self) -> dict[str, int | float]:
        """What it was built with, but for the widths of the features."""
        dropped = [one.p for one in self.image_module if isinstance(one, nn.Dropout)]
        judged = _linear(self.hash_module["image"])
        return {
            "bits": judged.out_features,
            "hidden": 4 * judged.in_features,
            "dropout": dropped[0] if dropped else 0.0,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Those of the features of images and of texts."""
        return _linear(self.image_module).in_features, _linear(self.text_module).in_features

    def encode_images(self, features: Tensor) -> Tensor:
        """Map image features of shape (n, image_width) to values in (-1, 1), shape (n, bits)."""
        return self.hash_images(self.image_module(features))

    def encode_texts(self, features: Tensor) -> Tensor:
        """Map text features of shape (n, text_width) to values in (-1, 1), shape (n, bits)."""
        return self.hash_texts(self.text_module(features))

    def hash_images(self, features: Tensor) -> Tensor:
        """Map what ``image_module`` returns, of shape (n, hidden / 4), to values in (-1, 1)."""
        values: Tensor = self.hash_module["image"](features)
        return values

    def hash_texts(self, features: Tensor) -> Tensor:
        """Map what ``text_module`` returns, of shape (n, hidden / 4), to values in (-1, 1)."""
        values: Tensor = self.hash_module["text"](features)
        return values


class DADHDiscriminators(nn.Module):
    """Two networks that tell images (real) from texts (fake): by their last features, and by their codes.

    Parameters
    ----------
    bits, hidden : int
        Of the generator.

    Notes
    -----
    Weights begin as He et al. (ICCV 2015) propose, biases at 0, as in the published code, which leaves the generator
    to PyTorch's defaults. Its checkpoints do not hold these networks.
    """

    def __init__(self, *, bits: int = 64, hidden: int = 8192) -> None:
        super().__init__()
        width = hidden // 4
        self.feature_dis = nn.Sequential(
            nn.Linear(width, width // 2),
            nn.ReLU(inplace=True),
            nn.Linear(width // 2, width // 4),
            nn.ReLU(inplace=True),
            nn.Linear(width // 4, 1),
        )
        self.hash_dis = nn.Sequential(
            nn.Linear(bits, _CODE_JUDGE_WIDTH), nn.ReLU(inplace=True), nn.Linear(_CODE_JUDGE_WIDTH, 1)
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.zeros_(layer.bias)


class RepeatedStatistics:
    """Counts a batch twice in the running statistics of a network's batch normalisations.

    Parameters
    ----------
    network : nn.Module
        About to see the batch.

    Notes
    -----
    A pass moves a statistic r by r ← (1 - m) r + m b. From the one before it, r', the second pass on the same batch
    is r ← r + (1 - m)(r - r'), without computing it.
    """

    def __init__(self, network: nn.Module) -> None:
        layers = [one for one in network.modules() if isinstance(one, nn.BatchNorm1d)]
        self._before = [(one, _statistics(one)) for one in layers]

    @torch.no_grad()
    def repeat(self) -> None:
        """Count the batch that was seen since then once more."""
        for layer, before in self._before:
            kept = 1 - (layer.momentum or 0.0)
            for buffer, old in zip((layer.running_mean, layer.running_var), before, strict=True):
                if buffer is not None:
                    buffer.add_(buffer - old, alpha=kept)
            if layer.num_batches_tracked is not None:
                layer.num_batches_tracked += 1


def _statistics(layer: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    mean, variance = layer.running_mean, layer.running_var
    if mean is None or variance is None:
        raise ValueError("the layer keeps no running statistics")
    return mean.clone(), variance.clone()


def _linear(network: nn.Module) -> nn.Linear:
    return next(one for one in network.modules() if isinstance(one, nn.Linear))


def _tower(width: int, hidden: int, dropout: float) -> nn.Sequential:
    widths = [width, hidden, hidden // 2, hidden // 4]
    stack: list[nn.Module] = []
    for one, following in pairwise(widths):
        stack += [nn.Linear(one, following), nn.BatchNorm1d(following), nn.ReLU(inplace=True)]
        if dropout:
            stack.append(nn.Dropout(dropout))
    return nn.Sequential(*stack)
