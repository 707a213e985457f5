"""The feature datasets of cross-modal hashing: one text an image, labels, and queries chosen by position.

Their files hold features, not photos or words. ``layouts`` says which files and arrays there are, ``splits`` which
rows are queries; ``loaders`` reads the one by the other, and ``wiki`` the Wikipedia articles, whose files are like no
others.
"""

from __future__ import annotations

from ficoitr.data.hashing.loaders import coco_doc2vec, iapr_tc12, mirflickr25k, nus_wide_tc10, nus_wide_tc21
from ficoitr.data.hashing.splits import HashingDataset
from ficoitr.data.hashing.wiki import wiki

__all__ = ["HashingDataset", "coco_doc2vec", "iapr_tc12", "mirflickr25k", "nus_wide_tc10", "nus_wide_tc21", "wiki"]
