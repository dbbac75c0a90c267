import { basename, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };

/** This module as it lies on the disk. */
export type Module = {
  version: string;
  /** The folder modules/nix/files. */
  files: string;
};

/** Finds the module around the running program: a checkout, or modules/nix/program/ of the module image. */
export function findModule(programDirectory: string): Module {
  const module =
    basename(programDirectory) === 'program' ? join(programDirectory, '..') : join(programDirectory, '../modules/nix');
  return { version: packageJson.version, files: join(module, 'files') };
}
