#!/bin/sh
# The mbconv command with the Node of this bundle; install.sh unpacks that.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
exec "$here/node" "$here/../mbconv/dist/cli/main.js" "$@"
