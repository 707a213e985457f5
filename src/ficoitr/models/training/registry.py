"""Which models can be trained by the loop."""

from __future__ import annotations

from typing import Any

from ficoitr.errors import OptionError, did_you_mean
from ficoitr.models.registry import model_names


def trainable(name: str) -> Any:
    """Return the class of a model that has a configuration and is trained in epochs.

    Raises
    ------
    OptionError
        For another name, or a model that is fitted otherwise.
    """
    entries = {entry.name: entry for entry in model_names()}
    if name in entries:
        found = entries[name].model_class()
        if hasattr(found, "config_class"):
            return found
        raise OptionError(
            f"the model {name!r} is not trained in epochs", where="model", fix="Fit it by ficoitr bench, or in Python"
        )
    raise OptionError(
        f"there is no model {name!r}",
        where="model",
        expected=f"one of {', '.join(entries)}",
        fix=did_you_mean(name, entries),
    )
