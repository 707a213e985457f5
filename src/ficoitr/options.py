"""Options that are checked by a pydantic class, with errors that name what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ficoitr.errors import FicoitrError, OptionError, did_you_mean

Options = TypeVar("Options", bound=BaseModel)


def checked_options(options_class: type[Options], values: Mapping[str, Any], owner: str, *, where: str) -> Options:
    """Check values against the class that describes them.

    Parameters
    ----------
    options_class : type
        A pydantic class that forbids what it does not know.
    values : mapping
    owner : str
        Whose options they are, such as ``the model 'scan'``.
    where : str
        What errors name.

    Raises
    ------
    OptionError
        For an unknown field or a value out of its range; the message names the field.
    """
    try:
        return options_class.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            holder = _holder(options_class, first["loc"])
            known = tuple(holder.model_fields) if holder else ()
            raise OptionError(
                f"{owner} has no setting {name!r}",
                where=where,
                expected=f"settings among {', '.join(known)}",
                fix=did_you_mean(str(first["loc"][-1]), known),
            ) from problem
        own = first.get("ctx", {}).get("error")
        if isinstance(own, FicoitrError):
            raise OptionError(own.what, where=f"{where}, {name}", expected=own.expected, fix=own.fix) from problem
        message = first["msg"]
        raise OptionError(
            f"{name} is {first['input']!r}", where=where, expected=f"{message[0].lower()}{message[1:]}"
        ) from problem


def _holder(options_class: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel] | None:
    holder: Any = options_class
    for part in place[:-1]:
        annotation = holder.model_fields[str(part)].annotation
        # Of an optional one, the class that it is if there is one.
        holder = next(
            (one for one in get_args(annotation) if isinstance(one, type) and one is not NoneType), annotation
        )
        if not (isinstance(holder, type) and issubclass(holder, BaseModel)):
            return None
    chosen: type[BaseModel] = holder
    return chosen
