"""The loop of epochs and batches that all trainable models share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ficoitr.errors import OptionError, ShapeError, TrainingError, ValuesError
from ficoitr.models.training.checkpoint import Checkpoints, Position
from ficoitr.models.training.log import Log

if TYPE_CHECKING:
    from ficoitr.models.base import Progress
    from ficoitr.models.training.batches import Pairs
    from ficoitr.models.training.config import TrainingConfig
    from ficoitr.models.training.recipe import Recipe

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes
    ----------
    history : list of dict
        A dict an epoch: ``epoch`` from 1, mean losses, ``validation`` where it was validated, ``seconds``.
    best : float or None
        The best validation score, whose weights the recipe holds now; None without validation.
    best_epoch : int or None
        Counted from 1.
    """

    history: list[dict[str, Any]]
    best: float | None
    best_epoch: int | None


def train(
    recipe: Recipe,
    pairs: Pairs,
    config: TrainingConfig,
    *,
    seed: int = 0,
    validate: Callable[[], float] | None = None,
    folder: Path | None = None,
    identity: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train, or go on with a training that was interrupted.

    Parameters
    ----------
    recipe : Recipe
        Freshly made; its weights are the best, or without validation the last, when this returns.
    pairs : Pairs
        What is trained on.
    config : TrainingConfig
    seed : int
        Of the order of the pairs, and of all random numbers that the recipe draws.
    validate : callable, optional
        Returns a score of the recipe's present weights, higher being better.
    folder : Path, optional
        Where checkpoints, the best weights and the log are kept. A second start with the same ``identity`` goes on
        where the first one was stopped, and comes to the same result, bit for bit on the CPU.
    identity : mapping, optional
        What else the training hangs on, such as the configuration of the model and hashes of its data.
    progress : callable, optional

    Returns
    -------
    Trained

    Raises
    ------
    ShapeError
        If there are fewer pairs than a batch and the last, smaller batch is left out, or a single pair.
    TrainingError
        If a loss or a weight is no number; the last checkpoint is kept.
    ValuesError
        If a feature is no number; the last checkpoint is kept.
    OptionError
        If the folder holds another training, or torch does not know the device.
    """
    device = choose_device(config.device)
    batches = _batches(len(pairs), config)
    checkpoints = position = log = None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        whole = {"seed": seed, "training": config.model_dump(), "pairs": len(pairs), **(identity or {})}
        checkpoints = Checkpoints(folder, whole)
        position = checkpoints.load(recipe)
    position = position or Position()
    kept: dict[str, torch.Tensor] | None = None
    if folder is not None:
        log = Log(folder, position.history)
    with _deterministic():
        while not position.finished and position.epoch < config.epochs:
            entry = _epoch(recipe, pairs, config, batches, position, seed, device, checkpoints, progress)
            improved = _judge(entry, position, config, validate)
            if improved and checkpoints is not None:
                checkpoints.save_best(recipe)
            elif improved:
                kept = {name: tensor.detach().clone() for name, tensor in recipe.weights().items()}
            position.history.append(entry)
            position.epoch, position.batch, position.sums = position.epoch + 1, 0, {}
            stale = config.patience is not None and position.since_best >= config.patience
            position.finished = stale or position.epoch == config.epochs
            if checkpoints is not None:
                checkpoints.save(position, recipe)
            if log is not None:
                log.add(entry)
            if progress is not None:
                progress("epochs", config.epochs if position.finished else position.epoch, config.epochs)
    if log is not None:
        log.close()
    if position.best is not None and checkpoints is not None:
        checkpoints.load_best(recipe)
    elif kept is not None:
        recipe.load_weights(kept)
    best_epoch = None if position.best_epoch is None else position.best_epoch + 1
    return Trained(position.history, position.best, best_epoch)


def choose_device(name: str) -> torch.device:
    """Return the device of that name; ``auto`` is a GPU if there is one.

    Raises
    ------
    OptionError
        If torch does not know it, or has none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as problem:
        raise OptionError(
            f"there is no device {name!r}", where="training.device", expected="auto, cpu or cuda"
        ) from problem
    return device


def _batches(n_pairs: int, config: TrainingConfig) -> list[slice]:
    starts = range(0, n_pairs, config.batch_size)
    batches = [slice(start, min(start + config.batch_size, n_pairs)) for start in starts]
    # A batch of one has no negatives, and no statistics for batch normalisation.
    batches = [one for one in batches if one.stop - one.start > (config.batch_size - 1 if config.drop_last else 1)]
    if not batches:
        raise ShapeError(
            f"there are {n_pairs:,} pairs to train on",
            where="training",
            expected=f"at least {config.batch_size if config.drop_last else 2}, for one batch",
            fix="Train on more, or lower training.batch_size",
        )
    return batches


def _epoch(
    recipe: Recipe,
    pairs: Pairs,
    config: TrainingConfig,
    batches: list[slice],
    position: Position,
    seed: int,
    device: torch.device,
    checkpoints: Checkpoints | None,
    progress: Progress | None,
) -> dict[str, Any]:
    started = saved = time.monotonic()
    order = np.random.default_rng((seed, position.epoch)).permutation(len(pairs))
    if position.batch == 0:
        recipe.start_epoch(position.epoch)
    while position.batch < len(batches):
        torch.manual_seed(_step_seed(seed, position.epoch, position.batch))
        try:
            batch = pairs.batch(order[batches[position.batch]], device)
        except ValuesError as problem:
            raise ValuesError(
                problem.what,
                where=f"{problem.where}, {_place(position)}",
                expected=problem.expected,
                fix="Mend or leave out that item; a checkpoint that was written is kept",
            ) from problem
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            losses = {name: float(value.detach()) for name, value in recipe.step(batch).items()}
        _require_finite(losses, position)
        for name, value in losses.items():
            position.sums[name] = position.sums.get(name, 0.0) + value
        position.batch += 1
        if progress is not None:
            progress(f"epoch {position.epoch + 1} of {config.epochs}", position.batch, len(batches))
        within = position.batch < len(batches)
        if checkpoints is not None and within and time.monotonic() - saved >= config.save_seconds:
            checkpoints.save(position, recipe)
            saved = time.monotonic()
    recipe.end_epoch(position.epoch)
    means = {name: total / len(batches) for name, total in position.sums.items()}
    return {"epoch": position.epoch + 1, **means, "seconds": round(time.monotonic() - started, 3)}


def _judge(
    entry: dict[str, Any], position: Position, config: TrainingConfig, validate: Callable[[], float] | None
) -> bool:
    """Validate if it is time to; write the score into the entry, and return whether it is the best so far."""
    last = position.epoch + 1 == config.epochs
    if validate is None or not (last or (position.epoch + 1) % config.validate_every == 0):
        return False
    with torch.no_grad():
        score = float(validate())
    _require_finite({"the validation score": score}, position)
    entry["validation"] = score
    if position.best is not None and not score > position.best:
        position.since_best += 1
        return False
    position.best, position.best_epoch, position.since_best = score, position.epoch, 0
    return True


def _step_seed(seed: int, epoch: int, batch: int) -> int:
    return int(np.random.SeedSequence((seed, epoch, batch)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _place(position: Position) -> str:
    return f"epoch {position.epoch + 1}, batch {position.batch + 1}"


def _require_finite(losses: Mapping[str, float], position: Position) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"{name} is {value}",
                where=_place(position),
                expected="a finite number",
                fix="Lower the learning rate or look at this batch's features; a checkpoint that was written is kept",
            )


@contextmanager
def _deterministic() -> Iterator[None]:
    """Ask torch for the same results every time, where it can give them."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling every new tensor first would make some steps a twentieth longer; no recipe reads what it has not written.
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    memory.fill_uninitialized_memory = False
    state = torch.get_rng_state()
    try:
        yield
    finally:
        memory.fill_uninitialized_memory = fill
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        # Whoever called has random numbers of their own.
        torch.set_rng_state(state)
