"""Which features a model reads: what its configuration says of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ficoitr.models.trained.inputs import Scaling


class ImageChoice(BaseModel):
    """Which features of images a model reads.

    Attributes
    ----------
    features : str
        A name of `ficoitr.models.features.feature_names`, or of features that the dataset brings. ``auto`` takes what
        the dataset brings, or else ``global``, or ``region-set`` for a model that reads regions.
    weights : str, optional
        File of the weights of the image features, where no package brings them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: str = "auto"
    weights: str | None = None


class FeatureChoice(ImageChoice):
    """Which features of images and of texts a model reads.

    Attributes
    ----------
    features, text_features : str
        Names of `ficoitr.models.features.feature_names`, or of features that the dataset brings. ``auto`` takes what
        the dataset brings, or else ``global`` and ``bag-of-words``.
    weights : str, optional
        File of the weights of the image features, where no package brings them.
    """

    text_features: str = "auto"


class VectorChoice(FeatureChoice):
    """Which features a model on vectors reads, and how they are scaled.

    Attributes
    ----------
    image_scaling, text_scaling : {"none", "whole", "each"}
        ``none`` leaves features as they are. ``whole`` brings all their values together to mean 0 and variance 1,
        ``each`` those of each number of a vector: so that what all items have in common does not make their first codes
        alike. Means and deviations are those of the training split.
    """

    image_scaling: Scaling = "none"
    text_scaling: Scaling = "none"
