"""Legal texts for sftcore: clauses and review queues, cited answers, citations, PDF text, redaction, parties."""

from __future__ import annotations

from sftcore import Metric, RowAugmenter, Task, TextPreprocessor, hookimpl
from sftcore_plugin_legal.citation_metrics import CitationAccuracy
from sftcore_plugin_legal.citations import LegalCitations
from sftcore_plugin_legal.clause_classification import ClauseClassification, ClauseClassificationState
from sftcore_plugin_legal.contract_metrics import CuadAupr, PrecisionAt80Recall, PrecisionAt90Recall, SpanJaccard
from sftcore_plugin_legal.defined_terms import LegalDefinedTerms
from sftcore_plugin_legal.legal_qa import LegalQA
from sftcore_plugin_legal.numbering import LegalNumbering
from sftcore_plugin_legal.pdf_mend import PdfMend
from sftcore_plugin_legal.redact import Redact
from sftcore_plugin_legal.review_metrics import CoverageAtPrecision
from sftcore_plugin_legal.swap_parties import SwapParties

__all__ = [
    "CitationAccuracy",
    "ClauseClassification",
    "ClauseClassificationState",
    "CoverageAtPrecision",
    "CuadAupr",
    "LegalCitations",
    "LegalDefinedTerms",
    "LegalNumbering",
    "LegalQA",
    "PdfMend",
    "PrecisionAt80Recall",
    "PrecisionAt90Recall",
    "Redact",
    "SpanJaccard",
    "SwapParties",
]


@hookimpl
def sftcore_register_preprocessors() -> list[type[TextPreprocessor]]:
    """The preprocessors `pdf-mend`, `legal-citations`, `legal-numbering`, `legal-defined-terms` and `redact`."""
    return [PdfMend, LegalCitations, LegalNumbering, LegalDefinedTerms, Redact]


@hookimpl
def sftcore_register_augmenters() -> list[type[RowAugmenter]]:
    """The augmenter `swap-parties`."""
    return [SwapParties]


@hookimpl
def sftcore_register_tasks() -> list[type[Task]]:
    """The tasks `clause-classification` and `legal-qa`; `contract-qa` is in `sftcore_plugin_legal.contracts`."""
    return [ClauseClassification, LegalQA]


@hookimpl
def sftcore_register_metrics() -> list[type[Metric]]:
    """The metrics of review queues, of citations and of passages found in contracts."""
    return [CoverageAtPrecision, CitationAccuracy, CuadAupr, PrecisionAt80Recall, PrecisionAt90Recall, SpanJaccard]
