import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { colorsWhere } from '../../../src/diagnostic/colors.ts';
import { formatDiagnostics } from '../../../src/diagnostic/format.ts';
import { UserError } from '../../../src/diagnostic/user-error.ts';
import type { Artifact } from '../../../src/download/artifact.ts';
import { type Fetched, fetchByDigest, type FetchOptions } from '../../../src/download/fetch-by-digest.ts';
import type { Progress } from '../../../src/download/progress.ts';
import { type LoopbackServer, startServer, trust } from '../../support/loopback-server.ts';

/** The content of a file that no other test has, several TLS records long. */
export const content: Buffer = randomBytes(300_000);
export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const sha256 = sha256Of(content);

export const artifactAt = (url: string, more: Partial<Artifact> = {}): Artifact => ({
  url,
  sha256,
  name: 'installer',
  ...more,
});

type Setting = {
  cacheDirectory: string;
  seen: Progress[];
  notes: () => string[];
  fetch: (artifact: Artifact, options?: Partial<FetchOptions>) => Promise<Fetched>;
  /** The text that a user sees of the failure. Rejects unless the fetch fails with a `UserError`. */
  failure: (artifact: Artifact, options?: Partial<FetchOptions>) => Promise<string>;
  cacheNames: () => Promise<string[]>;
  remove: () => Promise<void>;
};

export let server: LoopbackServer;
export let setting: Setting;

/** Starts a server for the tests of a file, and gives each test an empty cache. `trusted`: this process trusts it. */
export function useServer({ trusted }: { trusted: boolean }): void {
  beforeAll(async () => {
    server = await startServer();
    if (trusted) await trust(server);
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    setting = await makeSetting();
    server.requests.length = 0;
  });
  afterEach(() => setting.remove());
}

/** Makes an empty cache and a fetch with waits that are short enough for tests. */
async function makeSetting(): Promise<Setting> {
  const directory = await mkdtemp(join(tmpdir(), 'download-test-'));
  const cacheDirectory = join(directory, 'cache');
  const seen: Progress[] = [];
  const fetch: Setting['fetch'] = (artifact, options) =>
    fetchByDigest(artifact, {
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
    failure: async (artifact, options) => {
      const error = await fetch(artifact, options).then(
        ({ path }) => new Error(`expected a failure, got ${path}`),
        (reason: unknown) => reason,
      );
      if (error instanceof UserError) return formatDiagnostics(error.diagnostics, 'text', colorsWhere(false));
      throw error;
    },
    cacheNames: () => readdir(cacheDirectory),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
