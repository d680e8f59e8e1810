#!/bin/sh
# Everything that is checked without a hub: types, style, proto files and generated code, house rules, documents.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH="$root/node_modules/.bin:$PATH"
export PATH
cd "$root"

echo 'types'
tsc --noEmit -p .
echo 'format and lint'
biome check --error-on-warnings .
echo 'proto files and generated code'
sh scripts/check-proto.sh
echo 'house rules and documents'
vitest run test/tidy.test.ts test/unit/errors test/unit/audit test/unit/envelope/wire-doc test/unit/http/openapi
