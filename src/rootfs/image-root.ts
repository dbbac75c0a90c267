import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../download/digest.ts';
import type { Find } from '../plan/demand.ts';
import { byCodeUnit, modeText } from '../plan/image-entry.ts';
import type { Described } from '../plan/record.ts';
import type { ReadImage } from '../plan/step.ts';

/** A root on the disk, to look at. `describe` gives what is at a path as the manifest has it, and follows no links. */
export type ImageRoot = ReadImage & { find: Find; describe: (path: string) => Described | undefined };

/** Looks at the root of an image before anything is written. Nothing is found in a root that does not exist yet. */
export function lookAtRoot(root: string): ImageRoot {
  const known = new Map<string, boolean>();
  const regular = (path: string) => {
    const resolved = resolveInRoot(root, path);
    const found = resolved === undefined ? undefined : statSync(resolved, { throwIfNoEntry: false });
    return resolved !== undefined && found?.isFile() ? { resolved, size: found.size } : undefined;
  };
  return {
    find: (path) => {
      const found = statusOf(root, path, known);
      if (!found) return undefined;
      if (found.isSymbolicLink()) return { kind: 'symlink', target: readlinkSync(inRoot(root, path)) };
      return { kind: found.isDirectory() ? 'directory' : 'file' };
    },
    describe: (path) => {
      const found = statusOf(root, path, known);
      if (!found) return undefined;
      if (found.isSymbolicLink()) return { target: readlinkSync(inRoot(root, path)) };
      const mode = modeText(found.mode & 0o7777);
      return found.isFile() ? { mode, sha256: digestOf(inRoot(root, path)).sha256 } : { mode };
    },
    read: (path) => {
      const file = regular(path);
      return file && readFileSync(file.resolved);
    },
    size: (path) => regular(path)?.size,
    list: (path) => {
      const resolved = resolveInRoot(root, path);
      const isDirectory = resolved !== undefined && statSync(resolved, { throwIfNoEntry: false })?.isDirectory();
      return isDirectory ? readdirSync(resolved).toSorted(byCodeUnit) : [];
    },
    canRun: process.getuid?.() === 0,
  };
}

/** A path of an image on this disk. Without `join`: the paths are normalized, and a bake has a thousand of them. */
export function inRoot(root: string, path: string): string {
  return root === '/' ? path : `${root}${path}`;
}

/**
 * The status of a path, itself and all directories above it in the root; nothing where one of these is a link. `known` holds
 * which of them are directories, for as long as nobody writes.
 */
export function statusOf(root: string, path: string, known = new Map<string, boolean>()): Stats | undefined {
  const parent = path.slice(0, path.lastIndexOf('/'));
  const isBelow = parent === '' || (known.get(parent) ?? statusOf(root, parent, known)?.isDirectory() === true);
  known.set(parent, isBelow);
  return isBelow ? lstatSync(inRoot(root, path), { throwIfNoEntry: false }) : undefined;
}

/** As many links as Linux follows (path_resolution(7)). */
const mostLinks = 40;

/** Where a path leads with the root as `/`, as a program in the image would see it; undefined for links in a circle. */
function resolveInRoot(root: string, path: string): string | undefined {
  let resolved = '/';
  let links = 0;
  const steps = path.split('/');
  for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
    if (step === '' || step === '.') continue;
    const next = step === '..' ? dirname(resolved) : join(resolved, step);
    if (lstatSync(join(root, next), { throwIfNoEntry: false })?.isSymbolicLink()) {
      links += 1;
      if (links > mostLinks) return undefined;
      const target = readlinkSync(join(root, next));
      if (target.startsWith('/')) resolved = '/';
      steps.unshift(...target.split('/'));
    } else {
      resolved = next;
    }
  }
  return join(root, resolved);
}
