"""What a model costs: time to encode, bytes to store, memory, and the machine it was measured on."""

from ficoitr.efficiency.encoding import EncodingTime, EncodingTimes, measure_encoding
from ficoitr.efficiency.environment import environment, usable_cores
from ficoitr.efficiency.memory import peak_memory_bytes
from ficoitr.efficiency.storage import Storage, measure_storage

__all__ = [
    "EncodingTime",
    "EncodingTimes",
    "Storage",
    "environment",
    "measure_encoding",
    "measure_storage",
    "peak_memory_bytes",
    "usable_cores",
]
