import type { ImageEntry } from './image-entry.ts';
import { parentsOf } from './image-entry.ts';

/** What an image has at a path. */
export type Found = { kind: 'directory' | 'file' } | { kind: 'symlink'; target: string };

/**
 * Finds what an image has at a path; undefined where it has nothing. Symbolic links on the way are not followed: what is behind
 * one is not found.
 */
export type Find = (path: string) => Found | undefined;

/** The content of a file at a path that a demand names in `contents`; undefined where there is no file. */
export type Read = (path: string) => Buffer | undefined;

/** Why an image cannot take a plan, and what to do about it. */
export type Refusal = { message: string; help: string };

/** What a plan asks of an image before anything is written: of a root, or of the layers of an image in a layout. */
export type Demand = {
  /** The paths it asks about: who reads layers must know them first. */
  paths: readonly string[];
  /** The files among them whose content it asks about as well. */
  contents?: readonly string[];
  refusal: (find: Find, read: Read) => Refusal | undefined;
};

/** Room for every entry: real directories above it, and nothing of another kind in its place. */
export function roomFor(entries: readonly Pick<ImageEntry, 'kind' | 'path'>[]): Demand {
  const paths = [...new Set(entries.flatMap(({ path }) => [...parentsOf(path), path]))];
  const directories = new Set(entries.flatMap((entry) => directoriesOf(entry)));
  return {
    paths,
    refusal: (find) => {
      for (const path of paths) {
        const found = find(path);
        if (!found) continue;
        if (directories.has(path) && found.kind !== 'directory') {
          const what = found.kind === 'symlink' ? `a symbolic link to ${found.target}` : 'not a directory';
          const help = `remove it from the image: the module writes into real directories only`;
          return { message: `${path} is ${what}`, help };
        }
        if (!directories.has(path) && found.kind === 'directory') {
          return {
            message: `${path} is a directory`,
            help: 'remove it from the image: a file of the module belongs there',
          };
        }
      }
      return undefined;
    },
  };
}

function directoriesOf(entry: Pick<ImageEntry, 'kind' | 'path'>): string[] {
  return [...parentsOf(entry.path), ...(entry.kind === 'directory' ? [entry.path] : [])];
}

/**
 * No program of another Nix at these paths; what `isOwn` knows is a link of an earlier plan. `refuse` gives the words for
 * the first one that is there.
 */
export function noneOf(
  paths: readonly string[],
  isOwn: (path: string, found: Found) => boolean,
  refuse: (path: string) => Refusal,
): Demand {
  return {
    paths,
    refusal: (find) => {
      const path = paths.find((candidate) => {
        const found = find(candidate);
        return found !== undefined && !isOwn(candidate, found);
      });
      return path === undefined ? undefined : refuse(path);
    },
  };
}
