"""The exact id layout of a prompt (docs/model.md, section 3): one utterance in, rows of ids out. No torch.

A row is one position of the talker: one text id and 16 codes, or `NO_CODE` in their place. The talker adds up their
embeddings. Control ids use the first of the 16; `SPEAKER` in it stands for the x-vector of a cloned voice.

Continuation: the rows of a prompt with an `AcousticPrompt` are those of the model itself when it speaks the earlier and
the new text as one: the joined text, then one row per earlier frame. In streaming mode each frame has one text id; if a
text stream has not yet sent the text for an earlier frame, that row has the text pad.

Cloning: text and codes of a reference recording come first in the same two ways; its text is encoded separately. Unlike
those of an acoustic prompt, its frames do not count as spoken frames.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.errors import InvalidValue, UnknownLanguage, UnknownSpeaker, Unsupported
from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.text import AUTO, LANGUAGES, parse_language
from qwen3tts_webui.types import NUM_CODEBOOKS, Codes, Utterance, Voice, VoiceReference, XVector

NO_CODE = -1
SPEAKER = -2
_NAME = "Qwen3-TTS"
_CLOSE = re.compile(r"[\s\u2e80-\ua4cf\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")  # scripts written without spaces

Ids = npt.NDArray[np.int64]

_NO_FRAMES = np.zeros((0, NUM_CODEBOOKS), np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """`text` (rows,) and `codes` (rows, 16): the input of the talker before the first new frame.

    `trailing` (tokens,): text ids for the frames to come, one per frame, then the text pad, or more text if `open`.
    `acoustic_prompt` (frames, 16): frames already spoken, which are the last rows.
    `reference` (frames, 16): frames of a reference recording, immediately before those.
    `num_prefix`: number of first rows that depend on voice and language only, not on the text.
    `x_vector` (hidden,): the value of `SPEAKER`.
    """

    text: Ids
    codes: Ids
    trailing: tuple[int, ...]
    open: bool
    acoustic_prompt: Codes
    reference: Codes
    num_prefix: int
    x_vector: XVector | None = None

    def prefix_key(self) -> bytes:
        """A key of the first `num_prefix` rows, equal for prompts with the same first rows."""
        ids = np.column_stack([self.text, self.codes])[: self.num_prefix]
        return ids.tobytes() + (b"" if self.x_vector is None else self.x_vector.tobytes())

    @property
    def context(self) -> Codes:
        """All frames in the prompt; the codec continues after them."""
        return np.concatenate([self.reference, self.acoustic_prompt])


class PromptBuilder:
    """Builds prompts for one checkpoint."""

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer) -> None:
        self._config = config
        self._tokenizer = tokenizer

    def check(self, utterance: Utterance) -> None:
        """Raise an error for what this checkpoint cannot synthesize, before anything is computed.

        Raises UnknownLanguage, UnknownSpeaker, Unsupported, InvalidValue.
        """
        voice = utterance.voice
        if voice.engine_voice_id is not None:
            raise Unsupported(
                engine=_NAME,
                feature="a voice of another engine",
                hint="Describe the voice, or pass an acoustic prompt.",
            )
        if voice.reference is not None:
            self._check_reference(voice.reference)
        elif self._config.kind == "base":
            raise Unsupported(
                engine=_NAME,
                feature="speech with a Base checkpoint without a recording to clone",
                hint="Give a cloned voice, or load a VoiceDesign checkpoint.",
            )
        self._codec_prefix(utterance.language, voice)
        if voice.acoustic_prompt is not None:
            self._check_codes("voice.acoustic_prompt.codes", voice.acoustic_prompt.codes)

    def input_ids(self, body: Sequence[int]) -> list[int]:
        """The official layout around the ids of what is spoken: role, body, end (docs/model.md, section 1)."""
        text, newline = self._config.text, self._tokenizer.newline_id
        role = [text.im_start_id, text.assistant_id, newline]
        return [*role, *body, text.im_end_id, newline, *role]

    def instruct_ids(self, description: str) -> list[int]:
        """The official layout of a description; empty where there is none or the model takes none."""
        if not description or not self._config.accepts_description:
            return []
        text, newline = self._config.text, self._tokenizer.newline_id
        return [text.im_start_id, *self._tokenizer.encode(f"user\n{description}"), text.im_end_id, newline]

    def reference_ids(self, text: str) -> list[int]:
        """The official layout of the transcript of a reference recording (docs/model.md, section 1)."""
        ids, newline = self._config.text, self._tokenizer.newline_id
        return [
            ids.im_start_id,
            ids.assistant_id,
            newline,
            *self._tokenizer.encode_spoken(text),
            ids.im_end_id,
            newline,
        ]

    def build(self, utterance: Utterance, input_ids: Sequence[int], *, streaming: bool, more: bool = False) -> Prompt:
        """Build the prompt for `input_ids`; with `more`, more streamed text will follow.

        `input_ids` are in the layout of `input_ids()`: three of the role, the body, five of the end. Raises as `check`.
        """
        self.check(utterance)
        text = self._config.text
        acoustic, reference = utterance.voice.acoustic_prompt, utterance.voice.reference
        spoken_frames = acoustic.codes if acoustic is not None else _NO_FRAMES
        reference_ids, reference_frames = self._in_context(reference)
        frames = np.concatenate([reference_frames, spoken_frames])
        rows = _Rows()
        rows.add_text(self.instruct_ids(utterance.voice.description))
        rows.add_text(input_ids[:3])
        prefix = self._codec_prefix(utterance.language, utterance.voice)
        rows.add([*[text.pad_id] * (len(prefix) - 2), text.bos_id], prefix[:-1])
        num_prefix = len(rows.text)
        if streaming:
            # for an empty text the official slice takes the id after the body (docs/model.md, section 11, quirk 10)
            body = [*reference_ids, *input_ids[3:-5]] or input_ids[3:4]
            spoken = [*body, *([] if more else [text.eos_id])]
            frame_text, trailing = spoken[: 1 + len(frames)], tuple(spoken[1 + len(frames) :])
            frame_text += [text.pad_id] * (1 + len(frames) - len(frame_text))
        else:
            spoken = [*reference_ids, *input_ids[3:-5], text.eos_id]
            rows.add(spoken, [self._config.talker.pad_id] * len(spoken))
            frame_text, trailing = [text.pad_id] * (1 + len(frames)), ()
        rows.add(frame_text[:1], prefix[-1:])
        rows.add_frames(frame_text[1:], frames)
        return Prompt(
            text=np.array(rows.text),
            codes=np.concatenate(rows.codes),
            trailing=trailing,
            open=more,
            acoustic_prompt=spoken_frames,
            reference=reference_frames,
            num_prefix=num_prefix,
            x_vector=None if reference is None else reference.x_vector,
        )

    def _in_context(self, reference: VoiceReference | None) -> tuple[list[int], Codes]:
        """Text ids and frames (frames, 16) of a reference that the new text follows; both empty in other cases."""
        if reference is None or reference.mode == "xvector" or reference.codes is None:
            return [], _NO_FRAMES
        return self._tokenizer.encode_spoken(reference.text), reference.codes

    def _codec_prefix(self, language: str, voice: Voice) -> list[int]:
        """Think tokens, language, speaker, pad, bos: control ids of the talker."""
        talker = self._config.talker
        speaker = self._speaker(voice)
        name = self._language(language)
        dialect = talker.dialects.get(speaker or "")
        if dialect is not None and name in (None, "chinese"):
            name = dialect
        if name is None:
            think = [talker.nothink_id, talker.think_bos_id, talker.think_eos_id]
        else:
            think = [talker.think_id, talker.think_bos_id, talker.languages[name], talker.think_eos_id]
        speaker_ids = [talker.speakers[speaker]] if speaker else [SPEAKER] if voice.reference is not None else []
        return [*think, *speaker_ids, talker.pad_id, talker.bos_id]

    def _language(self, language: str) -> str | None:
        """The model's name of `language` (a code or a name in any case); None for auto."""
        code = parse_language(language)
        if code == AUTO:
            return None
        name = next(known.model for known in LANGUAGES if known.code == code)
        if name not in self._config.languages:
            raise UnknownLanguage(got=name, known=", ".join([AUTO, *self._config.languages]))
        return name

    def _speaker(self, voice: Voice) -> str | None:
        if not voice.speaker:
            return None
        if self._config.kind != "custom_voice":
            raise Unsupported(engine=_NAME, feature="a speaker by name", hint="Describe the voice instead.")
        speaker = voice.speaker.strip().lower()
        if speaker not in self._config.talker.speakers:
            raise UnknownSpeaker(got=speaker[:40], known=", ".join(self._config.talker.speakers))
        return speaker

    def _check_reference(self, reference: VoiceReference) -> None:
        if self._config.kind != "base":
            raise Unsupported(
                engine=_NAME, feature="cloning a recorded voice", hint="Load a Base checkpoint, which can."
            )
        hidden, vector = self._config.talker.stack.hidden_size, reference.x_vector
        if vector.shape != (hidden,):
            got = "x".join(map(str, vector.shape))
            expected = f"{hidden} numbers, as this model size has (clone the recording again with it)"
            raise InvalidValue(field="voice.reference.x_vector", expected=expected, got=got)
        if not np.isfinite(vector).all():
            raise InvalidValue(field="voice.reference.x_vector", expected="finite numbers", got="others")
        if reference.mode == "xvector":
            return
        if reference.codes is None or not len(reference.codes) or not reference.text.strip():
            expected = "codes and text of the recording, or the mode xvector"
            raise InvalidValue(field="voice.reference", expected=expected, got="none")
        self._check_codes("voice.reference.codes", reference.codes)

    def _check_codes(self, field: str, codes: Codes) -> None:
        size = self._config.codec.codebook_size
        if codes.ndim != 2 or codes.shape[1] != NUM_CODEBOOKS:
            raise InvalidValue(field=field, expected=f"frames x {NUM_CODEBOOKS}", got="x".join(map(str, codes.shape)))
        if codes.size and not 0 <= codes.min() <= codes.max() < size:
            raise InvalidValue(field=field, expected=f"codes below {size}", got=f"{codes.min()}..{codes.max()}")


def join_texts(spoken: str, new: str) -> str:
    """Join two texts, with a space between them if their script uses spaces."""
    if not spoken or not new or _CLOSE.match(spoken[-1]) or _CLOSE.match(new[0]):
        return spoken + new
    return f"{spoken} {new}"


class _Rows:
    """Collects the rows of a prompt in order."""

    def __init__(self) -> None:
        self.text: list[int] = []
        self.codes: list[Ids] = []

    def add_text(self, text: Sequence[int]) -> None:
        """Rows that carry text only."""
        self.add(text, [NO_CODE] * len(text))

    def add(self, text: Sequence[int], controls: Sequence[int]) -> None:
        """Rows of a text id and one id of the talker's own vocabulary."""
        codes = np.full((len(text), NUM_CODEBOOKS), NO_CODE, np.int64)
        codes[:, 0] = controls
        self.add_frames(text, codes)

    def add_frames(self, text: Sequence[int], frames: npt.NDArray[np.integer]) -> None:
        """Rows of a text id and a whole frame."""
        self.text.extend(text)
        self.codes.append(frames.astype(np.int64))
