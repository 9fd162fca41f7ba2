"""`[train]`: a listed subset of `transformers.TrainingArguments`, and keys of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from sftcore.components import Frozen

Positive: TypeAlias = Annotated[int, Field(ge=1)]
StepsOrShare: TypeAlias = Annotated[float, Field(gt=0)]
Share: TypeAlias = Annotated[float, Field(ge=0, lt=1)]
Tracker: TypeAlias = Literal["tensorboard", "trackio", "mlflow", "wandb"]

OURS = ("early_stopping_patience", "class_weights", "tokens_per_batch", "precision")


class Train(Frozen):
    """How the model is trained. Keys are those of `transformers.TrainingArguments` unless said to be ours."""

    num_train_epochs: float = Field(default=3.0, gt=0)
    """How often the training rows are seen."""
    max_steps: int = Field(default=-1, ge=-1)
    """Stop after so many optimizer steps, whatever num_train_epochs says; -1: no such limit."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """The highest learning rate, reached after the warm-up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decay of the weights at each step, without biases and layer norms."""
    adam_beta1: Share = 0.9
    """AdamW's decay of the mean of gradients."""
    adam_beta2: Share = 0.999
    """AdamW's decay of the mean of squared gradients."""
    adam_epsilon: float = Field(default=1e-8, gt=0)
    """AdamW's guard against division by zero."""
    max_grad_norm: float = Field(default=1.0, ge=0)
    """Gradients are scaled down to this norm; 0: never."""
    per_device_train_batch_size: Positive = 32
    """Rows in a training batch, on each device."""
    per_device_eval_batch_size: Positive = 64
    """Rows in a batch of evaluation and prediction, on each device."""
    gradient_accumulation_steps: Positive = 1
    """Batches whose gradients make one optimizer step; the step is that of one large batch."""
    warmup_steps: float = Field(default=0.1, ge=0)
    """Steps until the learning rate is at its highest; below 1 a share of all steps."""
    lr_scheduler_type: Literal[
        "linear",
        "cosine",
        "cosine_with_restarts",
        "cosine_with_min_lr",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "warmup_stable_decay",
    ] = "linear"
    """The curve of the learning rate after the warm-up."""
    lr_scheduler_kwargs: Mapping[str, bool | int | float | str] | None = None
    """Further arguments of the scheduler, by transformers' own names."""
    optim: Literal["auto", "adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop"] = "auto"
    """The optimizer; "auto" (ours): AdamW, fused where the device has it."""
    label_smoothing_factor: Share = 0.0
    """The share of each label that is spread over all classes."""
    logging_steps: StepsOrShare = 10.0
    """Steps between lines of the log; below 1 a share of all steps."""
    eval_strategy: Literal["no", "steps", "epoch"] = "epoch"
    """When the validation split is scored in training."""
    eval_steps: StepsOrShare | None = None
    """Steps between validations when eval_strategy is "steps"; below 1 a share of all steps."""
    save_strategy: Literal["no", "steps", "epoch"] = "steps"
    """When a checkpoint is saved."""
    save_steps: StepsOrShare = 0.2
    """Steps between checkpoints when save_strategy is "steps"; below 1 a share of all steps."""
    save_total_limit: Positive | None = 2
    """How many checkpoints are kept, the newest (and the best, where it is asked for)."""
    load_best_model_at_end: bool = False
    """End with the weights that did best in validation rather than with the last."""
    metric_for_best_model: str | None = Field(default=None, min_length=1)
    """The metric in validation that tells the best weights: "loss", or one of the metrics; default: the first of them.
    Where the task writes texts, "loss" (the default) or "perplexity"."""
    greater_is_better: bool | None = None
    """Whether more of metric_for_best_model is better; default: what the metric says."""
    dataloader_num_workers: int = Field(default=0, ge=0)
    """Processes that prepare batches; 0: the main one does."""
    activation_checkpointing: bool = False
    """Save memory by computing activations twice."""
    neftune_noise_alpha: float | None = Field(default=None, gt=0)
    """Strength of the noise on the embeddings in training (NEFTune); default: none."""
    report_to: Tracker | Literal["none"] | tuple[Tracker, ...] = "none"
    """Experiment trackers that get the figures of the log too: one name, or a list of them."""

    early_stopping_patience: Positive | None = None
    """Ours: stop after so many validations without a better metric_for_best_model, and end with the best weights;
    default: never."""
    class_weights: Literal["balanced"] | Mapping[str, Annotated[float, Field(gt=0)]] | None = None
    """Ours: weight of each class in the loss, by name; "balanced": against its frequency in the training rows."""
    tokens_per_batch: Positive | None = None
    """Ours: tokens in a training batch, padding included; batches of short rows then hold more rows."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Ours: the number format of matrix products; "auto": bf16 where the processor computes with it, else fp32."""

    @property
    def trackers(self) -> tuple[Tracker, ...]:
        """The trackers of report_to, each once."""
        if self.report_to == "none":
            return ()
        return (self.report_to,) if isinstance(self.report_to, str) else tuple(dict.fromkeys(self.report_to))


