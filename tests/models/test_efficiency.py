import json
import subprocess
import sys

import numpy as np
import pytest

from ficoitr.data import load_dataset
from ficoitr.efficiency import environment, measure_encoding, measure_storage, peak_memory_bytes, usable_cores
from ficoitr.errors import OptionError
from ficoitr.models import load_model
from ficoitr.outputs import Embeddings, HashCodes


def test_the_environment_is_plain_json_without_heavy_imports():
    script = (
        "import json, sys; from ficoitr.efficiency import environment; described = environment();"
        "heavy = [m for m in ('numba', 'scipy', 'sklearn', 'torch', 'faiss') if m in sys.modules];"
        "print(json.dumps([described, heavy]))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    described, heavy = json.loads(run.stdout)
    assert heavy == []
    assert described["cores"] == usable_cores()
    assert described["packages"]["numpy"] == np.__version__
    assert described["python"] == sys.version.split()[0]
    assert described.keys() == environment().keys()


def test_peak_memory_rises_with_what_is_held():
    before = peak_memory_bytes()
    assert before is not None
    held = np.ones(before // 8 + (64 << 20) // 8)
    assert peak_memory_bytes() >= held.nbytes
    assert peak_memory_bytes() > before


@pytest.mark.parametrize(("bits", "bytes_per_item"), [(64, 8), (65, 9), (3, 1), (128, 16)])
def test_codes_are_counted_packed(bits, bytes_per_item):
    storage = measure_storage(HashCodes.from_values(np.ones((7, bits))))
    assert (storage.n_items, storage.total_bytes, storage.bytes_per_item) == (7, 7 * bytes_per_item, bytes_per_item)


def test_embeddings_are_counted_by_their_dtype():
    assert measure_storage(Embeddings(np.ones((5, 12), dtype=np.float16))).bytes_per_item == 24


def test_encoding_is_timed_per_modality():
    dataset = load_dataset("scenes", train=60, validation=10, test=30)
    model = load_model("cca", config={"dimensions": 8}).fit(dataset.split("train"), dataset.split("validation"))
    times = measure_encoding(model, dataset.split("test"), n_images=20, repeats=2)
    assert (times.images.n_items, times.texts.n_items) == (20, 100)
    for time in (times.images, times.texts):
        assert len(time.seconds) == len(time.cpu_seconds) == 2
        assert min(time.seconds) > 0
        assert time.items_per_second == pytest.approx(1000 / time.milliseconds_per_item)
    with pytest.raises(OptionError, match="repeats is 0"):
        measure_encoding(model, dataset.split("test"), repeats=0)
