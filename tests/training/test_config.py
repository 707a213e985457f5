"""Configurations: presets, files and single settings, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from ficoitr.errors import FileFormatError, OptionError
from ficoitr.models.training.config import TrainingConfig, read_config


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bits: int = Field(default=64, ge=1)
    margin: float = 0.2
    training: TrainingConfig = TrainingConfig()


def test_settings_go_before_the_file_and_that_before_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("bits: 32\ntraining:\n  epochs: 7\n  batch_size: 16\n")
    config = read_config(Config, "toy", file=file, settings=["training.epochs=5", "margin=1e-1"])
    assert (config.bits, config.margin) == (32, 0.1)
    assert (config.training.epochs, config.training.batch_size, config.training.patience) == (5, 16, None)
    assert read_config(Config, "toy", settings={"bits": 8}).bits == 8
    assert read_config(Config, "toy") == Config()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("bit=3", "the model 'toy' has no setting 'bit'.*bits, margin, training.*Did you mean 'bits'"),
        ("training.epoch=3", "no setting 'training.epoch'.*epochs.*Did you mean 'epochs'"),
        ("bits=0", "bits is 0.*greater than or equal to 1"),
        ("training.batch_size=1", "training.batch_size is 1"),
        ("training.batch_size=many", "training.batch_size is 'many'"),
        ("training=3", "training is 3"),
        ("bits", "'bits' is no setting"),
        ("3=4", "'3=4' is no setting"),
        ("bits=[", r"the value '\[' cannot be read"),
    ],
)
def test_settings_that_are_wrong(setting: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        read_config(Config, "toy", settings=[setting])


def test_files_and_presets_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="has no preset 'small'"):
        read_config(Config, "toy", preset="small")
    with pytest.raises(FileFormatError, match="does not exist"):
        read_config(Config, "toy", file=tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: 1\nb: [\n")
    with pytest.raises(FileFormatError, match=r"bad.yaml, line \d: the file is not YAML"):
        read_config(Config, "toy", file=bad)
    bad.write_text("just a text")
    with pytest.raises(FileFormatError, match="holds no settings"):
        read_config(Config, "toy", file=bad)
    bad.write_bytes(b"a: \xff")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_config(Config, "toy", file=bad)
