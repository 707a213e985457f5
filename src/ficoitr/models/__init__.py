"""Models: each encodes images and texts into one space, as embeddings (fine) or hash codes (coarse)."""

from ficoitr.models.base import Encoder, Progress
from ficoitr.models.registry import ModelEntry, load_model, model_names

__all__ = ["Encoder", "ModelEntry", "Progress", "load_model", "model_names"]
