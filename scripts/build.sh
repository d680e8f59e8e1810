#!/bin/sh
# Compiles to dist/, which runs without type stripping and without the development dependencies.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH="$root/node_modules/.bin:$PATH"
export PATH
cd "$root"

rm -rf dist
tsc -p tsconfig.build.json
cp package.json dist/
cp -R config dist/config
mkdir -p dist/src/gen
cp -R src/gen/. dist/src/gen/
find dist/src/gen -name '*.d.ts' -delete
