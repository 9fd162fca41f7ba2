"""GGUF files as bases: read without being imported, unpacked, trained, saved, and loaded again without gguf."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sftcore import ModelError, Recipe
from sftcore.models.adapters import with_adapter
from sftcore.models.base import locate_base
from sftcore.models.gguf import texts_of
from sftcore.models.loading import load_plain, load_tokenizer
from sftcore.reporter import SilentReporter
from sftcore.task import TaskState

RecipeOf = Callable[..., Recipe]
WriteGguf = Callable[..., Path]
CAUSAL: Any = SimpleNamespace(
    name="any", auto_class="AutoModelForCausalLM", config=lambda state: {}, prepare_model=lambda model, *_: model
)


class Told(SilentReporter):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def loaded(recipe: Recipe, reporter: Told | None = None) -> tuple[Any, Any]:
    """The causal model, and the tokenizer."""
    base, state = locate_base(recipe), TaskState()
    tokenizer = load_tokenizer(recipe, base, [])
    return load_plain(recipe, base, CAUSAL, state, tokenizer, reporter or Told())[0], tokenizer


def test_it_trains_and_is_saved_as_any_other_model(
    write_gguf: WriteGguf,
    recipe_of: RecipeOf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    told = Told()
    model, tokenizer = loaded(recipe_of(f"base = {str(write_gguf())!r}"), told)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert any("unpacked to float32" in note for note in told.notes)
    assert not told.warnings
    assert capfd.readouterr() == ("", "")
    batch = tokenizer(["a\n\n1 你好"], return_tensors="pt")
    before = model.lm_head.weight.clone()
    model.train()(**batch, labels=batch["input_ids"]).loss.backward()
    torch.optim.SGD(model.parameters(), 0.1).step()
    assert not torch.equal(before, model.lm_head.weight)
    model.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    monkeypatch.setitem(sys.modules, "gguf", None)
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved").eval()
    assert torch.equal(again(**batch).logits, model.eval()(**batch).logits)
    assert again.lm_head.weight is again.model.embed_tokens.weight
    assert not hasattr(again.config, "quantization_config")
    text = "".join(path.read_text("utf-8") for path in (tmp_path / "saved").glob("*.json"))
    assert str(tmp_path) not in text
    same = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert same("x\n\n12  a")["input_ids"] == tokenizer("x\n\n12  a")["input_ids"]
    assert same.chat_template == tokenizer.chat_template


def test_the_weights_are_those_of_the_file(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    gguf: Any = pytest.importorskip("gguf")
    path = write_gguf()
    model, _ = loaded(recipe_of(f"base = {str(path)!r}"))
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for theirs, ours in {
        "token_embd.weight": model.model.embed_tokens.weight,
        "blk.1.ffn_down.weight": model.model.layers[1].mlp.down_proj.weight,
    }.items():
        values = gguf.quants.dequantize(tensors[theirs].data, tensors[theirs].tensor_type)
        assert torch.allclose(torch.tensor(values), ours, atol=1e-7)


def test_the_tokenizer_keeps_template_special_tokens_and_digits(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    _, tokenizer = loaded(recipe_of(f"base = {str(write_gguf())!r}"))
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token) == (
        *("<|im_start|>", "<|im_end|>", "<|im_end|>", "<|endoftext|>"),
    )
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False)
    assert chat == "<|im_start|>user\na<|im_end|>\n"
    assert tokenizer(chat)["input_ids"][0] == tokenizer.bos_token_id
    assert tokenizer.tokenize("a\n\n12") == ["a", "ĊĊ", "1", "2"]
    assert tokenizer.model_max_length == 64


def test_a_way_of_cutting_texts_that_nobody_knows_is_warned_of(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    told = Told()
    loaded(recipe_of(f"base = {str(write_gguf(pre='bert-bge'))!r}"), told)
    assert len(told.warnings) == 1
    assert "'bert-bge'" in told.warnings[0]


def test_a_classifier_on_it_gets_a_new_head_and_an_adapter(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    recipe = recipe_of(f'base = {str(write_gguf())!r}\nadapter = {{ use = "lora", r = 2 }}')
    state = recipe.task.fit([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    base, told = locate_base(recipe), Told()
    tokenizer = load_tokenizer(recipe, base, [])
    plain, new = load_plain(recipe, base, recipe.task, state, tokenizer, told)
    assert new == {"score.weight"}
    model = with_adapter(recipe, plain, new)
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert any("score" in name for name in trained)
    assert all("score" in name or "lora_" in name for name in trained)
    assert model.config.pad_token_id == 2
    assert model(**tokenizer("a b", return_tensors="pt")).logits.shape == (1, 2)


def test_only_the_file_is_hashed(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    path = write_gguf()
    before = locate_base(recipe_of('base = "tiny.gguf"', path.parent))
    assert before.keywords == {"local_files_only": True, "gguf_file": "tiny.gguf"}
    (path.parent / "other.txt").write_text("x")
    assert locate_base(recipe_of(f"base = {str(path)!r}")).sha256 == before.sha256
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x7f")
    assert locate_base(recipe_of(f"base = {str(path)!r}")).sha256 != before.sha256


def test_a_package_is_read_as_a_file_and_never_imported(
    write_gguf: WriteGguf, recipe_of: RecipeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_gguf().parent
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(folder.parent)
    base = locate_base(recipe_of('base = "package:models/tiny.gguf"'))
    assert (base.path, base.gguf_file) == (folder, "tiny.gguf")
    assert "models" not in sys.modules


TORN = b"GGUF" + struct.pack("<IQQ", 3, 0, 5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gguf", b"PK\3\4 something else", "does not begin with the letters GGUF"),
        ("a.gguf", b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("a-00001-of-00003.gguf", b"GGUF\3\0\0\0", "one part of several"),
        ("a.gguf", TORN, "ends within its header"),
        ("a.gguf", TORN + struct.pack("<Q", 1 << 63), "ends within its header"),
    ],
)
def test_files_that_are_none_are_refused(
    name: str, content: bytes, message: str, recipe_of: RecipeOf, tmp_path: Path
) -> None:
    pytest.importorskip("gguf")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=message):
        loaded(recipe_of(f'base = "{name}"', tmp_path))


def test_an_architecture_that_transformers_lacks_is_named(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    with pytest.raises(ModelError, match="no-such-thing"):
        loaded(recipe_of(f"base = {str(write_gguf(architecture='no-such-thing'))!r}"))


def test_without_the_package_the_command_to_install_it_is_given(
    write_gguf: WriteGguf, recipe_of: RecipeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf()
    monkeypatch.setattr("sftcore.models.gguf.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r'pip install "sftcore\[gguf\]"'):
        locate_base(recipe_of(f"base = {str(path)!r}"))


def test_a_folder_with_such_a_file_names_it(write_gguf: WriteGguf, recipe_of: RecipeOf) -> None:
    with pytest.raises(ModelError, match=r"name the file: models/tiny\.gguf"):
        locate_base(recipe_of('base = "models"', write_gguf().parent.parent))


def test_the_header_is_read_without_the_lists(write_gguf: WriteGguf, tmp_path: Path) -> None:
    texts = texts_of(write_gguf())
    assert texts["general.architecture"] == "llama"
    assert (texts["tokenizer.ggml.model"], texts["tokenizer.ggml.pre"]) == ("gpt2", "smollm")
    assert "tokenizer.ggml.tokens" not in texts
    (tmp_path / "torn.gguf").write_bytes(TORN)
    with pytest.raises(ValueError, match="ends within its header"):
        texts_of(tmp_path / "torn.gguf")
