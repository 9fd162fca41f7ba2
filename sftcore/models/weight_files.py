"""Whether the weights in a model's directory can be loaded, seen from their files' headers alone."""

from __future__ import annotations

import json
from pathlib import Path

INDEX = "model.safetensors.index.json"
LFS = b"version https://git-lfs"
LARGEST_HEADER = 100_000_000
OTHERS = {
    "adapter_config.json": ("this is an adapter, not a whole model", "name the model that it was made for"),
    "*.gguf": ("its weights are in a GGUF file", "name that file as the base"),
    "tf_model.h5": ("these are weights of TensorFlow", "give a directory with model.safetensors"),
    "flax_model.msgpack": ("these are weights of Flax", "give a directory with model.safetensors"),
}
"""Files that stand in directories without weights that could be trained, what they mean, and what to do."""


def weights_flaw(folder: Path) -> tuple[str, str]:
    """What is wrong with the weights in a directory and what to do; ("", "") where nothing is."""
    files = sorted({*folder.glob("model.safetensors"), *folder.glob("model-*.safetensors")})
    missing = _missing_shards(folder)
    if missing:
        return f"{len(missing)} of its files of weights are missing, {missing[0]} for one", "download the model again"
    if not files and not any(folder.glob("pytorch_model*.bin")):
        found = next((told for pattern, told in OTHERS.items() if any(folder.glob(pattern))), None)
        message, advice = found or ("", "download the model again, with its weights")
        return f"no model.safetensors in this directory{f': {message}' if message else ''}", advice
    flaws = ((file.name, _header_flaw(file)) for file in files)
    name, flaw = next(((name, flaw) for name, flaw in flaws if flaw), ("", ""))
    if not name:
        return "", ""
    advice = "git lfs pull in the model's directory" if "Git LFS" in flaw else "download the model again"
    return f"{name} is damaged: {flaw}", advice


def _missing_shards(folder: Path) -> list[str]:
    try:
        shards = set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []
    return sorted(str(name) for name in shards if not (folder / str(name)).is_file())


def _header_flaw(file: Path) -> str:
    """Why a safetensors file can't be whole: 8 bytes of length, a JSON header, and the bytes that it promises."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(len(LFS))
        if start == LFS:
            return "it is a pointer of Git LFS in place of the weights"
        length = int.from_bytes(start[:8], "little")
        stream.seek(8)
        if size < 8 or not 0 < length <= min(size - 8, LARGEST_HEADER):
            return f"{size:,} bytes without the header of a safetensors file"
        try:
            header = json.loads(stream.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            return "its header can't be read"
    promised = 8 + length + max(ends, default=0)
    return "" if size == promised else f"{size:,} bytes where its header promises {promised:,}"
