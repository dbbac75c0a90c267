import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pRetry from 'p-retry';
import type { Artifact } from './artifact.ts';
import { cleaningUp } from '../temporary/signals.ts';
import { digestOf } from './digest.ts';
import { diskFailed, failure, isTransient, wrongDigest } from './error.ts';
import type { ProgressSink } from './progress.ts';
import { beginTransfer, transfer } from './transfer.ts';

/** A file whose digest is verified: in the cache, or where a `file:` url says. */
export type Fetched = { path: string; bytes: number; fromCache: boolean };

export type FetchOptions = {
  /** Made when missing. Several processes may use it at once. */
  cacheDirectory: string;
  progress: ProgressSink;
  /** How often to try again, where that can help. */
  retries?: number;
  /** The wait before the first of them; it doubles each time, up to 30 s, and is stretched at random up to double. */
  firstWaitMilliseconds?: number;
  /** How long nothing may arrive before an attempt ends. */
  stallMilliseconds?: number;
  /** What is larger is refused; by default 1 GiB, as at first boot. */
  mostBytes?: number;
};

/** Fetches a file by its digest: from the cache, from disk (`file:`), or over https. Throws a `UserError`. */
export async function fetchByDigest(artifact: Artifact, options: FetchOptions): Promise<Fetched> {
  const { name, sha256, url } = artifact;
  // It becomes a file name, so nothing else may pass.
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError(`${name}: "${sha256}" is not a SHA-256`);
  if (url.startsWith('file:')) return readLocal(artifact);
  requireHttps(artifact);
  const { progress, cacheDirectory } = options;
  const path = join(cacheDirectory, sha256);
  try {
    mkdirSync(cacheDirectory, { recursive: true });
    removeAbandoned(cacheDirectory);
    if (statSync(path, { throwIfNoEntry: false })) {
      const cached = digestOf(path);
      if (cached.sha256 === sha256) {
        progress({ kind: 'done', name, bytes: cached.bytes, fromCache: true });
        return { path, bytes: cached.bytes, fromCache: true };
      }
      const text = `the cached copy is damaged (sha256 ${cached.sha256} in ${path}); downloading it again`;
      progress({ kind: 'note', name, text });
    }
    const bytes = await download(artifact, path, options);
    progress({ kind: 'done', name, bytes, fromCache: false });
    return { path, bytes, fromCache: false };
  } catch (error) {
    progress({ kind: 'failed', name });
    throw isSystemError(error) ? diskFailed(artifact, cacheDirectory, error) : error;
  }
}

/** Downloads into a file of this run's own, which gets its name in the cache only when its digest is verified. */
async function download(artifact: Artifact, path: string, options: FetchOptions): Promise<number> {
  const { progress, retries = 5, firstWaitMilliseconds = 1000 } = options;
  const { stallMilliseconds = 30_000, mostBytes = 1024 ** 3 } = options;
  const { name, url } = artifact;
  const partial = `${path}.${randomUUID()}${partialSuffix}`;
  const received = (bytes: number, total: number | undefined): void =>
    progress({ kind: 'received', name, bytes, total });
  progress({ kind: 'start', name, url });
  const file = await open(partial, 'ax');
  const remove = (): void => rmSync(partial, { force: true });
  const attempts = async (): Promise<number> => {
    const state = beginTransfer(file);
    await pRetry(() => transfer(artifact, state, { stallMilliseconds, mostBytes, received }), {
      retries,
      minTimeout: firstWaitMilliseconds,
      maxTimeout: 30_000,
      randomize: true,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (retriesLeft === 0 || !isTransient(error)) return;
        progress({ kind: 'note', name, text: `${error.message.slice(name.length + 2)}; trying again` });
        await wait(error.retryAfter);
      },
      shouldRetry: ({ error }) => isTransient(error),
    });
    renameSync(partial, path);
    return state.received;
  };
  try {
    return await cleaningUp(remove, attempts);
  } finally {
    await file.close();
    remove();
  }
}

const partialSuffix = '.partial';

/** Removes what killed runs left. A running download writes more often than every hour. */
function removeAbandoned(cacheDirectory: string): void {
  for (const name of readdirSync(cacheDirectory)) {
    if (!name.endsWith(partialSuffix)) continue;
    const path = join(cacheDirectory, name);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (modified < Date.now() - 3_600_000) rmSync(path, { force: true });
  }
}

function readLocal(artifact: Artifact): Fetched {
  let path: string;
  try {
    path = fileURLToPath(artifact.url);
  } catch (error) {
    throw badUrl(artifact, error instanceof Error ? error.message : String(error));
  }
  const unreadable = (reason: string, cause?: unknown) =>
    failure(artifact, `cannot be read: ${reason}`, 'name a regular file that you may read', { cause });
  try {
    if (!statSync(path).isFile()) throw unreadable('it is not a regular file');
    const { sha256, bytes } = digestOf(path);
    if (sha256 !== artifact.sha256) throw wrongDigest(artifact, sha256, bytes);
    return { path, bytes, fromCache: false };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw unreadable(error.message, error);
    throw failure(artifact, 'no such file', 'check the path; it must be absolute', { cause: error });
  }
}

/** Throws a helpful message for a url that fetch would refuse with an unhelpful one. */
function requireHttps(artifact: Artifact): void {
  const url = URL.parse(artifact.url);
  if (url === null) throw badUrl(artifact, 'not a URL');
  if (url.protocol !== 'https:') throw badUrl(artifact, `${url.protocol} is not supported`);
  if (url.username || url.password) throw badUrl(artifact, 'a user name or password in the URL is not supported');
}

const badUrl = (artifact: Artifact, reason: string) =>
  failure(artifact, reason, 'use an https: URL, or file: with an absolute path');

const isSystemError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;
