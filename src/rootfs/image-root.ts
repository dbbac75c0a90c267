import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../download/digest.ts';
import type { Find } from '../plan/demand.ts';
import { byCodeUnit, modeText, parentsOf } from '../plan/image-entry.ts';
import type { Described } from '../plan/record.ts';
import type { ReadImage } from '../plan/step.ts';

/** A root on the disk, to look at: `describe` tells what is at a path as the manifest has it, no links followed. */
export type ImageRoot = ReadImage & { find: Find; describe: (path: string) => Described | undefined };

/** Looks at the root of an image; what is not there (the root itself, maybe) is simply not found. */
export function lookAtRoot(root: string): ImageRoot {
  const regular = (path: string) => {
    const resolved = resolveInRoot(root, path);
    const found = resolved === undefined ? undefined : fs.statSync(resolved, { throwIfNoEntry: false });
    return resolved !== undefined && found?.isFile() ? { resolved, size: found.size } : undefined;
  };
  return {
    find: (path) => {
      const found = statusOf(root, path);
      if (!found) return undefined;
      if (found.isSymbolicLink()) return { kind: 'symlink', target: fs.readlinkSync(join(root, path)) };
      return { kind: found.isDirectory() ? 'directory' : 'file' };
    },
    describe: (path) => {
      const found = statusOf(root, path);
      if (!found) return undefined;
      if (found.isSymbolicLink()) return { target: fs.readlinkSync(join(root, path)) };
      const mode = modeText(found.mode & 0o7777);
      return found.isFile() ? { mode, sha256: digestOf(join(root, path)).sha256 } : { mode };
    },
    read: (path) => {
      const file = regular(path);
      return file && fs.readFileSync(file.resolved);
    },
    size: (path) => regular(path)?.size,
    list: (path) => {
      const resolved = resolveInRoot(root, path);
      const isDirectory = resolved !== undefined && fs.statSync(resolved, { throwIfNoEntry: false })?.isDirectory();
      return isDirectory ? fs.readdirSync(resolved).toSorted(byCodeUnit) : [];
    },
    canRun: process.getuid?.() === 0,
  };
}

/** The status of a path, itself and all directories above it in the root; nothing where one of these is a link. */
export function statusOf(root: string, path: string): fs.Stats | undefined {
  const isReached = parentsOf(path).every((parent) =>
    fs.lstatSync(join(root, parent), { throwIfNoEntry: false })?.isDirectory(),
  );
  return isReached ? fs.lstatSync(join(root, path), { throwIfNoEntry: false }) : undefined;
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
    if (fs.lstatSync(join(root, next), { throwIfNoEntry: false })?.isSymbolicLink()) {
      links += 1;
      if (links > mostLinks) return undefined;
      const target = fs.readlinkSync(join(root, next));
      if (target.startsWith('/')) resolved = '/';
      steps.unshift(...target.split('/'));
    } else {
      resolved = next;
    }
  }
  return join(root, resolved);
}