_INSTEAD: Mapping[str, str] = {
    "every run has its own folder, runs/<name>/<id>; --runs DIR puts it elsewhere": "output_dir overwrite_output_dir",
    "write name = ... at the top of the recipe": "run_name",
    "write seed = ... at the top of the recipe, above the first [table]": "seed data_seed",
    "recipes hold no secrets: set the environment variable HF_TOKEN": "hub_token push_to_hub_token",
    "push the finished run: sftcore push RUN --to OWNER/NAME": "push_to_hub hub_private_repo hub_model_id "
    "hub_strategy hub_always_push hub_revision",
    'write precision = "bf16" (or "fp16", "fp32", "auto")': "bf16 fp16 bf16_full_eval fp16_full_eval tf32",
    "set the environment variable CUDA_VISIBLE_DEVICES to nothing": "use_cpu no_cuda",
    "write activation_checkpointing = true": "gradient_checkpointing gradient_checkpointing_kwargs "
    "activation_checkpointing_kwargs",
    "rows are ordered by length by themselves": "group_by_length train_sampling_strategy length_column_name",
    "write warmup_steps = 0.1: below 1 it is a share of all steps": "warmup_ratio",
    "it is called eval_strategy": "evaluation_strategy",
    "it is called num_train_epochs": "epochs num_epochs",
    "it is called per_device_train_batch_size": "batch_size train_batch_size",
    "it is called per_device_eval_batch_size": "eval_batch_size",
    "it is called learning_rate": "lr",
    "it is called gradient_accumulation_steps": "gradient_accumulation accumulation",
    "it is called early_stopping_patience": "patience early_stopping",
    "it is called optim": "optimizer",
    "it is called lr_scheduler_type": "scheduler lr_scheduler",
    "write max_length in [model]": "max_length max_seq_length",
    "write logging_steps = ...": "logging_strategy logging_first_step",
    "the command shows progress and keeps log.jsonl; report_to sends its figures to a tracker": "log_level "
    "log_level_replica log_on_each_node disable_tqdm",
    'with report_to = "tensorboard" the logs lie in <runs>/tensorboard': "logging_dir",
    "set the tracker's own environment variable: WANDB_PROJECT, TRACKIO_PROJECT, MLFLOW_EXPERIMENT_NAME": "project",
    "set the environment variable TRACKIO_SPACE_ID": "trackio_space_id trackio_bucket_id trackio_static_space_id",
    "a loss that is not finite stops the run": "logging_nan_inf_filter",
    "tokens are always counted": "include_num_input_tokens_seen",
    "evaluation and prediction see to it by themselves": "prediction_loss_only eval_on_start eval_do_concat_batches "
    "eval_use_gather_object eval_delay eval_accumulation_steps include_for_metrics batch_eval_metrics",
    "checkpoints are whole, in safetensors, and resumed exactly": "save_only_model save_on_each_node "
    "enable_jit_checkpoint save_safetensors ignore_data_skip",
    "repeat the command: an unsealed run goes on where it was": "resume_from_checkpoint "
    "restore_callback_states_from_checkpoint",
    "a run is reproducible as it is": "full_determinism",
    "of the optimizer, optim and the adam_* keys can be set": "optim_args optim_target_modules",
    "of the loader, dataloader_num_workers can be set": "dataloader_drop_last dataloader_pin_memory "
    "dataloader_persistent_workers dataloader_in_order dataloader_prefetch_factor "
    "dataloader_multiprocessing_context",
    "the task and the pipeline see to it": "average_tokens_across_devices use_cache label_names remove_unused_columns "
    "skip_memory_metrics",
    "sftcore run trains, validates and tests by itself": "do_train do_eval do_predict",
    "sftcore does not offer it": "torch_compile torch_compile_backend torch_compile_mode use_liger_kernel "
    "liger_kernel_config auto_find_batch_size torch_empty_cache_steps accelerator_config parallelism_config "
    "ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout fsdp "
    "fsdp_config deepspeed local_rank debug",
}

REFUSED: Mapping[str, str] = {key: advice for advice, keys in _INSTEAD.items() for key in keys.split()}
"""Keys that are not the recipe's to give, and what to do instead."""
