"""What the hashing models reach on real and generated data, each trained here in its preset small.

    python benchmarks/hashing_quality.py wiki --root PATH      (flickr8k, coco338: the same; scenes needs no files)

Tables are in Markdown, of means over seeds with their standard deviation where there are several. Runs are kept in
--output and found again; --cache keeps features.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ficoitr.bench import BenchResult, Suite, SuiteModel, bench

WIKI_BITS = (16, 32, 64)
WIKI_SEEDS = (0, 1, 2)
# Of SIFT there are 128 numbers an image and of LDA 10 a text: no more than 9 correlations.
WIKI_DIMENSIONS = 9
TRAINED = ("ucch", "dadh", "dcmh", "djsrh", "jdsh", "dgcpn")
RECALL, MAP = ("R@1", "R@5", "R@10"), ("mAP@10", "mAP@100", "mAP@N")


def trained(names: Sequence[str], bits: int = 64, **options: str) -> list[SuiteModel]:
    return [SuiteModel(f"{name}-{bits}-small", name, {"bits": bits, **options}, preset="small") for name in names]


def wiki(root: Path, output: Path, cache: Path) -> None:
    del cache
    models = [SuiteModel("cca", "cca", {"dimensions": WIKI_DIMENSIONS})]
    for bits in WIKI_BITS:
        models += [SuiteModel(f"cmfh-{bits}", "cmfh", {"dimensions": bits}), *trained(TRAINED, bits)]
    suite = Suite("wiki", "Hashing at three lengths", tuple(models))
    figures = defaultdict(list)
    for seed in WIKI_SEEDS:
        result = bench(suite, "wiki", root=root, output=output / f"seed{seed}", seed=seed, resamples=0)
        for model, evaluation, cost in zip(suite.models, result.evaluations, result.efficiency, strict=True):
            values = [100 * evaluation[f"category.{side}.mAP@N"].value for side in ("i2t", "t2i")]
            figures[model.name].append((*values, cost["fit_seconds"]))
    print(f"mAP@N, i2t and t2i, and seconds of fitting; {len(WIKI_SEEDS)} seeds\n")
    print("| model | i2t | t2i | fit (s) |\n| --- | --- | --- | --- |")
    for name, values in figures.items():
        i2t, t2i, seconds = zip(*values, strict=True)
        print(f"| `{name}` | {spread(i2t)} | {spread(t2i)} | {statistics.mean(seconds):.0f} |")


def spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def photographs(name: str, root: Path, output: Path, cache: Path) -> None:
    whole, parts = "efficientnet-lite0", "efficientnet-lite0-grid"
    vectors = {"features": whole, "text_features": "minilm"}
    models = [
        SuiteModel("cca", "cca", vectors),
        SuiteModel("cca-itq-64", "cca-itq", vectors),
        SuiteModel("cmfh-64", "cmfh", vectors),
        *trained(TRAINED if name == "coco338" else [one for one in TRAINED if one not in ("dadh", "dcmh")], **vectors),
        *trained(["adv"], features=parts, text_features="minilm-tokens"),
    ]
    print_table(
        bench(Suite(name, "Hashing of photographs", tuple(models)), name, root=root, output=output, feature_cache=cache)
    )


def scenes(root: Path | None, output: Path, cache: Path) -> None:
    del root
    models = []
    for features in ("global", "regions"):
        vectors = {"features": features, "text_features": "bag-of-words"}
        models += [
            SuiteModel(f"cca+{features}", "cca", {"features": features}),
            SuiteModel(f"cca-itq-64+{features}", "cca-itq", {"features": features}),
            SuiteModel(f"cmfh-64+{features}", "cmfh", {"features": features}),
            SuiteModel(f"ucch-64-small-scenes+{features}", "ucch", vectors, preset="small-scenes"),
            SuiteModel(f"dadh-64-small+{features}", "dadh", vectors, preset="small"),
        ]
    models += trained(["adv"], features="region-set", text_features="minilm-tokens")
    suite = Suite("scenes", "Hashing", tuple(models), {"scenes": {"train": 10000, "validation": 500, "test": 1000}})
    print_table(bench(suite, "scenes", output=output, feature_cache=cache))


def print_table(result: BenchResult) -> None:
    labelled = result.dataset.categories is not None
    heads = ["i2t R", "t2i R", *(["i2t mAP", "t2i mAP"] if labelled else []), "fit (s)"]
    print("R@1 / 5 / 10" + (" and mAP@10 / 100 / N" if labelled else "") + ", percent\n")
    print(f"| model (reads) | {' | '.join(heads)} |\n|{' --- |' * (1 + len(heads))}")
    for evaluation, cost in zip(result.evaluations, result.efficiency, strict=True):
        groups = [("instance", side, RECALL) for side in ("i2t", "t2i")]
        groups += [("category", side, MAP) for side in ("i2t", "t2i")] if labelled else []
        cells = [
            " / ".join(f"{100 * evaluation[f'{task}.{side}.{figure}'].value:.1f}" for figure in figures)
            for task, side, figures in groups
        ]
        print(f"| {evaluation.name} | {' | '.join(cells)} | {cost['fit_seconds']:.0f} |")
    if result.oracle:
        print(f"| oracle | {oracle(result, 'i2t')} | {oracle(result, 't2i')} |{' |' * (len(heads) - 2)}")


def oracle(result: BenchResult, side: str) -> str:
    return " / ".join(f"{100 * result.oracle[f'instance.{side}.{figure}']:.1f}" for figure in RECALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=("wiki", "flickr8k", "coco338", "scenes"))
    parser.add_argument("--root", type=Path)
    parser.add_argument("--output", type=Path, default=Path("runs/hashing"))
    parser.add_argument("--cache", type=Path, default=Path("runs/features"))
    given = parser.parse_args()
    if given.dataset in ("flickr8k", "coco338"):
        photographs(given.dataset, given.root, given.output, given.cache)
    else:
        {"wiki": wiki, "scenes": scenes}[given.dataset](given.root, given.output, given.cache)


if __name__ == "__main__":
    main()
