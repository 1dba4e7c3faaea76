// Loaded before Aztec's program: takes private keys off the command lines of the processes it starts.
'use strict';
const childProcess = require('node:child_process');
const { syncBuiltinESMExports } = require('node:module');

const { AZNET_FORGE_KEYSTORE, AZNET_FORGE_PASSWORD_FILE, AZNET_FORGE_SENDER } = process.env;
const spawn = childProcess.spawn;

childProcess.spawn = (command, args, ...rest) => {
  const at = Array.isArray(args) ? args.indexOf('--private-key') : -1;
  const hidden =
    at < 0
      ? args
      : args.toSpliced(
          at,
          2,
          ...['--keystore', AZNET_FORGE_KEYSTORE],
          ...['--password-file', AZNET_FORGE_PASSWORD_FILE],
          ...['--sender', AZNET_FORGE_SENDER],
        );
  return spawn(command, hidden, ...rest);
};
syncBuiltinESMExports();
