"""An image of finished audio to share: waveform and mel spectrogram with a title and a caption, as PNG.

Uses matplotlib without its global state, so any thread may render. Titles are plain text, never TeX; a character that
no installed font has is shown as a box. Knows nothing of where title and caption come from.
"""

from __future__ import annotations

import io
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.audio.pcm import replace_nonfinite
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Noto Sans",
    "DejaVu Sans",  # bundled with matplotlib
)
_FFT = 1_024
_MAX_COLUMNS = 1_600
_NUM_MELS = 80
_RANGE_DB = 70.0
_TEXT_COLOR = "#1f2430"
_ACCENT_COLOR = "#12805c"


def render_share_image(pcm: Pcm, *, title: str = "", caption: str = "") -> bytes:
    """Return a PNG of 1600 x 900 pixels with `title` on top, on at most two lines, and `caption` below it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes half a second to import
    from matplotlib.figure import Figure

    pcm = replace_nonfinite(pcm)
    families, glyphs = _installed_fonts()
    figure = Figure(figsize=(16, 9), dpi=100, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    head, wave, mel = figure.subplots(3, 1, height_ratios=(1.5, 3, 5))
    head.set_axis_off()
    for text, y, size in ((_wrap(title, 88, 2), 1.0, 26), (_wrap(caption, 160, 2), 0.1, 14)):
        shown = "".join(c if c == "\n" or ord(c) in glyphs else "□" for c in text)
        head.text(
            0,
            y,
            shown,
            fontsize=size,
            family=families,
            color=_TEXT_COLOR,
            va="top" if y else "bottom",
            parse_math=False,
        )
    _draw_wave(wave, pcm)
    _draw_mel(mel, pcm)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def mel_spectrogram(pcm: Pcm) -> npt.NDArray[np.float32]:
    """Return (_NUM_MELS, columns) in dB below full scale, at most `_MAX_COLUMNS` columns for any duration."""
    hop = max(_FFT // 4, -(-len(pcm) // _MAX_COLUMNS))
    padded = np.pad(pcm, (_FFT // 2, _FFT))
    starts = np.arange(0, max(1, len(pcm)), hop)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[starts]
    power = np.abs(np.fft.rfft(windows * np.hanning(_FFT), axis=1)) ** 2 / (_FFT / 4) ** 2
    level: npt.NDArray[np.float32] = (10 * np.log10(_mel_filters() @ power.T + 1e-10)).astype(np.float32)
    return level


def _mel_filters() -> npt.NDArray[np.float64]:
    """Return (_NUM_MELS, bins): triangles of equal width on O'Shaughnessy's mel scale (2595 log10(1 + f / 700))."""
    top_mel = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top_mel, _NUM_MELS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters: npt.NDArray[np.float64] = np.clip(np.minimum(rising, falling), 0, None)
    return filters


def _draw_wave(axes: Axes, pcm: Pcm) -> None:
    """Draw the lowest and highest sample of each column."""
    columns = min(_MAX_COLUMNS, max(1, len(pcm)))
    edges = np.linspace(0, len(pcm), columns, endpoint=False).astype(int)
    samples = pcm if len(pcm) else np.zeros(1, dtype=np.float32)
    low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
    seconds = len(pcm) / SAMPLE_RATE
    axes.fill_between(np.linspace(0, seconds, columns), low, high, color=_ACCENT_COLOR, linewidth=0.6)
    axes.set_xlim(0, max(seconds, 1e-3))
    axes.set_ylim(-1, 1)
    axes.set_yticks([-1, 0, 1])
    axes.tick_params(labelbottom=False, colors=_TEXT_COLOR)


def _draw_mel(axes: Axes, pcm: Pcm) -> None:
    level = mel_spectrogram(pcm)
    top = max(float(level.max()), -60.0)
    seconds = max(len(pcm) / SAMPLE_RATE, 1e-3)
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, _NUM_MELS),
        vmin=top - _RANGE_DB,
        vmax=top,
        cmap="magma",
        interpolation="nearest",
    )
    ticks_hz = (250, 500, 1_000, 2_000, 4_000, 8_000)
    per_mel = (_NUM_MELS + 1) / np.log10(1 + SAMPLE_RATE / 2 / 700)
    axes.set_yticks([per_mel * np.log10(1 + hz / 700) - 0.5 for hz in ticks_hz], [f"{hz / 1000:g}" for hz in ticks_hz])
    axes.set_ylabel("kHz (mel)", color=_TEXT_COLOR)
    axes.set_xlabel("s", color=_TEXT_COLOR)
    axes.tick_params(colors=_TEXT_COLOR)


def _installed_fonts() -> tuple[list[str], frozenset[int]]:
    """Return the installed ones of `_FONTS`, in order, and every character that they contain."""
    from matplotlib.font_manager import fontManager, get_font

    files = {entry.name: entry.fname for entry in reversed(fontManager.ttflist) if entry.weight in (400, "normal")}
    families = [name for name in _FONTS if name in files]
    return families, frozenset(code for name in families for code in get_font(files[name]).get_charmap())


def _wrap(text: str, width: int, num_lines: int) -> str:
    """Wrap `text` to at most `num_lines` lines of `width` columns, between words if possible; drop controls."""
    printable = "".join(" " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text[:2_000])
    rest = " ".join(printable.split())
    lines: list[str] = []
    while rest and len(lines) < num_lines:
        length = _num_fitting(rest, width)
        if length < len(rest) and rest[length] != " " and " " in rest[length // 2 : length]:
            length = rest.rindex(" ", 0, length)
        lines.append(rest[:length])
        rest = rest[length:].lstrip()
    if rest:
        lines[-1] = lines[-1][:-1] + "…"
    return "\n".join(lines)


def _num_fitting(text: str, width: int) -> int:
    """Return how many characters of `text` fit into `width` columns; a Chinese character takes two."""
    columns = np.cumsum([2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text[:width]])
    return max(1, int(np.searchsorted(columns, width, side="right")))
