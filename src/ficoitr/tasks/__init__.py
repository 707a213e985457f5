"""What is relevant: the one right item, anything of the category, extra positives."""

from ficoitr.tasks.caption_map import assumed_map, checked_map, map_from_counts
from ficoitr.tasks.categories import label_matrix, pack_labels, same_width
from ficoitr.tasks.plain import plain_array
from ficoitr.tasks.positives import (
    Positives,
    judged_positives,
    merged_positives,
    positives_from_map,
    positives_from_pairs,
    positives_in_gallery,
    replaced_positives,
)

__all__ = [
    "Positives",
    "assumed_map",
    "checked_map",
    "judged_positives",
    "label_matrix",
    "map_from_counts",
    "merged_positives",
    "pack_labels",
    "plain_array",
    "positives_from_map",
    "positives_from_pairs",
    "positives_in_gallery",
    "replaced_positives",
    "same_width",
]
