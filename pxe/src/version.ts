import packageJson from '../package.json' with { type: 'json' };

/** This server's own version. */
export const VERSION: string = packageJson.version;
