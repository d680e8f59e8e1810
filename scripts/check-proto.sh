#!/bin/sh
# Checks proto/: formatted, linted, compatible with the frozen version 1, and src/gen made from it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH="$root/node_modules/.bin:$PATH"
export PATH
cd "$root/proto"

buf format --diff --exit-code
buf lint
if grep -rnE '\bmap<|^ *((optional|repeated|required) +)?group |google\.protobuf\.(Any|Struct|Value|ListValue|[A-Za-z0-9]+Value)\b|\b(float|double) ' comity --include='*.proto' | grep -v 'options/v1/options.proto'; then
  echo 'proto: no map, group, Any, Struct, wrapper or floating point in a message' >&2
  exit 1
fi
# The frozen image of the last release; a release writes it anew: buf build --exclude-source-info -o baseline.binpb
buf breaking --against baseline.binpb

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$root/scripts/generate.sh" "$fresh"
diff -r "$fresh/src/gen" "$root/src/gen"
cmp "$fresh/proto/descriptors.binpb" descriptors.binpb
