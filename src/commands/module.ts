import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { StaticFiles } from '../plan/static-files.ts';

/** This module on the disk. */
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

/** Reads modules/nix/files: each folder in it is a part of the layer, a tree that looks like the image. */
export function readStaticFiles(directory: string): StaticFiles {
  return new Map(
    readdirSync(directory).map((part) => {
      const root = join(directory, part);
      const files = readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      return [part, new Map(files.map((file) => [`/${relative(root, file)}`, readFileSync(file)]))];
    }),
  );
}
