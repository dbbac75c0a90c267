import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that can change in a tree except access times, by path from its top (`` is the top itself). */
export type Snapshot = Record<string, string>;

/** Records a tree, without following symbolic links or opening anything other than regular files. */
export function snapshotOf(top: string): Snapshot {
  const found: Snapshot = {};
  const walk = (path: string): void => {
    const at = join(top, path);
    const stat = lstatSync(at, { bigint: true });
    const kind = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : stat.isSymbolicLink() ? 'link' : 'other';
    const content = kind === 'file' ? readFileSync(at, 'base64') : kind === 'link' ? readlinkSync(at) : '';
    found[path] = [kind, stat.mode.toString(8), `${stat.uid}:${stat.gid}`, stat.mtimeNs, content].join(' ');
    if (kind === 'directory') for (const name of readdirSync(at)) walk(join(path, name));
  };
  if (lstatSync(top, { throwIfNoEntry: false })) walk('');
  return found;
}

/** The paths that differ between two snapshots. */
export function changedPaths(before: Snapshot, after: Snapshot): string[] {
  const paths = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...paths].filter((path) => before[path] !== after[path]).toSorted();
}
