"""Arrays that are no embeddings, scores, codes or ranked lists."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from bad_input.case import IMAGES, N_IMAGES, N_TEXTS, PACKED, SCORES, TEXTS, Case, changed, evaluating, scoring
from ficoitr import Embeddings, HashCodes, RankedLists, compute_similarity
from ficoitr.errors import CaptionMapError, CodesError, IdentifierError, OptionError, ShapeError, ValuesError

CODES = HashCodes.from_values(IMAGES), HashCodes.from_values(TEXTS)
LISTS = RankedLists.from_arrays(np.tile([0, 1], (N_IMAGES, 1)), n_candidates=N_TEXTS)
SHORT = RankedLists.from_arrays(np.tile([0, 1], (N_TEXTS - 1, 1)), n_candidates=N_IMAGES)

VALUES = [
    Case(
        "NaN in the images",
        evaluating(images=changed(IMAGES, (2, 1), np.nan)),
        ValuesError,
        ("images: row 2, column 1 is NaN", "finite"),
    ),
    Case(
        "infinity in the texts",
        evaluating(texts=changed(TEXTS, (7, 0), -np.inf)),
        ValuesError,
        ("texts: row 7, column 0 is infinite", "overflow in float16"),
    ),
    Case(
        "float16 that overflowed",
        evaluating(images=np.full((N_IMAGES, 3), np.float16("inf"))),
        ValuesError,
        ("images: row 0, column 0 is infinite", "float16"),
    ),
    Case(
        "zero vector under cosine",
        evaluating(images=changed(IMAGES, 3, 0)),
        ValuesError,
        ("images: row 3 is a vector of zeros, which has no cosine", "inner_product"),
    ),
    Case(
        "zero vectors among the texts",
        evaluating(texts=changed(TEXTS, slice(2, 4), 0)),
        ValuesError,
        ("texts: row 2", "2 such rows"),
    ),
    Case(
        "products that overflow",
        evaluating(images=IMAGES * np.float32(1e30), measure="inner_product"),
        ValuesError,
        ("images: row 0 is so long", "leave the range of float32", 'precision="float64"'),
    ),
    Case(
        "object array",
        evaluating(images=np.array([[None] * 3] * N_IMAGES)),
        ValuesError,
        ("images: the array holds object values", "real numbers", "numpy.asarray"),
    ),
    Case(
        "complex array", evaluating(images=IMAGES.astype(complex)), ValuesError, ("images", "complex", "real numbers")
    ),
    Case(
        "array of strings", evaluating(texts=TEXTS.astype(str)), ValuesError, ("texts", "text values", "real numbers")
    ),
    Case("masked array", evaluating(images=np.ma.masked_less(IMAGES, 0)), ValuesError, ("images", "masked", "Fill it")),
    Case("sparse matrix", evaluating(texts=csr_array(TEXTS)), ValuesError, ("texts", "sparse", "toarray()")),
    Case("empty array", evaluating(images=np.empty((0, 3))), ShapeError, ("images", "empty", "at least one")),
    Case("rows without columns", evaluating(texts=np.empty((8, 0))), ShapeError, ("texts", "empty", "(8, 0)")),
    Case(
        "one vector in one dimension",
        evaluating(images=IMAGES[0]),
        ShapeError,
        ("images: the array has 1 dimension, shape (3,)", "values[None, :]"),
    ),
    Case(
        "features of tokens",
        evaluating(texts=np.ones((8, 5, 3))),
        ShapeError,
        ("texts: the array has 3 dimensions", "pooling"),
    ),
    Case(
        "lists of unequal length",
        evaluating(images=[[1.0, 2.0], [3.0]]),
        ShapeError,
        ("images: lists of unequal length", "rows of equal length"),
    ),
    Case(
        "images wider than texts",
        evaluating(images=np.ones((4, 5))),
        ShapeError,
        ("images have 5 dimensions, texts 3", "one model"),
    ),
    Case(
        "widths of a similarity",
        lambda _: compute_similarity(IMAGES, TEXTS[:, :2]),
        ShapeError,
        ("x has 3 columns, y 2", "equal widths"),
    ),
    Case(
        "fewer identifiers than rows",
        lambda _: Embeddings(IMAGES, ids=("a", "b")),
        IdentifierError,
        ("there are 2 identifiers for 4 items", "one identifier a row"),
    ),
    Case(
        "identifier that occurs twice",
        evaluating(image_ids=["a", "b", "b", "c"]),
        IdentifierError,
        ("image_ids: the identifier 'b' occurs twice", "unique"),
    ),
]

CODE_CASES = [
    Case(
        "bytes that are no features",
        evaluating(images=np.full((4, 8), 200, np.uint8), texts=np.full((8, 8), 100, np.uint8)),
        CodesError,
        ("images: unsigned bytes above 1", "HashCodes.from_values(codes, packed=True)"),
    ),
    Case(
        "-1 and +1 mixed with 0",
        lambda _: HashCodes.from_values(np.sign([[1, -1], [0, 1]])),
        CodesError,
        ("mix -1/+1 with 0 (row 1)", "one alphabet", "before sign()"),
    ),
    Case(
        "packed bytes taken for bits",
        lambda _: HashCodes.from_values(PACKED[0]),
        CodesError,
        ("integer codes hold values from", "packed=True", "--packed"),
    ),
    Case(
        "packed bytes under the Hamming measure",
        evaluating(images=PACKED[0], texts=PACKED[1], measure="hamming"),
        CodesError,
        ("images: integer codes", "packed=True"),
    ),
    Case(
        "floats announced as packed",
        lambda _: HashCodes.from_values(IMAGES, packed=True),
        CodesError,
        ("packed codes have dtype float32", "uint8", "leave packed away"),
    ),
    Case(
        "packed codes with too many bits",
        lambda _: HashCodes.from_values(np.zeros((2, 8), np.uint8), packed=True, bits=128),
        CodesError,
        ("8 bytes an item do not hold codes of 128 bits", "between 57 and 64"),
    ),
    Case(
        "number of bits that is no number",
        lambda _: HashCodes.from_values(np.zeros((2, 8), np.uint8), packed=True, bits="64"),  # type: ignore[arg-type]
        CodesError,
        ("the number of bits is '64'", "whole number"),
    ),
    Case(
        "columns that are not the bits announced",
        lambda _: HashCodes.from_values(IMAGES, bits=64),
        CodesError,
        ("3 columns but 64 bits", "packed=True"),
    ),
    Case(
        "padding bits set",
        lambda _: HashCodes.from_values(np.array([[255]], np.uint8), packed=True, bits=5),
        CodesError,
        ("padding bits beyond the 5th", "zero padding"),
    ),
    Case(
        "high bits of words set",
        lambda _: HashCodes(np.full((2, 1), 2**60, np.uint64), 16),
        CodesError,
        ("bits beyond the 16th", "zero padding"),
    ),
    Case(
        "words that are no words",
        lambda _: HashCodes(np.zeros((2, 1)), 64),
        CodesError,
        ("float64", "uint64 of shape (n_items, 1)", "HashCodes.from_values"),
    ),
    Case("NaN in codes", lambda _: HashCodes.from_values([[np.nan, 1.0]]), ValuesError, ("row 0, column 0 is NaN",)),
    Case(
        "codes on one side only",
        evaluating(images=CODES[0]),
        OptionError,
        ("one side is hash codes, the other embeddings", "one kind for both"),
    ),
    Case(
        "codes of two lengths",
        evaluating(images=HashCodes.from_values(IMAGES[:, :2]), texts=CODES[1]),
        CodesError,
        ("images have 2 bits, texts 3", "pack both or neither"),
    ),
    Case(
        "cosine of codes",
        evaluating(images=CODES[0], texts=CODES[1], measure="cosine"),
        OptionError,
        ("measure: the measure 'cosine' is not for hash codes", "hamming"),
    ),
    Case(
        "Hamming radius of embeddings",
        evaluating(categories=[0, 1, 0, 1], category_metrics=["radius_precision@2"]),
        OptionError,
        ("Hamming radius needs hash codes",),
    ),
]

SCORE_CASES = [
    Case(
        "NaN in scores", scoring(changed(SCORES, (1, 6), np.nan)), ValuesError, ("scores i2t: row 1, column 6 is NaN",)
    ),
    Case(
        "second matrix not turned",
        scoring((SCORES, SCORES)),
        ShapeError,
        ("scores t2i", "(4, 8)", "shape (8, 4): one row a text", "Transpose"),
    ),
    Case(
        "second matrix of another size",
        scoring((SCORES, SCORES.T[:6])),
        ShapeError,
        ("the t2i scores have shape (6, 4)", "(8, 4)"),
    ),
    Case("three matrices", scoring((SCORES,) * 3), ShapeError, ("a tuple of 3 score matrices", "(i2t, t2i)")),
    Case(
        "scores with one row a text",
        scoring(SCORES.T),
        CaptionMapError,
        ("more images than texts", "swapped"),
    ),
    Case(
        "both scores and images",
        evaluating(scores=SCORES),
        OptionError,
        ("both scores and images or texts were given", "one of the two"),
    ),
    Case("images without texts", evaluating(texts=...), OptionError, ("texts are missing", "Pass both")),
    Case("nothing at all", evaluating(images=..., texts=...), OptionError, ("images are missing", "scores")),
    Case(
        "measure of scores",
        scoring(SCORES, measure="cosine"),
        OptionError,
        ("scores already are a measure", "Leave it"),
    ),
]

LIST_CASES = [
    Case(
        "short lists filled with -1",
        lambda _: RankedLists.from_arrays([[1, 0], [2, -1]], n_candidates=3),
        IdentifierError,
        ("candidate -1 of query 1 is not in the gallery", "rows 0 to 2", "FAISS"),
    ),
    Case(
        "candidate beyond the gallery",
        lambda _: RankedLists.from_arrays([[1, 3]], n_candidates=3),
        IdentifierError,
        ("candidate 3 of query 0", "rows 0 to 2"),
    ),
    Case(
        "candidate listed twice",
        lambda _: RankedLists.from_arrays([[0, 1], [2, 2]], n_candidates=3),
        IdentifierError,
        ("query 1 lists candidate 2 twice", "at most once"),
    ),
    Case(
        "query without a list",
        lambda _: RankedLists.from_pairs([0, 2], [0, 1], [0.5, 0.4], n_queries=3, n_candidates=3),
        ShapeError,
        ("query 1 has no ranked candidate", "at least one a query"),
    ),
    Case(
        "candidates that are no rows",
        lambda _: RankedLists.from_arrays([[0.5, 1.0]], n_candidates=3),
        ShapeError,
        ("dtype float64", "integer rows"),
    ),
    Case(
        "NaN in the scores of a list",
        lambda _: RankedLists.from_arrays([[0, 1]], [[np.nan, 1]], n_candidates=3),
        ValuesError,
        ("ranked lists, scores", "NaN"),
    ),
    Case(
        "scores of other lists",
        lambda _: RankedLists.from_arrays([[0, 1]], [[1.0]], n_candidates=3),
        ShapeError,
        ("(1, 2)", "(1, 1)", "equal shapes"),
    ),
    Case(
        "pairs of unequal number",
        lambda _: RankedLists.from_pairs([0, 1], [0], [1.0, 2.0], n_queries=2, n_candidates=2),
        ShapeError,
        ("2 queries, 1 candidates and 2 scores",),
    ),
    Case("one list without its pair", scoring(LISTS), OptionError, ("ranked lists come in a pair", "(i2t, t2i)")),
    Case("lists of two galleries", scoring((LISTS, SHORT)), ShapeError, ("different galleries",)),
    Case(
        "lists cut into splits",
        scoring((LISTS, None), queries=2, categories=[0, 1, 0, 1]),
        OptionError,
        ("cannot be divided afterwards", "Rank each"),
    ),
]

CASES = [*VALUES, *CODE_CASES, *SCORE_CASES, *LIST_CASES]
