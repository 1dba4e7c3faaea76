#!/bin/bash
# image.sh NAME ROOT ENTRYPOINT: an archive of an image with one layer, in /kind/images, as `docker save` writes them.
set -euo pipefail

name=$1 root=$2 entrypoint=$3
folder=$(mktemp -d)
tar -C "$root" --sort=name --numeric-owner -cf "$folder/layer.tar" .
digest=$(sha256sum "$folder/layer.tar" | cut -d' ' -f1)
architecture=$(dpkg --print-architecture)
cat > "$folder/config.json" <<EOF
{"architecture": "$architecture", "os": "linux", "history": [],
 "config": {"Entrypoint": $entrypoint, "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
EOF
echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" > "$folder/manifest.json"
file=${name##*/}
tar -C "$folder" --sort=name -cf "/kind/images/${file%%:*}.tar" .
rm -rf "$folder"
