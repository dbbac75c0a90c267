import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from './digest.ts';
import type { Source } from './source.ts';

/** Where a file lies in the cache once its digest is right: named by it, so one file is there once. */
export const cachedPath = (cacheDirectory: string, source: Source): string => join(cacheDirectory, source.sha256);

/** The digest and length of what the cache holds for a source; undefined when it holds nothing. */
export async function readCached(path: string): Promise<{ sha256: string; bytes: number } | undefined> {
  return digestOf(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** A file on its way into the cache, written by one run only, and the entity tag its server gave it. */
export type PartialFile = { path: string; etag: string | undefined };

/**
 * A partial file of this run's own, begun with the most that any other run has got of the same file: one that failed
 * (`<sha256>.partial`), was killed, or is still at work (`<sha256>.<random>.partial`). Copying what another run may be
 * writing is safe: partial files only grow at their end. So there is no lock that could outlive its owner.
 */
export async function beginPartial(cacheDirectory: string, source: Source): Promise<PartialFile> {
  await mkdir(cacheDirectory, { recursive: true });
  const path = join(cacheDirectory, `${source.sha256}.${randomUUID()}.partial`);
  const others = await partialsOf(cacheDirectory, source);
  const sizes = await Promise.all(others.map(async (other) => ({ other, size: await sizeOf(other) })));
  const longest = sizes.toSorted((a, b) => b.size - a.size)[0];
  if (longest !== undefined && longest.size > 0) {
    const taken =
      longest.other === keptPath(cacheDirectory, source)
        ? rename(longest.other, path)
        : copyFile(longest.other, path, constants.COPYFILE_FICLONE);
    // Gone meanwhile, or no room for the copy: then from the beginning.
    await taken.catch(() => rm(path, { force: true }));
  }
  return { path, etag: undefined };
}

/** Gives a checked partial file its final name, in place of what may have it, and removes the other partial files. */
export async function finishPartial(cacheDirectory: string, source: Source, partial: PartialFile): Promise<string> {
  const path = cachedPath(cacheDirectory, source);
  await rename(partial.path, path).catch(async (error: NodeJS.ErrnoException) => {
    // Another run was first, and cleared this one's away.
    const others = error.code === 'ENOENT' ? await readCached(path) : undefined;
    if (others?.sha256 !== source.sha256) throw error;
  });
  for (const other of await partialsOf(cacheDirectory, source)) await rm(other, { force: true });
  return path;
}

/** Leaves what has come for the next run to go on from. */
export async function keepPartial(cacheDirectory: string, source: Source, partial: PartialFile): Promise<void> {
  if ((await sizeOf(partial.path)) === 0) await dropPartial(partial);
  else await rename(partial.path, keptPath(cacheDirectory, source));
}

export const dropPartial = (partial: PartialFile): Promise<void> => rm(partial.path, { force: true });

const keptPath = (cacheDirectory: string, source: Source): string => join(cacheDirectory, `${source.sha256}.partial`);

async function partialsOf(cacheDirectory: string, source: Source): Promise<string[]> {
  const names = await readdir(cacheDirectory);
  return names
    .filter((name) => name.startsWith(`${source.sha256}.`) && name.endsWith('.partial'))
    .map((name) => join(cacheDirectory, name));
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
