"""Names that keys have in other frameworks, and what a recipe says instead."""

from __future__ import annotations

from collections.abc import Mapping

from sftcore.recipe.document import KeyPath
from sftcore.recipe.train import REFUSED

_MODEL: Mapping[str, str] = {
    "it is called base": "model_name_or_path pretrained_model_name_or_path model_name model_id model_path pretrained "
    "path checkpoint",
    "it is called max_length": "max_seq_length max_seq_len max_len cutoff_len",
    "write [model.adapter] with r = ...": "lora_r lora_rank",
    "write [model.adapter] with lora_alpha = ...": "lora_alpha",
    'write adapter = { use = "lora" }': "lora peft use_lora use_peft",
    "weights are loaded in float32; precision in [train] says what training computes in": "torch_dtype dtype",
    "training with quantised weights is not there; a GGUF file can be a base": "load_in_4bit load_in_8bit "
    "quantization quantization_config",
    "models that bring code of their own are not loaded": "trust_remote_code",
    "their number follows from the labels": "num_labels",
    "the base brings its own": "tokenizer tokenizer_name tokenizer_name_or_path",
    "write it in config, by the architecture's own name, such as hidden_dropout_prob": "dropout",
}
_DATA: Mapping[str, str] = {
    "it is called source": "path file files file_path data_path data_files data_dir dataset dataset_name dataset_path",
    "write source = { train = ..., validation = ..., test = ... }": "train train_file train_path validation valid dev "
    "validation_file eval_file dev_file test test_file test_path",
    "write columns = { text = ... }": "text_column text_col text_field",
    "write columns = { label = ... }": "label_column label_col label_field target target_column",
    "write split = { train = 0.8, validation = 0.1, test = 0.1 }": "test_size val_size validation_size train_size "
    "val_split test_split splits",
    "it is called limit": "max_samples n_samples num_samples sample nrows",
    "it is called where": "filter",
    "the separator is found by itself": "sep delimiter separator",
    "the ending of the file says it": "format file_format file_type",
    "rows are shuffled by themselves, from the seed at the top of the recipe": "shuffle",
}


def _by_key(table: Mapping[str, str]) -> dict[str, str]:
    return {key: advice for advice, keys in table.items() for key in keys.split()}


OTHER_NAMES: Mapping[str, Mapping[str, str]] = {"train": REFUSED, "model": _by_key(_MODEL), "data": _by_key(_DATA)}
"""By table: keys that a recipe does not have there, and what to do instead."""
TOO_SHORT_ALONE = {"path", "file", "files", "name", "train", "test", "dev", "valid", "validation", "sample", "target"}
"""Names that say something only within their table."""


def instead(parent: KeyPath, key: str) -> tuple[str, str] | None:
    """The table that a foreign key was probably meant for, and what to write there; None for unknown names."""
    here = str(parent[0]) if len(parent) == 1 else ""
    if key in OTHER_NAMES.get(here, {}):
        return here, OTHER_NAMES[here][key]
    if key in TOO_SHORT_ALONE:
        return None
    return next(((table, names[key]) for table, names in OTHER_NAMES.items() if key in names), None)
