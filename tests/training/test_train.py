"""Training as a whole: what is resumed equals what was never interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from sftcore.errors import RecipeError, TrainingError
from sftcore.training import checkpoints


class Crash(TrainerCallback):
    """Ends the process's training in the middle of things."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **keywords: Any) -> None:
        if state.global_step == self._step:
            raise KeyboardInterrupt


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


CASES: dict[str, dict[str, Any]] = {
    "middle of an epoch": {"save_steps": 5.0, "crash": 7},
    "end of an epoch": {"save_steps": 11.0, "crash": 13, "validate": True},
    "second epoch, fresh rows": {"save_steps": 14.0, "crash": 16, "fresh": True},
    "accumulation, validation between": {
        "gradient_accumulation_steps": 3,
        "num_train_epochs": 3.0,
        "save_steps": 5.0,
        "eval_strategy": "steps",
        "eval_steps": 2.0,
        "validate": True,
        "crash": 8,
    },
    "bf16, fresh rows, accumulation": {
        "precision": "bf16",
        "fresh": True,
        "gradient_accumulation_steps": 2,
        "save_steps": 3.0,
        "crash": 8,
    },
    "two workers": {"dataloader_num_workers": 2, "save_steps": 4.0, "crash": 6, "fresh": True},
    "batches by tokens": {"tokens_per_batch": 48, "save_steps": 7.0, "crash": 17},
    "noise on the embeddings": {"neftune_noise_alpha": 5.0, "save_steps": 4.0, "crash": 7},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_resumed_training_gives_the_same_weights(
    case: dict[str, Any], make_job: Callable[..., Any], tmp_path: Path
) -> None:
    settings = {"num_train_epochs": 2.0, "save_strategy": "steps", **case}
    crash = settings.pop("crash")
    whole = make_job()
    expected = whole.train(tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        make_job().train(tmp_path / "cut", callbacks=[Crash(crash)], **settings)
    torch.manual_seed(99)
    again = make_job()
    result = again.train(tmp_path / "cut", **settings)
    assert 0 < result.resumed_from <= crash < result.global_step == expected.global_step
    assert same(whole.weights(), again.weights())
    assert result.log_history == expected.log_history
    assert (result.tokens, result.padding, result.train_loss) == (
        expected.tokens,
        expected.padding,
        expected.train_loss,
    )


def test_workers_and_validation_leave_no_trace_in_the_weights(make_job: Callable[..., Any], tmp_path: Path) -> None:
    plain, observed = make_job(), make_job()
    plain.train(tmp_path / "plain", num_train_epochs=2.0)
    observed.train(
        tmp_path / "observed",
        num_train_epochs=2.0,
        validate=True,
        eval_strategy="steps",
        eval_steps=3.0,
        dataloader_num_workers=1,
    )
    assert same(plain.weights(), observed.weights())


def test_fresh_rows_are_made_once_an_epoch(make_job: Callable[..., Any], tmp_path: Path) -> None:
    job, made = make_job(), []
    fresh = job.fresh
    job.fresh = lambda epoch: made.append(epoch) or fresh(epoch)
    job.train(tmp_path, num_train_epochs=2.0, fresh=True)
    assert made == [0, 1]


def test_a_finished_training_is_not_trained_further(make_job: Callable[..., Any], tmp_path: Path) -> None:
    first, second = make_job(), make_job()
    done = first.train(tmp_path, num_train_epochs=1.0)
    again = second.train(tmp_path, num_train_epochs=1.0)
    assert again.resumed_from == done.global_step == again.global_step == 11
    assert same(first.weights(), second.weights())
    assert (again.tokens, again.train_loss) == (done.tokens, done.train_loss)
    assert 0 < again.seconds <= done.seconds


def test_the_last_step_is_saved_whatever_the_strategy(make_job: Callable[..., Any], tmp_path: Path) -> None:
    make_job().train(tmp_path, num_train_epochs=1.0, save_strategy="no")
    assert [checkpoints.step_of(path) for path in checkpoints.checkpoints(tmp_path)] == [11]


class Script:
    """A validation whose values are given beforehand."""

    def __init__(self, values: list[float]) -> None:
        self._values = iter(values)

    def __call__(self, model: Any) -> dict[str, float]:
        return {"loss": 0.5, "accuracy": next(self._values)}


BEST = {"num_train_epochs": 1.0, "eval_strategy": "steps", "eval_steps": 2.0, "save_total_limit": 1}


def test_the_best_weights_are_kept_and_loaded(make_job: Callable[..., Any], tmp_path: Path) -> None:
    class Keep(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **keywords: Any) -> None:
            if state.global_step == 4:
                self.weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}

    job, keep = make_job(), Keep()
    script = Script([0.1, 0.9, 0.3, 0.2, 0.1, 0.0])
    result = job.train(tmp_path, evaluate=script, callbacks=[keep], load_best_model_at_end=True, **BEST)
    assert (result.best_step, result.loaded_step, result.global_step) == (4, 4, 11)
    assert same(job.weights(), keep.weights)
    assert sorted(checkpoints.step_of(path) for path in checkpoints.checkpoints(tmp_path)) == [4, 11]


def test_a_smaller_loss_is_the_better_one(make_job: Callable[..., Any], tmp_path: Path) -> None:
    values = iter([0.5, 0.3, 0.4, 0.6, 0.7, 0.8])
    result = make_job().train(
        tmp_path, evaluate=lambda model: {"loss": next(values)}, metric_for_best_model="loss", **BEST
    )
    assert (result.best_step, result.loaded_step) == (4, 11)


def test_early_stopping_ends_and_stays_ended(make_job: Callable[..., Any], tmp_path: Path) -> None:
    settings = {"early_stopping_patience": 2, **BEST}
    first, second = make_job(), make_job()
    result = first.train(tmp_path, evaluate=Script([0.1, 0.9, 0.3, 0.2, 0.1, 0.0]), **settings)
    assert (result.global_step, result.best_step, result.stopped_early) == (8, 4, True)
    again = second.train(tmp_path, evaluate=Script([]), **settings)
    assert (again.global_step, again.loaded_step, again.stopped_early) == (8, 4, True)
    assert same(first.weights(), second.weights())


def test_early_stopping_counts_on_after_a_crash(make_job: Callable[..., Any], tmp_path: Path) -> None:
    settings = {"early_stopping_patience": 2, "save_steps": 6.0, **BEST}
    with pytest.raises(KeyboardInterrupt):
        make_job().train(tmp_path, evaluate=Script([0.1, 0.9, 0.3]), callbacks=[Crash(7)], **settings)
    result = make_job().train(tmp_path, evaluate=Script([0.2, 0.1, 0.0]), **settings)
    assert (result.resumed_from, result.global_step, result.best_step) == (6, 8, 4)


def test_a_metric_that_validation_does_not_give_is_named(make_job: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean accuracy"):
        make_job().train(tmp_path, validate=True, metric_for_best_model="acuracy")


PROBLEMS = ("single_label_classification", "multi_label_classification", "regression")


@pytest.mark.parametrize("problem_type", PROBLEMS)
def test_one_step_is_the_same_however_it_is_accumulated(
    problem_type: str, make_job: Callable[..., Any], tmp_path: Path
) -> None:
    steps = {}
    for batch, accumulation in ((16, 1), (8, 2), (4, 4), (2, 8)):
        job = make_job(problem_type=problem_type, dropout=0.0)
        start = job.weights()
        result = job.train(
            tmp_path / str(batch),
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            max_steps=1,
            warmup_steps=0.0,
            optim="sgd",
            learning_rate=0.1,
            logging_steps=1.0,
        )
        steps[batch] = (start, job.weights(), result.log_history[0])
    start, expected, log = steps[16]
    assert max((expected[name] - start[name]).abs().max().item() for name in start) > 1e-3
    for _, weights, other in steps.values():
        assert max((expected[name] - weights[name]).abs().max().item() for name in expected) < 1e-6
        assert other["loss"] == pytest.approx(log["loss"], abs=1e-6)
        assert other["grad_norm"] == pytest.approx(log["grad_norm"], rel=1e-5)


def test_the_models_own_loss_is_exact_only_where_it_is_tried_to_be(
    make_job: Callable[..., Any], tmp_path: Path
) -> None:
    """BERT's own loss takes `num_items_in_batch` and ignores it: accumulating must not multiply the gradient."""
    norms = []
    for batch, accumulation in ((8, 1), (2, 4)):
        job = make_job(dropout=0.0)
        job.task.__class__ = type("Plain", (type(job.task),), {"loss_function": lambda *_: None})
        settings = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation, "max_steps": 1}
        result = job.train(tmp_path / str(batch), logging_steps=1.0, **settings)
        norms.append(result.log_history[0]["grad_norm"])
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


@pytest.mark.parametrize("damage", ["nan weight", "infinite loss"])
def test_numbers_that_are_not_finite_stop_training_before_they_are_saved(
    damage: str, make_job: Callable[..., Any], tmp_path: Path
) -> None:
    class Damage(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **keywords: Any) -> None:
            if state.global_step == 4 and damage == "infinite loss":
                model.classifier.bias.data[0] = -1e38
                model.classifier.weight.data[0] = -1e38

        def on_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **keywords: Any) -> None:
            if state.global_step == 4 and damage == "nan weight":
                model.classifier.weight.data[0, 0] = float("nan")

    with pytest.raises(TrainingError, match="step 5") as caught:
        make_job().train(tmp_path, save_steps=1.0, callbacks=[Damage()])
    assert caught.value.exit_code == 3
    assert "learning_rate" in str(caught.value)
    assert [checkpoints.step_of(path) for path in checkpoints.checkpoints(tmp_path)] == [4, 3]
    assert all(not checkpoints.fault(path) for path in checkpoints.checkpoints(tmp_path))


