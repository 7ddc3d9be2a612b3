"""Event bindings. Every event is handled in the browser, by `window.qwen3tts` (assets/web/main.js).

A listener with `fn=None` runs inside the click: the browser allows it to play audio, and its values are never stale.
"""

from __future__ import annotations

from qwen3tts_webui.ui.regions import PlayerRegion, TextRegion, VoiceRegion

_GENERATE = "(text, language, description) => { window.qwen3tts?.generate(text, language, description); }"
_ON_LANGUAGE_CHANGE = "(language) => { window.qwen3tts?.onLanguageChange(language); }"
_TAKE_PENDING_VALUES = "() => window.qwen3tts.takePendingValues()"


def bind_events(text: TextRegion, voice: VoiceRegion, player: PlayerRegion) -> None:
    """Bind the events of the regions to the functions of the page."""
    fields = [text.text, voice.language, voice.description]
    player.generate.click(None, fields, None, js=_GENERATE, api_visibility="private")
    voice.language.change(None, [voice.language], None, js=_ON_LANGUAGE_CHANGE, api_visibility="private")
    player.apply_values.click(None, None, fields, js=_TAKE_PENDING_VALUES, api_visibility="private")
