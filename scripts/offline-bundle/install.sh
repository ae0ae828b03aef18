#!/bin/sh
# Builds mbconv with the torch found on this machine, then runs `mbconv doctor` and verify-cuda. Needs no network and no
# Node; everything stays in this folder. `sh install.sh --help` lists the options.
# Exit status: that of verify-cuda (0 all passed, 1 something failed, 3 no usable GPU), or 3 if something is missing on
# this machine, 1 if the build fails.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

fail() {
  printf 'install: %s\n' "$1" >&2
  exit 3
}

system=$(uname -s)-$(uname -m)
[ "$system" = '@SYSTEM@' ] || fail "this bundle was made for @SYSTEM@; here is $system"

if ! [ -x "$here/bin/node" ]; then
  if command -v sha256sum >/dev/null 2>&1; then
    (cd "$here" && sha256sum --quiet -c SHA256SUMS) || fail 'files of the bundle are damaged or missing: copy it again'
  fi
  if command -v gzip >/dev/null 2>&1; then
    gzip -dc "$here/bin/node.gz" >"$here/bin/.node"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import gzip, shutil, sys; shutil.copyfileobj(gzip.open(sys.argv[1]), sys.stdout.buffer)' \
      "$here/bin/node.gz" >"$here/bin/.node"
  else
    fail 'neither gzip nor python3 is on PATH to unpack Node with'
  fi
  chmod 755 "$here/bin/.node"
  mv "$here/bin/.node" "$here/bin/node"
fi

# The loader's message names a library or a version that this system lacks.
version=$("$here/bin/node" --version 2>&1) || fail "the Node of this bundle does not run here: $version"

exec "$here/bin/node" "$here/mbconv/scripts/offline-bundle/install.mjs" "$@"
