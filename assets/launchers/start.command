#!/bin/sh
# macOS: a double-click opens this in a terminal.
exec "$(dirname -- "$0")/start.sh" "$@"
