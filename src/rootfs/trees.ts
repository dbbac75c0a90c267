import { chmodSync, cpSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { byCodeUnit } from '../plan/image-entry.ts';

/** Copies a directory with the modes, times and links that are in it. */
export function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  copyModes(from, to);
}

/** Node's copy keeps the modes of files only. */
function copyModes(from: string, to: string): void {
  chmodSync(to, statSync(from).mode & 0o7777);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) copyModes(join(from, entry.name), join(to, entry.name));
  }
}

/** The files and links of one tree that are new or different in another, and those that are gone; by relative path. */
export function differences(before: string, after: string): { changed: string[]; gone: string[] } {
  const old = contentsOf(before);
  const now = contentsOf(after);
  return {
    changed: [...now].filter(([path, content]) => old.get(path) !== content).map(([path]) => path),
    gone: [...old.keys()].filter((path) => !now.has(path)),
  };
}

/** What distinguishes one file from another, by relative path. */
function contentsOf(tree: string): Map<string, string> {
  const files = readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry): [string, string] => {
      const path = join(entry.parentPath, entry.name);
      const content = entry.isSymbolicLink() ? `→ ${readlinkSync(path)}` : readFileSync(path).toString('latin1');
      return [relative(tree, path), content];
    });
  return new Map(files.toSorted(([one], [other]) => byCodeUnit(one, other)));
}
