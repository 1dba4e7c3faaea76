#!/bin/sh
# Gives the pruned npm tree the layout of the public image, and fills V8's compile cache. Run in /usr/src.
set -eu

mkdir -p /opt/foundry/bin /opt/node/bin yarn-project
for tool in anvil cast forge; do
  mv node_modules/@foundry-rs/"$tool"-linux-*/bin/"$tool" /opt/foundry/bin/
done
mv node_modules/node-linux-*/bin/node /opt/node/bin/node
rm -rf node_modules/@foundry-rs node_modules/node-linux-* node_modules/.package-lock.json
ln -s ../node_modules/@aztec/aztec yarn-project/aztec
chmod 755 solc.mjs
ln -s /usr/src/solc.mjs /opt/foundry/bin/solc

# The cache is bound to the version of Node.js: fill it with the one that ships.
export NODE_BACKEND=js NODE_COMPILE_CACHE=/usr/src/.compile-cache
# A module starts a program as it is loaded, and gives it seconds to answer: on a busy machine it may take another try.
for attempt in 1 2 3; do
  if /opt/node/bin/node --no-warnings warm.mjs; then break; fi
  [ "$attempt" -lt 3 ]
done
# It is kept per user; it also serves pods that run as nobody or as the usual first user.
for cache in .compile-cache/*-0; do
  for user in 1000 65532 65534; do
    ln -s "${cache##*/}" "${cache%-0}-$user"
  done
done
rm -f assemble.sh prune.mjs warm.mjs package-lock.json
