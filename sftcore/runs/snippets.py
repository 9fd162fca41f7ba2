"""The program in the model card: at most 30 lines that use the saved model with transformers and torch alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftcore.recipe import Recipe
    from sftcore.task import Task, TaskState

TEXT = '"A text, after the preprocessing below."'
SECOND = '"The second text."'

_LOADED = """import torch
from transformers import {auto}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("model")
model = {auto}.from_pretrained("model").eval()
"""

_PLAIN = """inputs = tokenizer({text}, truncation=True, return_tensors="pt")
with torch.inference_mode():
    print(model(**inputs))
"""

_QUESTION = """question, context = "A question?", "The text that holds the answer, after the preprocessing below."
special = tokenizer.num_special_tokens_to_add(pair=True)
room = tokenizer.model_max_length - special - len(tokenizer(question, add_special_tokens=False)["input_ids"])
inputs = tokenizer(
    question, context, truncation="only_second", stride={stride}, padding=True,
    return_overflowing_tokens=True, return_offsets_mapping=True, return_tensors="pt",
)
places, _ = inputs.pop("offset_mapping"), inputs.pop("overflow_to_sample_mapping")
with torch.inference_mode():
    outputs = model(**inputs)
outside = torch.tensor([[part != 1 for part in inputs.sequence_ids(window)] for window in range(len(places))])
starts, ends = (side.masked_fill(outside, -1e9) for side in (outputs.start_logits, outputs.end_logits))
scores = starts[:, :, None] + ends[:, None, :]  # of every span of every window
spans = torch.ones_like(scores[0], dtype=torch.bool).triu().tril({longest})
scores = scores.masked_fill(~spans, -2e9)
window, start, end = torch.unravel_index(scores.argmax(), scores.shape)
margin = (outputs.start_logits[:, 0] + outputs.end_logits[:, 0]).min() - scores.max()
answer = context[places[window, start, 0] : places[window, end, 1]]
"""

_WRITTEN = """{inputs}
with torch.inference_mode():
    ids = model.generate(**inputs)[0{new}]
print(tokenizer.decode(ids, skip_special_tokens=True))
"""

_TURNS = """turns = {given}
inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True, return_tensors="pt")"""


def snippet(recipe: Recipe, state: TaskState) -> str:
    """A program that loads the folder `model` and prints what the model says: by what its Auto class is for where
    that is to answer in words, else by the task's pipeline."""
    own = {
        "AutoModelForQuestionAnswering": _question,
        "AutoModelForSeq2SeqLM": _writing,
        "AutoModelForCausalLM": _writing,
    }
    auto = recipe.task.auto_class
    if auto in own:
        return _LOADED.format(auto=auto) + own[auto](recipe, state)
    if recipe.task.pipeline:
        return _pipeline(recipe, state)
    text = f"{TEXT}, {SECOND}" if _is_paired(recipe) else TEXT
    return _LOADED.format(auto=auto) + _PLAIN.format(text=text)


def _is_paired(recipe: Recipe) -> bool:
    return "text_pair" in recipe.data.columns


def _pipeline(recipe: Recipe, state: TaskState) -> str:
    given = f'{{"text": {TEXT}, "text_pair": {SECOND}}}' if _is_paired(recipe) else TEXT
    entities = recipe.task.pipeline == "token-classification"  # which cuts long texts without being told
    joined, cut = (', aggregation_strategy="simple"', "") if entities else ("", ", truncation=True")
    lines = [
        "from transformers import pipeline",
        "",
        f'model = pipeline("{recipe.task.pipeline}", model="model"{joined})',
    ]
    thresholds = getattr(state, "thresholds", ())
    if thresholds:
        pairs = zip(recipe.task.label_names(state), thresholds, strict=True)
        table = ", ".join(f'"{_quoted(label)}": {value!r}' for label, value in pairs)
        lines += [
            f"thresholds = {{{table}}}",
            f"scores = model({given}, truncation=True, top_k=None)",
            'print([found["label"] for found in scores if found["score"] >= thresholds[found["label"]]])',
        ]
    else:
        lines.append(f"print(model({given}{cut}))")
    return "\n".join(lines) + "\n"


def _question(recipe: Recipe, state: TaskState) -> str:
    """The best span of all windows; where the state has a threshold for no answer, "" beyond it. The task may name the
    tokens that windows share, and those of the longest answer."""
    stride, longest = getattr(recipe.task, "stride", None), getattr(recipe.task, "max_answer_length", 30)
    text = _QUESTION.format(stride="min(128, room // 2)" if stride is None else stride, longest=longest - 1)
    threshold = getattr(state, "no_answer_threshold", None)
    said = "answer" if threshold is None else f'"" if margin > {threshold!r} else answer'
    return f"{text}print({said})\n"


def _writing(recipe: Recipe, state: TaskState) -> str:
    """What the model writes by its saved settings, for the input of a made-up row: a text, or turns of a chat."""
    given = json.dumps(_model_input(recipe.task), ensure_ascii=False)
    read = f'inputs = tokenizer({given}, truncation=True, return_tensors="pt")'
    inputs = _TURNS.format(given=given) if given.startswith("[") else read
    new = ', inputs["input_ids"].shape[1] :' if recipe.task.auto_class == "AutoModelForCausalLM" else ""
    return _WRITTEN.format(inputs=inputs, new=new)


def _model_input(task: Task) -> Any:
    """What the task feeds a pipeline with for a row of texts that say what they stand for."""
    texts = [name for name, role in task.roles.items() if role.kind == "text" and not role.target]
    needed = [name for name in texts if task.roles[name].required] or texts[:1]
    return task.model_input({name: f"The {name}, after the preprocessing below." for name in needed})


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
