"""Suites: named lists of models to compare."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

from ficoitr.errors import OptionError
from ficoitr.models import load_model
from ficoitr.models.features import feature_names
from ficoitr.models.registry import trainable

if TYPE_CHECKING:
    from ficoitr.models import Encoder

# A model's name becomes that of a folder; a point at the start is for what is not finished.
_NAME = re.compile(r"\w[\w.+-]*")
_NOT_IN_NAMES = re.compile(r"[^\w.+-]")

# The options of models that name features.
FEATURE_OPTIONS = {"image": "features", "text": "text_features"}
_WEIGHTS = "weights"


@dataclass(frozen=True)
class SuiteModel:
    """A model of a suite.

    Parameters
    ----------
    name : str
        What tables call it, and the folder of its run: letters, digits, and ``. _ + -``.
    model : str
        Its name in the registry.
    config : mapping
        Its options.
    preset : str, optional
        Of a model that is trained in epochs: the settings that its options are put over; ``bench`` takes the one of
        its dataset, such as ``small-scenes`` for ``small``, where there is one.
    variant : str
        What the folder of its run is called beside the name, so that other runs of that name stay.

    Raises
    ------
    OptionError
        For another name.
    """

    name: str
    model: str
    config: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    variant: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise OptionError(
                f"a model cannot be called {self.name!r}",
                where="suite",
                expected="letters, digits and . _ + -, since its run lies in a folder of that name",
            )

    @property
    def folder(self) -> str:
        """The name of the folder of its run."""
        return f"{self.name}+{self.variant}" if self.variant else self.name

    def options(self) -> dict[str, Any]:
        """Return all that the model is made with.

        Raises
        ------
        OptionError
            If it has no such preset, or an option is wrong.
        """
        if self.preset is None:
            return dict(self.config)
        config_class = trainable(self.model).config_class

        from ficoitr.models.training.config import read_config

        read = read_config(config_class, self.model, preset=self.preset, settings=self.config)
        values: dict[str, Any] = read.model_dump(mode="json")
        return values

    def for_dataset(self, dataset: str) -> Self:
        """Take the preset of that dataset, where the model has one of its own, see ``preset_for``."""
        if self.preset is None:
            return self
        trainable(self.model)

        from ficoitr.models.training.config import preset_for

        return replace(self, preset=preset_for(self.model, self.preset, dataset))

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """Set those of the options that the model has and can read; the folder is named after their values."""
        model = load_model(self.model, config=self.options())
        config = getattr(model, "config", None)
        known = {one.name for one in fields(config)} if is_dataclass(config) else {name for name, _ in config or ()}
        taken = {name: value for name, value in options.items() if name in known and _readable(model, name, value)}
        if FEATURE_OPTIONS["image"] in options and FEATURE_OPTIONS["image"] not in taken:
            # They are of features that this model cannot read.
            taken.pop(_WEIGHTS, None)
        named = [_NOT_IN_NAMES.sub("_", str(value)) for name, value in taken.items() if name != _WEIGHTS]
        return replace(self, config={**self.config, **taken}, variant="+".join(named))


@dataclass(frozen=True)
class Suite:
    """Models to compare.

    Parameters
    ----------
    name : str
    description : str
        One sentence without the full stop, for reports.
    models : tuple of SuiteModel
        At least one, of different names.
    datasets : mapping from str to mapping
        Options of datasets, such as how much of a generated one to make.

    Raises
    ------
    OptionError
        Without a model, or if two share a name.

    Examples
    --------
    >>> suite = Suite("narrow", "Few dimensions", (SuiteModel("cca-16", "cca", {"dimensions": 16}),))
    >>> [model.name for model in suite.models]
    ['cca-16']
    """

    name: str
    description: str
    models: tuple[SuiteModel, ...]
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if not names or len(set(names)) < len(names):
            raise OptionError(
                f"the suite {self.name!r} has the models {', '.join(names) or 'none'}",
                where="suite",
                expected="at least one model, each under a name of its own",
            )

    @property
    def variant(self) -> str:
        """What tells this suite from the named one, for the names of files; empty for the named one."""
        return next((model.variant for model in self.models if model.variant), "")

    def for_dataset(self, dataset: str) -> Suite:
        """Let every model take its preset of that dataset, where it has one of its own."""
        return replace(self, models=tuple(model.for_dataset(dataset) for model in self.models))

    def with_features(
        self,
        image_features: str | None = None,
        text_features: str | None = None,
        *,
        image_weights: str | None = None,
    ) -> Suite:
        """Let every model that takes features by name take others.

        Parameters
        ----------
        image_features, text_features : str, optional
            Names of `ficoitr.models.features.feature_names`, or of features that the dataset brings; by default those
            of the suite.
        image_weights : str, optional
            File of the weights of the image features, where no package brings them.

        Raises
        ------
        OptionError
            If no model of the suite takes features by name.

        Examples
        --------
        >>> suite = get_suite("quick").with_features("efficientnet-lite0", "minilm")
        >>> [model.folder for model in suite.models]
        ['cca+efficientnet-lite0+minilm', 'cca-itq-64+efficientnet-lite0+minilm']
        """
        wanted = {
            FEATURE_OPTIONS["image"]: image_features,
            FEATURE_OPTIONS["text"]: text_features,
            _WEIGHTS: image_weights,
        }
        options = {name: value for name, value in wanted.items() if value is not None}
        changed = replace(self, models=tuple(model.with_options(options) for model in self.models))
        if options and not changed.variant:
            raise OptionError(
                f"no model of the suite {self.name!r} takes {' or '.join(options)}",
                where="suite",
                fix="Name image_features or text_features, and a suite with a model such as cca",
            )
        return changed


def _readable(model: Encoder, option: str, value: Any) -> bool:
    """Whether a model can read the features that an option names: some take vectors only, some only sets of regions."""
    axes = getattr(model, "axes", None)
    modality = {name: modality for modality, name in FEATURE_OPTIONS.items()}.get(option)
    shapes = [one.shape for one in feature_names(modality) if one.name == value and one.shape]
    return axes is None or modality is None or not shapes or len(shapes[0]) == axes


@lru_cache(maxsize=1)
def suites() -> dict[str, Suite]:
    """All named suites."""
    text = files("ficoitr.bench").joinpath("suites.toml").read_text(encoding="utf-8")
    return {
        name: Suite(name, models=tuple(SuiteModel(**model) for model in fields.pop("models")), **fields)
        for name, fields in tomllib.loads(text).items()
    }


def get_suite(name: str) -> Suite:
    """Find a suite by its name.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    known = suites()
    if name not in known:
        raise OptionError(f"there is no suite {name!r}", where="suite", expected=f"one of {', '.join(known)}")
    return known[name]
