"""train_rows.parquet: which rows a model was trained on, as hashes, so that `evaluate` knows them again.

A hash tells anyone who can guess a text whether it was among them, and short texts can be guessed; a salt in the same
folder would not change that. So there is no such file where the report shows no texts. With texts, predictions.parquet
shows texts of the same data in the open.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sftcore.data.twins import word_keys
from sftcore.runs.files import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sftcore.data.rows import Rows
    from sftcore.task import Role

FILE = "train_rows.parquet"
COLUMN = "hash"


def row_hashes(rows: Rows, roles: Mapping[str, Role]) -> NDArray[np.uint64]:
    """(n,) uint64: BLAKE2b, 8 bytes, of the words of each row's texts: normalised twins have the same. A row without
    texts to compare has 0."""
    keys = word_keys(rows, roles)
    if keys is None:
        return np.zeros(len(rows), np.uint64)
    digests = b"".join(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest() for key in keys)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def write_train_rows(path: Path, rows: Rows, roles: Mapping[str, Role]) -> None:
    """Write the hashes of the preprocessed training rows, ascending and each once: nothing tells their order. Nothing
    is written where rows have no texts to compare. Raises `ResourceError` (disk full)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    hashes = np.unique(row_hashes(rows, roles))
    if not hashes.any():
        return
    with replacing(path) as file:
        pq.write_table(pa.table({COLUMN: hashes}), file, compression="none", use_dictionary=False)


def trained_on(folder: Path, rows: Rows, roles: Mapping[str, Role]) -> NDArray[np.bool_] | None:
    """(n,) bool: which of these rows, preprocessed as the run's own were, it was trained on; None where the run did
    not record its training rows."""
    import pyarrow.parquet as pq

    path = folder / FILE
    if not path.is_file():
        return None
    return np.isin(row_hashes(rows, roles), pq.read_table(path).column(COLUMN).to_numpy())
