import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchByDigest } from '../../../src/download/fetch-by-digest.ts';
import { isDownloadError } from '../../../src/download/error.ts';
import type { DownloadError } from '../../../src/download/error.ts';
import type { FetchOptions, Fetched } from '../../../src/download/fetch-by-digest.ts';
import type { Progress } from '../../../src/download/progress.ts';
import type { Source } from '../../../src/download/source.ts';

/** A file no other test has, several TLS records long. */
export const content: Buffer = randomBytes(300_000);
export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const sha256 = sha256Of(content);

export const sourceAt = (url: string, more: Partial<Source> = {}): Source => ({
  url,
  sha256,
  name: 'installer',
  ...more,
});

export type Setting = {
  cacheDirectory: string;
  seen: Progress[];
  notes: () => string[];
  fetch: (source: Source, options?: Partial<FetchOptions>) => Promise<Fetched>;
  /** Rejects unless the fetch does, with a DownloadError. */
  failure: (source: Source, options?: Partial<FetchOptions>) => Promise<DownloadError>;
  cacheNames: () => Promise<string[]>;
  remove: () => Promise<void>;
};

/** An empty cache directory, and waits short enough for tests. */
export async function makeSetting(): Promise<Setting> {
  const directory = await mkdtemp(join(tmpdir(), 'download-test-'));
  const cacheDirectory = join(directory, 'cache');
  const seen: Progress[] = [];
  const fetch: Setting['fetch'] = (source, options) =>
    fetchByDigest(source, {
      cacheDirectory,
      progress: (progress) => void seen.push(progress),
      retries: 3,
      firstWaitMilliseconds: 1,
      stallMilliseconds: 2000,
      ...options,
    });
  return {
    cacheDirectory,
    seen,
    notes: () => seen.flatMap((progress) => (progress.kind === 'note' ? [progress.text] : [])),
    fetch,
    failure: async (source, options) => {
      const error = await fetch(source, options).then(
        ({ path }) => new Error(`expected a failure, got ${path}`),
        (reason: unknown) => reason,
      );
      if (isDownloadError(error)) return error;
      throw error;
    },
    cacheNames: () => readdir(cacheDirectory),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
