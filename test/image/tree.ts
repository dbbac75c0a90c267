import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

/** An entry of an image, with everything that a layer stores about it. */
export type Found = {
  kind: 'directory' | 'file' | 'symlink' | 'other';
  mode: string;
  owner: string;
  /** A file's digest, or a link's target. */
  content: string;
};

export type Tree = Map<string, Found & { modified: number }>;

/** Everything in the image at `root`, by its path in it. */
export function readTree(root: string): Tree {
  // Node's own recursive readdir follows links to directories.
  const walk = (directory: string): string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? [path, ...walk(path)] : [path];
    });
  return new Map(walk(root).map((path) => [`/${relative(root, path)}`, found(path)]));
}

function found(path: string): Found & { modified: number } {
  const stats = lstatSync(path);
  const kind = stats.isDirectory()
    ? 'directory'
    : stats.isFile()
      ? 'file'
      : stats.isSymbolicLink()
        ? 'symlink'
        : 'other';
  const content = {
    directory: () => '',
    other: () => '',
    file: () => createHash('sha256').update(readFileSync(path)).digest('hex'),
    symlink: () => readlinkSync(path),
  };
  return {
    kind,
    mode: (stats.mode & 0o7777).toString(8).padStart(4, '0'),
    owner: `${stats.uid}:${stats.gid}`,
    content: content[kind](),
    modified: stats.mtimeMs / 1000,
  };
}

/** The paths that were added, removed and changed between `before` and `after`. Modification times do not count. */
export function difference(before: Tree, after: Tree): { added: string[]; removed: string[]; changed: string[] } {
  const paths = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  const same = (one: Found, other: Found) =>
    one.kind === other.kind && one.mode === other.mode && one.owner === other.owner && one.content === other.content;
  return {
    added: paths.filter((path) => !before.has(path)),
    removed: paths.filter((path) => !after.has(path)),
    changed: paths.filter((path) => {
      const [one, other] = [before.get(path), after.get(path)];
      return one && other && !same(one, other);
    }),
  };
}
