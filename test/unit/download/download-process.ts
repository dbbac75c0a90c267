// One download in a process of its own: {source, cacheDirectory, retries} on standard input; on standard output what it
// gave, and by how many bytes the process's largest size grew. A failure's code and message go to standard error.
import { json } from 'node:stream/consumers';
import { fetchByDigest } from '../../../src/download/fetch-by-digest.ts';
import type { Source } from '../../../src/download/source.ts';

type Input = { source: Source; cacheDirectory: string; retries: number };
const { source, cacheDirectory, retries } = (await json(process.stdin)) as Input;
const before = process.resourceUsage().maxRSS;
try {
  const fetched = await fetchByDigest(source, {
    cacheDirectory,
    progress: () => {},
    retries,
    firstWaitMilliseconds: 1,
  });
  const grownBy = (process.resourceUsage().maxRSS - before) * 1024;
  process.stdout.write(JSON.stringify({ ...fetched, grownBy }));
} catch (error) {
  process.stderr.write(error instanceof Error && 'code' in error ? `${error.code}: ${error.message}\n` : `${error}\n`);
  process.exitCode = 1;
}
