import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { StaticFiles } from '../plan/static-files.ts';

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
