#!/bin/sh
# The entry point of the image: `docker run IMAGE [FLAGS OF SERVE]`, or another command: `docker run IMAGE doctor`.
# Other machines can reach a published port, so an API key is required unless --insecure is given.
set -eu

case "${1:-serve}" in
    serve) [ $# -eq 0 ] || shift ;;
    -*) ;;
    *) exec qwen3tts-webui "$@" ;;
esac

if ! [ -w "$QWEN3TTS_OUTPUTS" ]; then
    echo "$QWEN3TTS_OUTPUTS is not writable for user $(id -u): audio is lost when the container is removed."
    echo "On the host: sudo chown $(id -u) outputs, or docker run --user \$(id -u):\$(id -g) with a folder of your own."
    QWEN3TTS_OUTPUTS=$(mktemp -d)
    export QWEN3TTS_OUTPUTS
fi

case " $* " in *" --insecure "*) open=yes ;; *) open=${QWEN3TTS_API_KEYS_FILE:+own} ;; esac
if [ -z "$open" ]; then
    QWEN3TTS_API_KEYS_FILE=$(mktemp -d)/keys.json
    export QWEN3TTS_API_KEYS_FILE
    key=$(qwen3tts-webui key new docker | head -n 1)
    echo "Open http://127.0.0.1:${QWEN3TTS_PORT:-7860}/?key=$key (a new key is created at each start)"
fi

exec qwen3tts-webui serve --host 0.0.0.0 --no-browser "$@"