def test_a_loss_that_is_not_finite_names_the_rows(make_job: Callable[..., Any], tmp_path: Path) -> None:
    job = make_job(problem_type="regression")
    job.encoded.columns["labels"].values[17] = float("inf")
    with pytest.raises(TrainingError, match=r"loss is inf at step \d+, learning rate .*rows (\d+, )*18") as caught:
        job.train(tmp_path, per_device_train_batch_size=2)
    assert str(caught.value).count("\n") < 6


def test_rows_without_a_label_that_counts_are_not_trained_on(make_job: Callable[..., Any], tmp_path: Path) -> None:
    job = make_job()
    job.encoded.masked[:30] = True
    job.encoded.columns["labels"].values[:30] = -100
    assert job.train(tmp_path / "some", num_train_epochs=1.0).global_step == 4
    job.encoded.masked[:] = False
    job.encoded.columns["labels"].values[:] = -100
    with pytest.raises(TrainingError, match="nothing to learn from"):
        job.train(tmp_path / "none", num_train_epochs=1.0)


def test_a_damaged_checkpoint_gives_way_to_the_older_one(
    make_job: Callable[..., Any], job_module: Any, tmp_path: Path
) -> None:
    whole, again, told = make_job(), make_job(), job_module.Told()
    settings = {"num_train_epochs": 1.0, "save_steps": 4.0}
    whole.train(tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        make_job().train(tmp_path / "cut", callbacks=[Crash(9)], **settings)
    weights = tmp_path / "cut" / "checkpoint-8" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1000] ^= 1
    weights.write_bytes(content)
    result = again.train(tmp_path / "cut", reporter=told, **settings)
    assert result.resumed_from == 4
    assert "checkpoint-8 is damaged (model.safetensors" in told.warnings[0]
    assert same(whole.weights(), again.weights())


