// One download in a process of its own: {artifact, cacheDirectory, retries} on standard input, and on standard output what
// it gave. The message of a failure goes to standard error.
import { json } from 'node:stream/consumers';
import type { Artifact } from '../../../src/download/artifact.ts';
import { fetchByDigest } from '../../../src/download/fetch-by-digest.ts';

type Input = { artifact: Artifact; cacheDirectory: string; retries: number };
const { artifact, ...options } = (await json(process.stdin)) as Input;
try {
  const fetched = await fetchByDigest(artifact, { ...options, progress: () => {}, firstWaitMilliseconds: 1 });
  process.stdout.write(JSON.stringify(fetched));
} catch (error) {
  process.stderr.write(`${error}\n`);
  process.exitCode = 1;
}
