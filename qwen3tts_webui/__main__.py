"""Entry point of `python -m qwen3tts_webui`: the command line, in an existing environment."""

import sys

from qwen3tts_webui.cli import main

sys.exit(main())
