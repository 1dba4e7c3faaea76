// Loaded before Aztec's program: takes private keys and the L1's URL, which may hold an API key, off the command lines
// of the processes it starts. forge reads the URL from FOUNDRY_ETH_RPC_URL, which they all inherit.
'use strict';
const childProcess = require('node:child_process');
const { syncBuiltinESMExports } = require('node:module');
const { basename } = require('node:path');

const { AZNET_FORGE_KEYSTORE, AZNET_FORGE_PASSWORD_FILE, AZNET_FORGE_SENDER, FOUNDRY_ETH_RPC_URL } = process.env;
const HIDDEN = 'in-FOUNDRY_ETH_RPC_URL';
const spawn = childProcess.spawn;

// A script that forge is started by: here, the argument is only in memory.
const own = process.argv.indexOf('--rpc-url');
if (own > 0 && process.argv[own + 1] === HIDDEN) {
  process.argv[own + 1] = FOUNDRY_ETH_RPC_URL;
}

const withKeyHidden = args => {
  const at = args.indexOf('--private-key');
  return at < 0
    ? args
    : args.toSpliced(
        at,
        2,
        ...['--keystore', AZNET_FORGE_KEYSTORE],
        ...['--password-file', AZNET_FORGE_PASSWORD_FILE],
        ...['--sender', AZNET_FORGE_SENDER],
      );
};

// 4.1 starts it by its name, later releases by its path.
const isForge = command => basename(String(command)) === 'forge';

const withUrlHidden = (command, args) => {
  const at = args.indexOf('--rpc-url');
  if (at < 0 || args[at + 1] !== FOUNDRY_ETH_RPC_URL) {
    return args;
  }
  return isForge(command) ? args.toSpliced(at, 2) : args.toSpliced(at + 1, 1, HIDDEN);
};

childProcess.spawn = (command, args, ...rest) =>
  spawn(command, Array.isArray(args) ? withUrlHidden(command, withKeyHidden(args)) : args, ...rest);
syncBuiltinESMExports();
