import subprocess
import sys

import pytest

from ficoitr.errors import OptionError
from ficoitr.models import load_model, model_names


def test_listing_imports_nothing_heavy():
    script = (
        "import sys; from ficoitr.models import model_names; assert model_names();"
        "print([m for m in ('sklearn', 'scipy', 'PIL', 'numba', 'torch') if m in sys.modules])"
    )
    listed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "[]"


@pytest.mark.parametrize("entry", model_names(), ids=lambda entry: entry.name)
def test_an_entry_says_what_its_class_says(entry):
    encoder = load_model(entry.name)
    assert (encoder.name, encoder.granularity) == (entry.name, entry.granularity)
    assert encoder.measure in {"fine": ("cosine", "pairs"), "coarse": ("hamming",)}[entry.granularity]
    assert encoder.measure != "pairs" or callable(encoder.scorer)
    assert entry.description


def test_an_unknown_model_is_named_with_the_closest():
    with pytest.raises(OptionError, match=r"no model 'cca-iqt'.*Did you mean 'cca-itq'"):
        load_model("cca-iqt")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dimension": 8}, "Did you mean 'dimensions'"),
        ({"dimensions": 0}, "integer of 1 or more"),
        ({"dimensions": True}, "integer of 1 or more"),
        ({"dimensions": 8.0}, "integer of 1 or more"),
        ({"features": 3}, "a name of features"),
        ({"text_features": None}, "a name of features"),
        ({"weights": 1}, "the path of a file"),
        ({"kernel": "cubic"}, "auto or linear or gaussian"),
        ({"correlation_power": -1}, "0 or more"),
        ({"correlation_power": float("nan")}, "0 or more"),
        ({"max_terms": "many"}, "integer of 1 or more"),
    ],
)
@pytest.mark.parametrize("name", ["cca", "cca-itq"])
def test_bad_options_are_refused(name, config, message):
    with pytest.raises(OptionError, match=message):
        load_model(name, config=config)


def test_bad_iterations_are_refused():
    with pytest.raises(OptionError, match="integer of 0 or more"):
        load_model("cca-itq", config={"iterations": -1})


def test_a_checkpoint_takes_no_options(tmp_path):
    with pytest.raises(OptionError, match="brings its own options"):
        load_model("cca", checkpoint=tmp_path / "cca.npz", config={"dimensions": 8})
