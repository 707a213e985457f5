"""`ficoitr evaluate`: the figures of one model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.cli.console import messages, output, print_json, print_table, progress_bar, split_list

if TYPE_CHECKING:
    from ficoitr.evaluation import Evaluation

_OUTPUTS = "Outputs of the model"
_TRUTH = "What is relevant"
_PROTOCOL = "Protocol"
_RESULT = "Result"


def _option(flag: str, text: str, panel: str) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=panel, show_default=False)


def evaluate_command(
    images: Annotated[Path | None, _option("--images", "Embeddings of the images: .npy or a folder.", _OUTPUTS)] = None,
    texts: Annotated[Path | None, _option("--texts", "Embeddings of the texts.", _OUTPUTS)] = None,
    image_codes: Annotated[Path | None, _option("--image-codes", "Hash codes of the images: .npy.", _OUTPUTS)] = None,
    text_codes: Annotated[Path | None, _option("--text-codes", "Hash codes of the texts.", _OUTPUTS)] = None,
    packed: Annotated[bool, _option("--packed", "The codes are packed, eight bits a byte.", _OUTPUTS)] = False,
    bits: Annotated[int | None, _option("--bits", "Bits of a packed code.", _OUTPUTS)] = None,
    scores: Annotated[
        list[Path] | None,
        _option("--scores", "Scores, one row an image: .npy. Given more than once: their mean, an ensemble.", _OUTPUTS),
    ] = None,
    scores_i2t: Annotated[Path | None, _option("--scores-i2t", "Scores of image queries.", _OUTPUTS)] = None,
    scores_t2i: Annotated[
        Path | None, _option("--scores-t2i", "Scores of text queries, one row a text.", _OUTPUTS)
    ] = None,
    run_i2t: Annotated[
        Path | None, _option("--run-i2t", "Ranked texts of image queries: TREC run or parquet.", _OUTPUTS)
    ] = None,
    run_t2i: Annotated[Path | None, _option("--run-t2i", "Ranked images of text queries.", _OUTPUTS)] = None,
    measure: Annotated[
        str | None, _option("--measure", "cosine (default), inner_product, euclidean or hamming.", _OUTPUTS)
    ] = None,
    text_to_image: Annotated[
        Path | None, _option("--text-to-image", "Row of the image of each text: .npy or .json.", _TRUTH)
    ] = None,
    captions_per_image: Annotated[
        int | None, _option("--captions-per-image", "In place of the map: so many texts an image, in order.", _TRUTH)
    ] = None,
    categories: Annotated[
        Path | None, _option("--categories", "Labels of the images: .npy, multi-hot or class numbers.", _TRUTH)
    ] = None,
    text_categories: Annotated[
        Path | None, _option("--text-categories", "Labels of the texts, where they have their own.", _TRUTH)
    ] = None,
    positives_i2t: Annotated[
        Path | None, _option("--positives-i2t", "More right texts of images: .json or .qrels.", _TRUTH)
    ] = None,
    positives_t2i: Annotated[Path | None, _option("--positives-t2i", "More right images of texts.", _TRUTH)] = None,
    image_ids: Annotated[Path | None, _option("--image-ids", "Identifiers of the images, one a line.", _TRUTH)] = None,
    text_ids: Annotated[Path | None, _option("--text-ids", "Identifiers of the texts, one a line.", _TRUTH)] = None,
    queries: Annotated[
        int | None, _option("--queries", "The first so many images are queries, the rest is searched.", _TRUTH)
    ] = None,
    protocol: Annotated[str, _option("--protocol", "A named protocol (`ficoitr protocols`).", _PROTOCOL)] = "fico",
    k: Annotated[str | None, _option("--k", "Cut-offs of the instance task, e.g. 1,5,10.", _PROTOCOL)] = None,
    category_k: Annotated[
        str | None, _option("--category-k", "Cut-offs of the category task, e.g. 10,100,N.", _PROTOCOL)
    ] = None,
    denominator: Annotated[
        str | None, _option("--denominator", "retrieved, retrieved_skip, min, total or first.", _PROTOCOL)
    ] = None,
    ties: Annotated[str | None, _option("--ties", "expected, best, worst or index.", _PROTOCOL)] = None,
    metrics: Annotated[str | None, _option("--metrics", "More metrics of the instance task.", _PROTOCOL)] = None,
    category_metrics: Annotated[
        str | None, _option("--category-metrics", "More metrics of the category task, e.g. nDCG@10,P@10.", _PROTOCOL)
    ] = None,
    resamples: Annotated[
        int, _option("--resamples", "Bootstrap resamples for 95% intervals (default 1000); 0 for none.", _PROTOCOL)
    ] = 1000,
    seed: Annotated[int, _option("--seed", "Seed of the resampling.", _PROTOCOL)] = 0,
    precision: Annotated[str, _option("--precision", "float32 (default) or float64.", _PROTOCOL)] = "float32",
    name: Annotated[str | None, _option("--name", "What to call the model in tables.", _RESULT)] = None,
    result: Annotated[
        Path | None, _option("--output", "Write the result: .json, per-query values beside it.", _RESULT)
    ] = None,
    report: Annotated[
        Path | None, _option("--report", "Write a report: one self-contained .html file.", _RESULT)
    ] = None,
    trec: Annotated[
        Path | None, _option("--export-trec", "Write runs and qrels of the instance task to this folder.", _RESULT)
    ] = None,
    threads: Annotated[int | None, _option("--threads", "Threads to use (default: all processors).", _RESULT)] = None,
    as_json: Annotated[bool, _option("--json", "Print the result as JSON.", _RESULT)] = False,
) -> None:
    """Evaluate the outputs of one model on instance and category retrieval, both directions.

    [bold]Examples[/bold]

      ficoitr evaluate --images I.npy --texts T.npy --captions-per-image 5

      ficoitr evaluate --image-codes I.npy --text-codes T.npy --packed --categories L.npy --output ucch.json
    """
    from ficoitr.cli.inputs import read_inputs, require_folder
    from ficoitr.evaluation import evaluate, export_trec
    from ficoitr.outputs.files import read_lines, require_target

    for path, suffix in ((result, ".json"), (report, ".html")):
        if path is not None:
            require_target(path, suffix=suffix)
    if trec is not None:
        require_folder(trec)
    ids: dict[str, Any] = {
        "image_ids": None if image_ids is None else read_lines(image_ids),
        "text_ids": None if text_ids is None else read_lines(text_ids),
    }
    truth: dict[str, Any] = {"text_to_image": text_to_image, "captions_per_image": captions_per_image}
    arguments = read_inputs(
        images=images,
        texts=texts,
        image_codes=image_codes,
        text_codes=text_codes,
        packed=packed,
        bits=bits,
        scores=scores,
        scores_i2t=scores_i2t,
        scores_t2i=scores_t2i,
        run_i2t=run_i2t,
        run_t2i=run_t2i,
        **ids,
        **truth,
    )
    truth["positives"] = {"i2t": positives_i2t, "t2i": positives_t2i} if positives_i2t or positives_t2i else None
    with progress_bar() as progress:
        evaluation = evaluate(
            **arguments,
            **ids,
            **truth,
            categories=categories,
            text_categories=text_categories,
            queries=queries,
            measure=measure,
            protocol=protocol,
            k=split_list(k),
            category_k=split_list(category_k),
            denominator=denominator,
            ties=ties,
            metrics=split_list(metrics) or (),
            category_metrics=split_list(category_metrics) or (),
            resamples=resamples,
            seed=seed,
            precision=precision,
            threads=threads,
            name=name or (result.stem if result else ""),
            progress=lambda done, total: progress("Evaluating", done, total),
        )
    if result is not None:
        evaluation = evaluation.save(result)
    if trec is not None:
        export_trec(trec, **arguments, **ids, **truth, measure=measure)
    if report is not None:
        from ficoitr.report import write_report

        write_report(report, [evaluation], title=f"Evaluation {evaluation.name}".strip())
    if as_json:
        import json

        print_json(json.loads(evaluation.to_json()))
        return
    print_evaluation(evaluation)
    for path in (result, report, trec):
        if path is not None:
            messages.print(f"Wrote {path}")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the figures of an evaluation, a table a task, and the statistics of hash codes."""
    from rich.table import Table

    from ficoitr.cli.figures import format_band, format_figure
    from ficoitr.evaluation.code_table import code_table

    for task in ("instance", "category"):
        tables = getattr(evaluation, task)
        directions = [one for one in ("i2t", "t2i") if one in tables]
        if not directions:
            continue
        table = Table(
            title=f"{task.capitalize()} retrieval", title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        table.add_column("")
        for direction in directions:
            asked, searched = evaluation.queries[direction], evaluation.candidates[direction]
            table.add_column(f"{direction}  {asked:,} × {searched:,}", justify="right")
        names = dict.fromkeys(name for direction in directions for name in tables[direction])
        banded = False
        for name in names:
            if name in ("pr_curve", "no_relevant"):
                continue
            cells = [
                format_figure(evaluation[f"{task}.{direction}.{name}"]) if name in tables[direction] else ""
                for direction in directions
            ]
            bands = [
                format_band(evaluation[f"{task}.{direction}.{name}"]) if name in tables[direction] else ""
                for direction in directions
            ]
            table.add_row(name, *cells)
            if any(bands):
                banded = True
                table.add_row("  over all orders of ties", *bands, style="dim")
        if task == "instance" and "rsum" in tables:
            table.add_row("rSum", format_figure(evaluation["instance.rsum"]), *[""] * (len(directions) - 1))
        output.print(table)
        if banded:
            output.print(
                "Ties are ranked in expectation."
                if evaluation.protocol.ties == "expected"
                else f"Ties: {evaluation.protocol.ties}.",
                style="dim",
            )
        output.print()
    codes = code_table([evaluation])
    if codes is not None:
        print_table(codes)
        output.print()
    percentages = "Recalls and precisions in percent, ranks from 1" + (
        "; [95% interval], resampling images." if evaluation.intervals else "."
    )
    output.print(percentages, style="dim", soft_wrap=True)
    for note in evaluation.notes:
        output.print(f"Note: {note}", style="yellow", markup=False, soft_wrap=True)
    output.print(evaluation.signature, style="dim", markup=False, soft_wrap=True)
