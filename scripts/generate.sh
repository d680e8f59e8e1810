#!/bin/sh
# Generates src/gen and the descriptor set from proto/. With a folder as argument it writes there instead.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
PATH="$root/node_modules/.bin:$PATH"
export PATH
into=${1:-$root}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$root/proto"
buf generate --output "$work/proto" >&2
buf build --as-file-descriptor-set --exclude-source-info -o "$work/descriptors.binpb"
digest=$(sha256sum "$work/descriptors.binpb" | cut -d' ' -f1)
cat > "$work/src/gen/descriptors.js" <<EOF
// SHA-256 of proto/descriptors.binpb, which describes every message of this release.
export const descriptorsSha256 = '$digest';
EOF
cat > "$work/src/gen/descriptors.d.ts" <<EOF
export declare const descriptorsSha256: string;
EOF

# Files are replaced one by one, so that a reader of src/gen never finds it empty.
mkdir -p "$into/proto" "$into/src/gen"
cp "$work/descriptors.binpb" "$into/proto/descriptors.binpb"
cp -R "$work/src/gen/." "$into/src/gen/"
(cd "$into/src/gen" && find . -type f) | while read -r file; do
  [ -e "$work/src/gen/$file" ] || rm "$into/src/gen/$file"
done
