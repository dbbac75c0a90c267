// Runs one download in a separate process: reads {artifact, cacheDirectory, retries} from standard input and writes the
// result to standard output. The message of a failure goes to standard error.
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
