import { stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pRetry from 'p-retry';
import { beginPartial, cachedPath, dropPartial, finishPartial, keepPartial, readCached } from './cache.ts';
import { digestOf } from './digest.ts';
import { badUrl, diskFailed, isDownloadError, noSuchFile, unreadable, wrongDigest } from './error.ts';
import { requireDigest } from './source.ts';
import { requireHttps, transfer } from './transfer.ts';
import type { DownloadError } from './error.ts';
import type { ProgressSink } from './progress.ts';
import type { Source } from './source.ts';

/** A file whose digest has been checked: in the cache, or where a `file:` address says. */
export type Fetched = { path: string; bytes: number; fromCache: boolean };

export type FetchOptions = {
  /** Made when missing. Several processes may use it at once. */
  cacheDirectory: string;
  progress: ProgressSink;
  /** Ends the download and rejects with the signal's reason; what has come is kept. */
  signal?: AbortSignal;
  /** How often to try again, where that can help. */
  retries?: number;
  /** The wait before the first of them; it doubles each time, up to 30 s, and is stretched at random up to double. */
  firstWaitMilliseconds?: number;
  /** How long nothing may come before an attempt is given up. */
  stallMilliseconds?: number;
};

/**
 * Gives a file by its digest: from the cache, from disk (`file:`), or over https. Rejects with a DownloadError (see
 * error.ts), or the signal's reason.
 */
export async function fetchByDigest(source: Source, options: FetchOptions): Promise<Fetched> {
  requireDigest(source);
  if (source.url.startsWith('file:')) return readLocal(source);
  requireHttps(source);
  const { progress, cacheDirectory } = options;
  try {
    const path = cachedPath(cacheDirectory, source);
    const cached = await readCached(path);
    if (cached?.sha256 === source.sha256) {
      progress({ kind: 'done', name: source.name, bytes: cached.bytes, fromCache: true });
      return { path, bytes: cached.bytes, fromCache: true };
    }
    if (cached !== undefined) {
      const text = `the cached copy is damaged (sha256 ${cached.sha256} in ${path}); downloading it anew`;
      progress({ kind: 'note', name: source.name, text });
    }
    const bytes = await download(source, options);
    progress({ kind: 'done', name: source.name, bytes, fromCache: false });
    return { path, bytes, fromCache: false };
  } catch (error) {
    progress({ kind: 'failed', name: source.name });
    options.signal?.throwIfAborted();
    throw isSystemError(error) ? diskFailed(source, cacheDirectory, error) : error;
  }
}

async function download(source: Source, options: FetchOptions): Promise<number> {
  const {
    progress,
    cacheDirectory,
    signal,
    retries = 5,
    firstWaitMilliseconds = 1000,
    stallMilliseconds = 30_000,
  } = options;
  const partial = await beginPartial(cacheDirectory, source);
  const received = (bytes: number, total: number | undefined): void =>
    progress({ kind: 'received', name: source.name, bytes, total });
  let wrongDigests = 0;
  const helps = (error: Error): error is DownloadError => {
    if (!isDownloadError(error) || !error.passing) return false;
    // Once more from scratch: what was gone on from may have been bad. A second time it is the server's file.
    return error.code !== 'digest' || wrongDigests <= 1;
  };
  progress({ kind: 'start', name: source.name, url: source.url });
  try {
    const bytes = await pRetry(() => transfer(source, partial, { stallMilliseconds, signal, received }), {
      retries,
      minTimeout: firstWaitMilliseconds,
      maxTimeout: 30_000,
      randomize: true,
      ...(signal === undefined ? {} : { signal }),
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (isDownloadError(error) && error.code === 'digest') wrongDigests += 1;
        if (retriesLeft === 0 || !helps(error)) return;
        const what = error.message.slice(source.name.length + 2).split('\n')[0];
        progress({ kind: 'note', name: source.name, text: `${what}; trying again` });
        await wait(error.waitMilliseconds, undefined, signal === undefined ? {} : { signal });
      },
      shouldRetry: ({ error }) => helps(error),
    });
    await finishPartial(cacheDirectory, source, partial);
    return bytes;
  } catch (error) {
    // A full disk should not be left full of half a file.
    if (isSystemError(error)) await dropPartial(partial).catch(() => {});
    else await keepPartial(cacheDirectory, source, partial);
    throw error;
  }
}

async function readLocal(source: Source): Promise<Fetched> {
  let path: string;
  try {
    path = fileURLToPath(source.url);
  } catch (error) {
    throw badUrl(source, error instanceof Error ? error.message : String(error));
  }
  try {
    if (!(await stat(path)).isFile()) throw unreadable(source, new Error('it is not a regular file'));
    const { sha256, bytes } = await digestOf(path);
    if (sha256 !== source.sha256) throw wrongDigest(source, sha256, bytes);
    return { path, bytes, fromCache: false };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw error.code === 'ENOENT' || error.code === 'ENOTDIR' ? noSuchFile(source) : unreadable(source, error);
  }
}

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;