def test_checkpoints_hold_no_arguments_and_no_path_of_this_machine(
    make_job: Callable[..., Any], tmp_path: Path
) -> None:
    make_job().train(tmp_path, num_train_epochs=1.0, validate=True, load_best_model_at_end=True)
    (newest, *_) = checkpoints.checkpoints(tmp_path)
    assert not (newest / "training_args.bin").exists()
    assert all(str(tmp_path).encode() not in path.read_bytes() for path in newest.iterdir())


def test_the_model_comes_back_as_it_was_given(make_job: Callable[..., Any], tmp_path: Path) -> None:
    job = make_job()
    before = set(vars(job.model))
    job.train(tmp_path, num_train_epochs=1.0, precision="bf16")
    assert set(vars(job.model)) == before
    batch = job.task.collate([job.encoded.feature(0)], job.tokenizer)
    placed = {name: value.to(job.model.device) for name, value in batch.items()}
    assert job.model(**placed).logits.dtype == torch.float32


def test_progress_and_log_are_told(make_job: Callable[..., Any], job_module: Any, tmp_path: Path) -> None:
    told = job_module.Told()
    lines: list[dict[str, Any]] = []
    result = make_job().train(tmp_path, num_train_epochs=1.0, validate=True, reporter=told, log=lines.append)
    step, total, values = told.reports[-1]
    assert (step, total) == (11, 11)
    assert values["tokens_per_second"] > 0
    assert values["padding"] == result.padding < 1.2
    assert values["eta"] == 0
    assert [line["step"] for line in lines] == [3, 6, 9, 11, 11]
    assert lines[3]["eval_accuracy"] >= 0
    assert lines[4]["train_loss"] == result.train_loss
    assert result.tokens == int(make_job().encoded.lengths.sum())
    assert "training on" in told.notes[0]


def test_an_adapter_is_told(job_module: Any) -> None:
    from types import SimpleNamespace

    import peft
    from transformers import BertConfig, BertForSequenceClassification

    from sftcore.training.train import _weights

    config = BertConfig(
        vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=2
    )
    plain: Any = BertForSequenceClassification(config)
    model: Any = peft.get_peft_model(plain, peft.LoraConfig(task_type="SEQ_CLS", r=2))
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    total = sum(weight.numel() for weight in model.parameters())
    recipe: Any = SimpleNamespace(model=SimpleNamespace(adapter=SimpleNamespace(use="lora")))
    assert 0 < trained < total
    assert _weights(recipe, model) == f"{trained:,} of {total:,} weights (adapter lora) "
    assert _weights(job_module.recipe_of(), plain) == ""


def test_a_warm_up_without_end_is_warned_of(make_job: Callable[..., Any], job_module: Any, tmp_path: Path) -> None:
    for steps, warned in ((1.0, True), (0.1, False)):
        told = job_module.Told()
        make_job().train(tmp_path / str(steps), reporter=told, max_steps=1, warmup_steps=steps)
        assert any("all warm-up: train.warmup_steps is 1 of 1 steps" in text for text in told.warnings) is warned
