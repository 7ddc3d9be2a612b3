"""The dialog that the engine's label opens: the active engine, the models, the download, and diagnostics.

Filled by assets/web/regions/models/ from /api/models and /api/doctor.
"""

from __future__ import annotations

from qwen3tts_webui.ui.html import html

_REGION = """
<div id="machine" class="panel" popover role="dialog" tabindex="-1" data-i18n-group="models.title">
 <h3 data-i18n="models.title"></h3>
 <p id="engine-what"></p>
 <div id="engine-help" hidden>
  <p data-i18n="engine.why"></p>
  <p><span data-i18n="models.get"></span> <code>python3 app.py download Qwen3-TTS-12Hz-1.7B-VoiceDesign</code></p>
 </div>
 <section id="machine-choice">
  <p id="model-summary" role="status"></p>
  <div id="machine-download" hidden><progress id="machine-bar" max="1" data-i18n-label="models.progress"></progress>
   <p id="download-progress"></p></div>
  <p id="machine-problem" role="alert" hidden></p>
  <div id="machine-models"></div>
  <label class="mirror"><span data-i18n="models.mirror"></span>
   <select id="machine-mirror"></select></label>
  <form id="model-folder" class="mirror" hidden><label for="model-folder-path" data-i18n="models.folder.own"></label>
   <input id="model-folder-path" required autocomplete="off" spellcheck="false" dir="ltr"
    placeholder="~/models/Qwen3-TTS-12Hz-1.7B-VoiceDesign"><button data-i18n="models.use"></button></form>
  <p><small data-i18n="models.speed.how"></small></p>
  <p id="model-folder-command"><small data-i18n="models.folder"></small>
   <code>python3 app.py --model FOLDER</code></p>
 </section>
 <details>
  <summary data-i18n="diagnostics.title"></summary>
  <ul id="machine-lines"></ul>
  <button type="button" id="rerun-checks" data-i18n="diagnostics.again"></button>
 </details>
</div>"""


def model_region() -> None:
    """Draw the dialog. No Gradio event uses its components."""
    html(_REGION, elem_id="machine-block")
