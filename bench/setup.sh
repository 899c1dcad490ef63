#!/bin/sh
# Installs what the commands of this module measure beside edgec, outside of the
# tree, and says what it installs:
#
#   bench/setup.sh
#
# - from Debian, if they are missing and this is root: gcc, qemu-user (the dynamic one,
#   which takes plugins), npm, python3-venv
# - from npm: onnxruntime-node, for its shared library, without running its scripts
# - from PyPI, in a virtual environment: ai-edge-litert (brings numpy)
#
# The folder is edgec-bench in XDG_CACHE_HOME (default ~/.cache), about 500 MB.
# EDGEC_ORT_LIBRARY and EDGEC_LITERT_PYTHON name others than those.
set -eu
ort=1.30.0
litert=2.3.0
dir=${XDG_CACHE_HOME:-$HOME/.cache}/edgec-bench

want=
command -v gcc >/dev/null || want="$want gcc libc6-dev"
command -v qemu-aarch64 >/dev/null && command -v qemu-arm >/dev/null || want="$want qemu-user"
command -v npm >/dev/null || want="$want npm"
python3 -c 'import ensurepip, venv' 2>/dev/null || want="$want python3 python3-venv"
if [ -n "$want" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "setup: missing:$want; run as root: apt-get install --no-install-recommends$want" >&2
		exit 1
	fi
	echo "== Debian:$want"
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $want
fi

mkdir -p "$dir"
if ! ls "$dir"/node_modules/onnxruntime-node/bin/napi-v6/linux/*/libonnxruntime.so.1 >/dev/null 2>&1; then
	echo "== npm: onnxruntime-node@$ort"
	npm install --ignore-scripts --no-audit --no-fund --prefix "$dir" "onnxruntime-node@$ort"
fi
if ! "$dir/litert/bin/python" -c 'import ai_edge_litert' 2>/dev/null; then
	echo "== PyPI: ai-edge-litert==$litert"
	rm -rf "$dir/litert"
	python3 -m venv "$dir/litert"
	if ! "$dir/litert/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "ai-edge-litert==$litert"; then
		rm -rf "$dir/litert"
		echo "no LiteRT for this machine: its column will be empty"
	fi
fi
echo "in $dir:"
ls -d "$dir"/node_modules/onnxruntime-node "$dir"/litert 2>/dev/null
