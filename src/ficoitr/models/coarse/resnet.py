"""ResNet-50 in plain torch, with the names of tensors that torchvision's weights have."""

from __future__ import annotations

from torch import Tensor, nn

# Blocks of each of the four stages, and the width within them; a block's output is four times as wide.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_WIDER = 4
_STEM = 64


class ResNet50(nn.Module):
    """The network, from pixels to a last linear layer.

    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, with the steps of two pixels in
    the 3 × 3 convolutions, as torchvision's weights have it. Names are ``conv1.weight``, ``layer1.0.conv1.weight``,
    ``layer1.0.downsample.0.weight`` and so on, ``fc.weight``.

    Parameters
    ----------
    outputs : int
        Width of the last layer.
    divisor : int
        All widths are divided by it: 1 is the network of the paper.
    """

    def __init__(self, outputs: int, *, divisor: int = 1) -> None:
        super().__init__()
        channels = _STEM // divisor
        self.conv1 = _convolution(3, channels, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for number, (blocks, wanted) in enumerate(_STAGES, start=1):
            width = wanted // divisor
            stage = []
            for block in range(blocks):
                stage.append(_Block(channels, width, stride=2 if number > 1 and block == 0 else 1))
                channels = _WIDER * width
            self.add_module(f"layer{number}", nn.Sequential(*stage))
        self.fc = nn.Linear(channels, outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map normalised pixels of shape (n, 3, height, width) to values of shape (n, outputs)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(pixels))))
        for number in range(1, len(_STAGES) + 1):
            maps = self.get_submodule(f"layer{number}")(maps)
        values: Tensor = self.fc(maps.mean(dim=(2, 3)))
        return values


class _Block(nn.Module):
    def __init__(self, channels: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _convolution(width, _WIDER * width, 1)
        self.bn3 = nn.BatchNorm2d(_WIDER * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride > 1 or channels != _WIDER * width:
            self.downsample = nn.Sequential(
                _convolution(channels, _WIDER * width, 1, stride=stride), nn.BatchNorm2d(_WIDER * width)
            )

    def forward(self, maps: Tensor) -> Tensor:
        """Add what three convolutions make of the maps to the maps."""
        changed = self.relu(self.bn1(self.conv1(maps)))
        changed = self.relu(self.bn2(self.conv2(changed)))
        changed = self.bn3(self.conv3(changed))
        kept = maps if self.downsample is None else self.downsample(maps)
        added: Tensor = self.relu(changed + kept)
        return added


def _convolution(channels: int, wanted: int, size: int, *, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(channels, wanted, size, stride=stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
