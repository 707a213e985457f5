"""Two evaluations, one with ties, and the report of both."""

from __future__ import annotations

import numpy as np
import pytest

import ficoitr
from ficoitr.report import write_report

HOSTILE = "<b>&\"'</script>"
ORACLE = {f"instance.{direction}.R@{k}": 0.99 for direction in ("i2t", "t2i") for k in (1, 5, 10)}
EFFICIENCY = [
    {"model": "fine", "parameters": 412672, "text_encoding_seconds": 1.2345, "storage_bytes": 256000},
    {"model": HOSTILE, "parameters": 416768, "text_encoding_seconds": None, "storage_bytes": 8},
]
# A PNG of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf50000003000101b5e1cb1a0000000049454e44ae426082"
)


@pytest.fixture(scope="session")
def evaluations():
    generator = np.random.default_rng(0)
    images = generator.normal(size=(120, 16))
    texts = np.repeat(images, 5, axis=0) + 1.4 * generator.normal(size=(600, 16))
    settings = {"captions_per_image": 5, "categories": np.arange(120) % 8, "resamples": 100}
    codes = [ficoitr.HashCodes.from_values(one) for one in (images, texts)]
    return [
        ficoitr.evaluate(images, texts, name="fine", **settings),
        ficoitr.evaluate(*codes, name=HOSTILE, **settings),
    ]


@pytest.fixture(scope="session")
def comparison(evaluations):
    return ficoitr.compare(evaluations, permutations=500, resamples=100)


@pytest.fixture(scope="session")
def report_path(evaluations, comparison, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    (folder / "pixel.png").write_bytes(PIXEL)
    return write_report(
        folder / "report.html",
        evaluations,
        title=f"A title {HOSTILE}",
        comparison=comparison,
        efficiency=EFFICIENCY,
        oracle=ORACLE,
        pictures={f"a caption {HOSTILE}": folder / "pixel.png"},
        notes=[f"a note {HOSTILE}"],
    )


@pytest.fixture(scope="session")
def page(report_path):
    return report_path.read_text(encoding="utf-8")
