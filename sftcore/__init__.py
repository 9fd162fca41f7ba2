"""sftcore: supervised fine-tuning of any Hugging Face model from one TOML recipe, extended by plugins.

The public surface; each name is imported when it is first asked for, so that `import sftcore` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sftcore.builtin.causal_lm import CausalLM as CausalLM
    from sftcore.builtin.metrics import F1 as F1
    from sftcore.builtin.metrics import Accuracy as Accuracy
    from sftcore.builtin.seq2seq import Seq2Seq as Seq2Seq
    from sftcore.builtin.span_metrics import EntityF1 as EntityF1
    from sftcore.builtin.span_metrics import EntityPrecision as EntityPrecision
    from sftcore.builtin.span_metrics import EntityRecall as EntityRecall
    from sftcore.builtin.text_classification import TextClassification as TextClassification
    from sftcore.builtin.text_classification import TextClassificationState as TextClassificationState
    from sftcore.builtin.text_metrics import Chrf as Chrf
    from sftcore.builtin.text_metrics import ExactMatch as ExactMatch
    from sftcore.builtin.text_metrics import Rouge as Rouge
    from sftcore.builtin.text_metrics import TextMetric as TextMetric
    from sftcore.builtin.text_metrics import TokenF1 as TokenF1
    from sftcore.builtin.token_classification import TokenClassification as TokenClassification
    from sftcore.builtin.token_classification import TokenClassificationState as TokenClassificationState
    from sftcore.builtin.token_loss import TokenLoss as TokenLoss
    from sftcore.builtin.token_loss import token_logprobs as token_logprobs
    from sftcore.components import Component as Component
    from sftcore.components import Drop as Drop
    from sftcore.components import Edit as Edit
    from sftcore.components import Feature as Feature
    from sftcore.components import Labels as Labels
    from sftcore.components import Metric as Metric
    from sftcore.components import Row as Row
    from sftcore.components import RowAugmenter as RowAugmenter
    from sftcore.components import RowPreprocessor as RowPreprocessor
    from sftcore.components import Settings as Settings
    from sftcore.components import Source as Source
    from sftcore.components import TextAugmenter as TextAugmenter
    from sftcore.components import TextPreprocessor as TextPreprocessor
    from sftcore.data.preprocess import original_passage as original_passage
    from sftcore.data.spans import move_spans as move_spans
    from sftcore.data.spans import read_spans as read_spans
    from sftcore.errors import DataError as DataError
    from sftcore.errors import Excerpt as Excerpt
    from sftcore.errors import ModelError as ModelError
    from sftcore.errors import PluginError as PluginError
    from sftcore.errors import Problem as Problem
    from sftcore.errors import RecipeError as RecipeError
    from sftcore.errors import ResourceError as ResourceError
    from sftcore.errors import RunError as RunError
    from sftcore.errors import SftcoreError as SftcoreError
    from sftcore.errors import Stopped as Stopped
    from sftcore.errors import TrainingError as TrainingError
    from sftcore.errors import did_you_mean as did_you_mean
    from sftcore.hooks import hookimpl as hookimpl
    from sftcore.pipeline import run as run
    from sftcore.recipe import Recipe as Recipe
    from sftcore.records import Prediction as Prediction
    from sftcore.records import PredictionKind as PredictionKind
    from sftcore.records import Records as Records
    from sftcore.reporter import Reporter as Reporter
    from sftcore.runs.folder import Run as Run
    from sftcore.serving import evaluate as evaluate
    from sftcore.serving import load_model as load_model
    from sftcore.task import Encoded as Encoded
    from sftcore.task import Generated as Generated
    from sftcore.task import LossOptions as LossOptions
    from sftcore.task import Output as Output
    from sftcore.task import OwnBaseline as OwnBaseline
    from sftcore.task import Role as Role
    from sftcore.task import Task as Task
    from sftcore.task import TaskState as TaskState

_HOME = {
    "builtin.causal_lm": "CausalLM",
    "builtin.metrics": "Accuracy F1",
    "builtin.seq2seq": "Seq2Seq",
    "builtin.span_metrics": "EntityF1 EntityPrecision EntityRecall",
    "builtin.text_classification": "TextClassification TextClassificationState",
    "builtin.text_metrics": "Chrf ExactMatch Rouge TextMetric TokenF1",
    "builtin.token_classification": "TokenClassification TokenClassificationState",
    "builtin.token_loss": "TokenLoss token_logprobs",
    "components": "Component Drop Edit Feature Labels Metric Row RowAugmenter RowPreprocessor Settings Source "
    "TextAugmenter TextPreprocessor",
    "data.preprocess": "original_passage",
    "data.spans": "move_spans read_spans",
    "errors": "DataError Excerpt ModelError PluginError Problem RecipeError ResourceError RunError SftcoreError "
    "Stopped TrainingError did_you_mean",
    "hooks": "hookimpl",
    "pipeline": "run",
    "recipe": "Recipe",
    "records": "Prediction PredictionKind Records",
    "reporter": "Reporter",
    "runs.folder": "Run",
    "serving": "evaluate load_model",
    "task": "Encoded Generated LossOptions Output OwnBaseline Role Task TaskState",
}
_MODULES = {name: f"sftcore.{module}" for module, names in _HOME.items() for name in names.split()}

__all__ = sorted(_MODULES)  # one list of names, in _HOME


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'sftcore' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
