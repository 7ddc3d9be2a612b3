#!/bin/sh
# Text to speech with curl. Usage: examples/speak.sh [http://127.0.0.1:7860]
set -eu
URL=${1:-http://127.0.0.1:7860}

curl --fail --silent --show-error "$URL/api/tts" \
    --header 'Content-Type: application/json' \
    --data '{"text": "The last train leaves at ten.", "voice_desc": "A station announcer, clear and even.", "format": "mp3"}' \
    --output announcement.mp3

# Streaming: pipe the output into a player, for example  ffplay -nodisp -f s16le -ar 24000 -
curl --fail --silent --show-error --no-buffer "$URL/api/tts" \
    --header 'Content-Type: application/json' \
    --data '{"text": "The last train leaves at ten.", "streaming": true}' > announcement.pcm

wc -c announcement.mp3 announcement.pcm
