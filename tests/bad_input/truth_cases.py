"""Caption maps, labels, positives, query splits and options that do not fit."""

from __future__ import annotations

import numpy as np

from bad_input.case import IMAGES, LABELS, TEXT_TO_IMAGE, TEXTS, Case, changed, evaluating
from ficoitr import compare, evaluate
from ficoitr.errors import CaptionMapError, CategoryError, IdentifierError, OptionError


def mapped(text_to_image: object, **changes: object) -> object:
    """Evaluate with a map in place of a number of captions."""
    return evaluating(text_to_image=text_to_image, captions_per_image=..., **changes)


MAPS = [
    Case(
        "map too short",
        mapped(TEXT_TO_IMAGE[:7]),
        CaptionMapError,
        ("text_to_image: the map has 7 entries", "Expected 8"),
    ),
    Case(
        "map too long", mapped(np.r_[TEXT_TO_IMAGE, 3]), CaptionMapError, ("text_to_image: the map has 9 entries", "8")
    ),
    Case(
        "negative entry",
        mapped(changed(TEXT_TO_IMAGE, 5, -1)),
        CaptionMapError,
        ("text 5 has no image: its entry is -1", "0 to 3", "Remove"),
    ),
    Case(
        "entry out of range",
        mapped(changed(TEXT_TO_IMAGE, 6, 40)),
        CaptionMapError,
        ("text 6", "its entry is 40", "0 to 3"),
    ),
    Case("rows counted from 1", mapped(TEXT_TO_IMAGE + 1), CaptionMapError, ("its entry is 4", "Rows count from 0")),
    Case(
        "map of fractions",
        mapped(TEXT_TO_IMAGE + 0.5),
        CaptionMapError,
        ("the map holds float64 values", "whole numbers"),
    ),
    Case(
        "map of truth values",
        mapped(TEXT_TO_IMAGE > 1),
        CaptionMapError,
        ("the map holds bool values", "whole numbers"),
    ),
    Case("map in two dimensions", mapped(TEXT_TO_IMAGE[:, None]), CaptionMapError, ("shape (8, 1)", "(8,)")),
    Case(
        "texts of each image in place of the image of each text",
        mapped([[0, 1], [2, 3, 4], [5], [6, 7]]),
        CaptionMapError,
        ("text_to_image: lists of unequal length", "one row of an image a text"),
    ),
    Case(
        "counts given as a map",
        mapped([2, 2, 2, 2]),
        CaptionMapError,
        ("as many entries as there are images (4)", "captions_per_image"),
    ),
    Case(
        "counts or rows",
        mapped([2, 1, 1, 0], texts=TEXTS[:4]),
        CaptionMapError,
        ("ambiguous", "counts of texts or rows of images", "captions_per_image"),
    ),
    Case(
        "image without captions",
        mapped([0, 0, 1, 1, 1, 1, 3, 3]),
        CaptionMapError,
        ("image 2 has no text", "at least one text", "Remove images without a text"),
    ),
    Case(
        "map that leaves a caption out",
        mapped({text: text // 2 for text in range(7)}),
        CaptionMapError,
        ("text 7 has no image", "Remove texts without an image"),
    ),
    Case(
        "map of an unknown text",
        mapped({"8": 0}),
        IdentifierError,
        ("text_to_image: the text '8' is unknown", "8 texts"),
    ),
    Case(
        "map to an unknown image",
        mapped({text: 100 + text // 2 for text in range(8)}),
        IdentifierError,
        ("the image 100 of text 0 is unknown", "one of 4 images"),
    ),
    Case(
        "map of names that nobody has",
        mapped(list("aabbccdx"), image_ids=list("abcd")),
        IdentifierError,
        ("the image 'x' of text 7 is unknown", "such as 'a'"),
    ),
    Case(
        "no map and no even number",
        evaluating(texts=TEXTS[:7], captions_per_image=...),
        CaptionMapError,
        ("7 texts cannot be shared evenly by 4 images", "Pass text_to_image", "--text-to-image"),
    ),
    Case(
        "images and texts swapped",
        evaluating(images=TEXTS, texts=IMAGES),
        CaptionMapError,
        ("8 images with 2 each make 16 texts, but there are 4", "swapped"),
    ),
    Case(
        "captions of the wrong number",
        evaluating(captions_per_image=5),
        CaptionMapError,
        ("4 images with 5 each make 20",),
    ),
    Case("no captions an image", evaluating(captions_per_image=0), CaptionMapError, ("has 0 texts", "1 or more")),
    Case(
        "captions as text", evaluating(captions_per_image="2"), CaptionMapError, ("captions_per_image is '2'", "whole")
    ),
    Case(
        "half a caption",
        evaluating(captions_per_image=2.5),
        CaptionMapError,
        ("captions_per_image is 2.5", "whole number"),
    ),
    Case(
        "counts of other images",
        evaluating(captions_per_image=[4, 4]),
        CaptionMapError,
        ("2 counts for 4 images", "one count an image"),
    ),
    Case("both map and number", evaluating(text_to_image=TEXT_TO_IMAGE), OptionError, ("both given", "one of the two")),
    Case(
        "repeated images without a word",
        evaluating(images=np.repeat(IMAGES, 2, axis=0), captions_per_image=...),
        CaptionMapError,
        ("images: 8 images pair up with 8 texts", "runs of 2", "captions_per_image=2", "--captions-per-image 2"),
    ),
]

TRUTH = [
    Case(
        "labels of each text given as categories",
        evaluating(categories=LABELS[TEXT_TO_IMAGE]),
        CategoryError,
        ("categories: there are labels for 8 items", "4 rows", "text_categories"),
    ),
    Case(
        "labels of another width",
        evaluating(categories=LABELS, text_categories=np.ones((8, 3))),
        CategoryError,
        ("images have 2 labels, texts 3", "column by column"),
    ),
    Case("not a single label", evaluating(categories=np.zeros((4, 2))), CategoryError, ("not a single label is set",)),
    Case(
        "probabilities as labels",
        evaluating(categories=np.full((4, 2), 0.3)),
        CategoryError,
        ("categories: row 0, column 0 is 0.3", "0 and 1", "threshold"),
    ),
    Case("NaN labels", evaluating(categories=changed(LABELS, (1, 1), np.nan)), CategoryError, ("NaN", "0 and 1")),
    Case(
        "negative class number",
        evaluating(categories=[0, 1, -1, 1]),
        CategoryError,
        ("categories: row 2 is -1", "at least 0"),
    ),
    Case(
        "fractional class number",
        evaluating(categories=[0, 1, 0.5, 1]),
        CategoryError,
        ("row 2 is 0.5", "whole numbers"),
    ),
    Case(
        "class numbers in a column",
        evaluating(categories=[[0], [1], [2], [1]]),
        CategoryError,
        ("row 2, column 0 is 2", "labels.ravel()"),
    ),
    Case(
        "names of classes",
        evaluating(categories=["cat", "dog", "cat", "cow"]),
        CategoryError,
        ("dtype <U3", "multi-hot"),
    ),
    Case(
        "lists of label numbers",
        evaluating(categories=[[0, 2], [1], [0], [1]]),
        CategoryError,
        ("unequal length", "multi-hot"),
    ),
    Case(
        "text labels without image labels",
        evaluating(text_categories=np.ones((8, 2))),
        OptionError,
        ("texts have labels but images have none", "Pass categories too"),
    ),
    Case(
        "positives without a direction",
        evaluating(positives={0: [1]}),
        OptionError,
        ("not given by direction", '{"i2t": {image: [text, …]}'),
    ),
    Case(
        "positives of an unknown image",
        evaluating(positives={"i2t": {"77": [0]}}),
        IdentifierError,
        ("positives i2t: the query '77' is unknown", "image_ids"),
    ),
    Case(
        "positives with an unknown text",
        evaluating(positives={"i2t": {0: ["none"]}}),
        IdentifierError,
        ("query 0", "the candidate 'none' is unknown", "8 identifiers"),
    ),
    Case("empty positives", evaluating(positives={"t2i": {0: []}}), IdentifierError, ("query 0 has an empty list",)),
    Case(
        "positives in a list",
        evaluating(positives={"i2t": [[0]]}),
        OptionError,
        ("are a list", "{query: [candidate, …]}"),
    ),
    Case(
        "no queries",
        evaluating(queries=0, categories=LABELS),
        OptionError,
        ("0 of 4 images are to be queries", "1 and 3"),
    ),
    Case(
        "only queries",
        evaluating(queries=np.ones(4, bool), categories=LABELS),
        OptionError,
        ("split is empty", "in both"),
    ),
    Case(
        "queries of nowhere",
        evaluating(queries=[9], categories=LABELS),
        OptionError,
        ("query split is [9]", "rows of images"),
    ),
]

OPTIONS = [
    Case("K of 0", evaluating(k=[0]), OptionError, ("k: the cut-off 0 is out of range", "at least 1")),
    Case("negative K", evaluating(k=[-5]), OptionError, ("k: the cut-off -5", "at least 1")),
    Case("K a float", evaluating(k=2.5), OptionError, ("the cut-off 2.5 is not a whole number",)),
    Case("K a word", evaluating(k=["ten"]), OptionError, ("the cut-off 'ten' is not a whole number",)),
    Case("no K", evaluating(k=[]), OptionError, ("k: no cut-off is given", "at least one")),
    Case("K of N in the instance task", evaluating(k=["N"]), OptionError, ("k: the cut-off 'N'", "whole numbers")),
    Case(
        "K beyond the gallery",
        evaluating(k=[1, 9]),
        OptionError,
        ("k: the cut-off 9 is beyond the gallery of 8", "at most 8"),
    ),
    Case(
        "category K beyond the gallery",
        evaluating(categories=LABELS, category_k=[10]),
        OptionError,
        ("category_k: the cut-off 10 is beyond the gallery of 8",),
    ),
    Case("category K without labels", evaluating(category_k=[1]), OptionError, ("category_k", "no labels were given")),
    Case(
        "unknown protocol",
        evaluating(protocol="coco"),
        OptionError,
        ("protocol: there is no protocol 'coco'", "coco-5k"),
    ),
    Case("unknown measure", evaluating(measure="dot"), OptionError, ("measure: 'dot' is unknown", "inner_product")),
    Case("unknown denominator", evaluating(denominator="all"), OptionError, ("denominator: 'all'", "retrieved_skip")),
    Case(
        "unknown policy for ties",
        evaluating(ties="random"),
        OptionError,
        ("ties: 'random'", "expected, best, worst, index"),
    ),
    Case(
        "unknown metric",
        evaluating(metrics=["Recall@5"]),
        OptionError,
        ("there is no metric 'Recall'", "`ficoitr metrics`"),
    ),
    Case("metric without cut-off", evaluating(metrics=["P"]), OptionError, ("P needs a cut-off", "P@10")),
    Case(
        "metric that cannot be read", evaluating(metrics=["R@"]), OptionError, ("cannot read the metric 'R@'", "R@10")
    ),
    Case(
        "unknown option of a metric",
        evaluating(metrics=["mAP(denominator=all)@5"]),
        OptionError,
        ("mAP has no denominator=all", "retrieved"),
    ),
    Case(
        "unknown precision",
        evaluating(precision="float16"),
        OptionError,
        ("precision: 'float16'", "float32 or float64"),
    ),
    Case("negative resamples", evaluating(resamples=-1), OptionError, ("resamples is -1", "at least 0")),
    Case("negative seed", evaluating(seed=-1), OptionError, ("the seed is -1", "at least 0")),
    Case("no threads", evaluating(threads=0), OptionError, ("threads: 0 threads", "at least 1")),
    Case(
        "folds that do not come out",
        evaluating(protocol="coco-1k-5fold"),
        OptionError,
        ("coco-1k-5fold", "4 images do not make folds of 1000", "multiple of 1000"),
    ),
    Case(
        "split protocol without queries",
        evaluating(protocol="cmh", categories=LABELS),
        OptionError,
        ("query split from the retrieval split", "queries=2000", "--queries 2000"),
    ),
    Case(
        "split protocol without labels",
        evaluating(protocol="cmh", queries=2),
        OptionError,
        ("nothing is left", "Pass categories"),
    ),
    Case(
        "judged protocol without positives",
        evaluating(protocol="eccv"),
        OptionError,
        ("positives: the protocol 'eccv'", "positives of i2t and t2i"),
    ),
    Case(
        "unknown figure",
        lambda _: evaluate(IMAGES, TEXTS, captions_per_image=2, resamples=0)["instance.R@1"],
        OptionError,
        ("there is no figure 'instance.R@1'", "instance.i2t.R@1"),
    ),
    Case(
        "comparison with nothing",
        lambda _: compare([evaluate(IMAGES, TEXTS, captions_per_image=2, resamples=0)]),
        OptionError,
        ("nothing to compare with", "two or more"),
    ),
]

CASES = [*MAPS, *TRUTH, *OPTIONS]
