/**
 * `npx node test/boot/look.ts DISK [KERNEL-ARGUMENT...]`: boots a disk that a scenario left (see README.md) and runs each line
 * of the standard input as a bash command of root in it. The disk stays as it is.
 */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { makeRunDirectory } from './lab/cache.ts';
import { makeMachine } from './lab/machine.ts';

const [disk, ...kernelArguments] = process.argv.slice(2);
if (disk === undefined) throw new Error('usage: npx node test/boot/look.ts DISK [KERNEL-ARGUMENT...]');
const directory = await makeRunDirectory();
const machine = await makeMachine('machine', { name: '', key: '' }, directory, { disk });
try {
  // As soon as there is a shell: what is to be looked at may be why it gets no further.
  const guest = await machine.boot({ kernelArguments, until: 'control' });
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'guest# ' });
  // Input that is piped may have ended before its first line has run.
  const prompt = (): void => (process.stdin.isTTY ? lines.prompt() : undefined);
  prompt();
  for await (const line of lines) {
    const { stdout, stderr } = await guest.run(line, 3600);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    prompt();
  }
} finally {
  await machine.close();
  await rm(directory, { recursive: true, force: true });
}
