"""Labels where there are none: predicted ones, which are marked as such wherever they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ficoitr.extras import require
from ficoitr.models.labels.folder import read_labels, write_labels
from ficoitr.models.labels.quality import LabelQuality, label_quality
from ficoitr.models.labels.zero_shot import ZeroShotLabeller, zero_shot_labeller

if TYPE_CHECKING:
    from ficoitr.models.labels.asymmetric import AsymmetricLoss
    from ficoitr.models.labels.fitting import fit_labeller
    from ficoitr.models.labels.labeller import Labeller
    from ficoitr.models.labels.query2label import Query2LabelConfig
    from ficoitr.models.labels.training import LabelTraining

__all__ = [
    "AsymmetricLoss",
    "LabelQuality",
    "LabelTraining",
    "Labeller",
    "Query2LabelConfig",
    "ZeroShotLabeller",
    "fit_labeller",
    "label_quality",
    "read_labels",
    "write_labels",
    "zero_shot_labeller",
]

_WITH_TORCH = {
    "AsymmetricLoss": "asymmetric",
    "Labeller": "labeller",
    "Query2LabelConfig": "query2label",
    "LabelTraining": "training",
    "fit_labeller": "fitting",
}


def __getattr__(name: str) -> Any:
    # torch and safetensors are optional: loaded when something that needs them is asked for.
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for library in ("torch", "safetensors"):
        require(library, "models")
    return getattr(require(f"{__name__}.{_WITH_TORCH[name]}", "models"), name)
