import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { StaticFiles } from '../plan/static-files.ts';

/** This module on the disk. */
export type Module = {
  version: string;
  /** The folder modules/nix/files, or what `npm run build` made of it. */
  files: string;
};

/** Finds the module around the running program: a checkout, or modules/nix/program/ of the module image. */
export function findModule(programDirectory: string): Module {
  const files = basename(programDirectory) === 'program' ? 'files.json' : '../modules/nix/files';
  return { version: packageJson.version, files: join(programDirectory, files) };
}

/** Reads modules/nix/files: each folder in it is a part of the layer, a tree that looks like the image. */
export function readStaticFiles(directory: string): StaticFiles {
  if (directory.endsWith('.json')) return fromJson(readFileSync(directory, 'utf8'));
  const parts = new Map<string, Map<string, Buffer>>(readdirSync(directory).map((part) => [part, new Map()]));
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const inPart = path.slice(directory.length + 1);
    const root = inPart.indexOf('/');
    parts.get(inPart.slice(0, root))?.set(inPart.slice(root), readFileSync(path));
  }
  return parts;
}

/** One file, because reading a hundred folders takes longer than everything else that a bake does before it writes. */
function fromJson(json: string): StaticFiles {
  const parts = JSON.parse(json) as Record<string, Record<string, string>>;
  const content = ([path, text]: [string, string]) => [path, Buffer.from(text)] as const;
  return new Map(Object.entries(parts).map(([part, found]) => [part, new Map(Object.entries(found).map(content))]));
}
