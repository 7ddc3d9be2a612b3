"""The order of turns in the slots, and the sequences that wait between two turns.

In: running and waiting sequences. Out: their claims for the scheduler; sequences moved out of a slot and back into one.
"""

from __future__ import annotations

from collections.abc import Sequence

from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.scheduler import WaitingSequence
from qwen3tts_webui.engine.sequence import SequenceState
from qwen3tts_webui.fair_share import FairShares, RunningClaim
from qwen3tts_webui.types import SAMPLE_RATE


class SlotSharing:
    """Used by the engine's thread."""

    def __init__(self, runner: ModelRunner) -> None:
        self._runner = runner
        self._shares = FairShares()

    def charge(self, sequence: SequenceState, num_samples: int) -> None:
        """Record that the client of `sequence` received `num_samples` of audio."""
        self._shares.charge(sequence.client, sequence.utterance.weight, num_samples / SAMPLE_RATE)

    def claims(
        self, running: Sequence[SequenceState], ready: Sequence[SequenceState]
    ) -> tuple[list[RunningClaim], list[WaitingSequence]]:
        """Return what the scheduler has to know about the running and the `ready` sequences."""
        served = self._shares.served
        self._shares.set_active(sequence.client for sequence in (*running, *ready))
        return [
            RunningClaim(
                client=sequence.client, weight=sequence.utterance.weight, served_s=served(sequence.client),
                buffered_ahead_s=sequence.buffered_ahead_s, idle=sequence.paused, may_yield=sequence.may_yield,
            )
            for sequence in running
        ], [
            WaitingSequence(
                client=sequence.client, weight=sequence.utterance.weight, served_s=served(sequence.client),
                started=sequence.saved is not None, idle=sequence.idle, num_tokens=len(sequence.ready_prompt.text),
            )
            for sequence in ready
        ]  # fmt: skip

    def pause_idle(self, running: Sequence[SequenceState]) -> None:
        """Exclude the sequences that cannot continue now from the steps, and include the others again."""
        for slot, sequence in enumerate(running):
            if sequence.idle != sequence.paused:
                sequence.paused = not sequence.paused
                self._runner.set_paused(slot, sequence.paused)

    def park(self, sequence: SequenceState, slot: int) -> None:
        """Copy `sequence` out of `slot`, which is then released."""
        sequence.saved = self._runner.save(slot, sequence.num_tokens)

    def resume(self, sequence: SequenceState, slot: int) -> None:
        """Continue a parked sequence in `slot`, with the text that has arrived since."""
        assert sequence.saved is not None
        self._runner.load(slot, sequence.saved)
        self._runner.set_paused(slot, False)
        for start, ids, closed in sequence.late_text:
            self._runner.add_text(slot, start, ids, close=closed)
        sequence.late_text.clear()
        sequence.saved, sequence.paused, sequence.may_yield = None, False, False
