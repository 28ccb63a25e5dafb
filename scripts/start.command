#!/usr/bin/env bash
# A starter to double-click on macOS and most Linux desktops: opens the guided start of an installed CloakCheck.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export PATH="$PATH:$HOME/.local/bin:$PWD/.venv/bin"
command -v cloakcheck >/dev/null && exec cloakcheck start --wait
echo "CloakCheck is not installed yet: docs/how-to/install.md says how."
read -r -p "Press Enter to close this window. " _
