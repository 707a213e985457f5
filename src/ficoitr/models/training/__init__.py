"""How models are trained: one loop for all, which a kill at any moment does not change the result of.

``config`` (what a user sets), ``batches`` (what a step sees), ``recipe`` (what a model brings), ``loop`` (epochs,
validation, early stopping), ``checkpoint`` and ``log`` (what is written).
"""

from ficoitr.models.training.batches import Batch, FeaturePairs
from ficoitr.models.training.config import TrainingConfig
from ficoitr.models.training.loop import Trained, train
from ficoitr.models.training.recipe import Recipe

__all__ = ["Batch", "FeaturePairs", "Recipe", "Trained", "TrainingConfig", "train"]
