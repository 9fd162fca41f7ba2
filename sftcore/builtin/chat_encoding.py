"""Conversations as features, and what happened to them on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sftcore import DataError, Encoded, Problem
from sftcore.builtin.chat import Example, LossOn, Piece, pieces_of, tokenized
from sftcore.builtin.chat_fitting import Fitted, Truncate, fitted
from sftcore.builtin.chat_templates import KEY, RefusalError, Template
from sftcore.builtin.conversations import Turn, texts_of
from sftcore.builtin.losses import NO_LABEL

REASONS_TOLD = 3
"""So many reasons for which a template refuses rows are told apart in a batch."""


@dataclass(slots=True)
class ChatEncoder:
    """Conversations of one batch on their way to features: at most `limit` tokens each, and in prompts whose answer is
    yet to come room for `new_tokens`."""

    template: Template
    loss_on: LossOn
    truncate: Truncate
    limit: int
    new_tokens: int
    parents: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    refusals: dict[int, RefusalError] = field(default_factory=dict)

    def encode(self, conversations: Sequence[Sequence[Turn]]) -> Encoded:
        """All of them, as `CausalLM.encode` says. Raises `sftcore.DataError` where the template refuses every one."""
        for place, turns in enumerate(conversations):
            try:
                found = pieces_of(self.template, turns, self.loss_on)
            except RefusalError as error:
                self.refusals[place] = error
            else:
                self.pieces += found
                self.parents += [place] * len(found)
        if conversations and not self.pieces:
            raise self._refused(len(conversations))
        whole = tokenized(self.template, self.pieces)
        kept = [self._fitted(piece, example) for piece, example in zip(self.pieces, whole, strict=True)]
        return self._encoded(conversations, whole, kept)

    def _refused(self, count: int) -> DataError:
        first = next(iter(self.refusals.values()))
        message = f"the chat template refuses all {count:,} rows: {first.reason}{first.shown}"
        advice = "name or write another template, or mend the turns: some take no turns of the system, for instance"
        return DataError(Problem(message, key=KEY, advice=advice))

    def _fitted(self, piece: Piece, example: Example) -> Fitted:
        """Cut to the limit; a prompt without its answer leaves room for what is to be written, up to half."""
        room = 0 if piece.learned else min(self.new_tokens, self.limit // 2)
        return fitted(self.template, piece, example, self.limit - room, self._again, self.truncate)

    def _again(self, turns: Sequence[Turn]) -> tuple[Piece, Example]:
        piece = pieces_of(self.template, turns, self.loss_on)[-1]
        return piece, tokenized(self.template, [piece])[0]

    def _encoded(
        self, conversations: Sequence[Sequence[Turn]], whole: Sequence[Example], kept: Sequence[Fitted]
    ) -> Encoded:
        size = len(conversations)

        def by_row(values: Sequence[int]) -> list[int]:
            summed: list[int] = np.bincount(self.parents, weights=values, minlength=size).astype(int).tolist()
            return summed

        special = [any(self.template.controls.search(text) for text in texts_of(turns)) for turns in conversations]
        unwritten = [self._leaves_out_calls(turns) for turns in conversations]
        learned = by_row([int((one.example.labels != NO_LABEL).any()) for one in kept])
        return Encoded(
            columns={
                "input_ids": [one.example.ids for one in kept],
                "labels": [one.example.labels for one in kept],
            },
            parents=self.parents,
            lost_tokens=by_row([len(old) - len(new.example) for old, new in zip(whole, kept, strict=True)]),
            masked=[not number for number in learned],
            counts={
                "answer cut": by_row([int(one.cut) for one in kept]),
                "oldest turns left out": by_row([one.turns for one in kept]),
                "special tokens in the text": [int(found) for found in special],
                "calls of tools that the chat template does not write": [int(found) for found in unwritten],
                **self._refusals(size),
            },
        )

    def _leaves_out_calls(self, turns: Sequence[Turn]) -> bool:
        return "tool_calls" not in self.template.text and any(turn.get("tool_calls") for turn in turns)

    def _refusals(self, size: int) -> dict[str, list[int]]:
        """Which rows were refused, by the commonest reasons."""
        reasons = Counter(error.reason for error in self.refusals.values())
        told = [reason for reason, _ in reasons.most_common(REASONS_TOLD)]
        names = {place: f": {error.reason}" * (error.reason in told) for place, error in self.refusals.items()}
        return {
            f"refused by the chat template{name}": [int(names.get(place) == name) for place in range(size)]
            for name in dict.fromkeys(names.values())
        }
