"""Which segments sound unlike the voice: compared with the recording, or with the first segment."""

from __future__ import annotations

import numpy as np
import pytest

from qwen3tts_webui.speech import Similarity, compare_segments


def at(degrees: float) -> np.ndarray:
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], np.float32)


def test_a_segment_far_below_the_others_has_drifted() -> None:
    found = compare_segments({0: at(20), 1: at(25), 2: at(50), 3: at(22)}, at(0))
    assert [found[index].drifted for index in range(4)] == [False, False, True, False]
    assert found[2].value == pytest.approx(np.cos(np.radians(50)), abs=1e-3)


def test_all_segments_may_have_drifted() -> None:
    assert {one.drifted for one in compare_segments({0: at(70), 1: at(80)}, at(0)).values()} == {True}


def test_without_a_recording_the_first_segment_is_the_voice() -> None:
    assert compare_segments({3: at(0), 4: at(10), 7: at(90)}) == {
        4: Similarity(pytest.approx(0.9848, abs=1e-4), False),
        7: Similarity(pytest.approx(0.0, abs=1e-4), True),
    }


def test_nothing_to_compare_and_silence() -> None:
    assert compare_segments({}, at(0)) == compare_segments({0: at(0)}) == {}
    assert compare_segments({0: np.zeros(2, np.float32)}, at(0)) == {0: Similarity(0.0, True)}
