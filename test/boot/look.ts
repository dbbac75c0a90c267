/**
 * `npx node test/boot/look.ts DISK [KERNEL-ARGUMENT...]`: boots a disk that a scenario left behind (see README.md) and
 * runs each line of standard input in it as a bash command, as root. The disk is not changed.
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
  // Waits only for the shell: the problem to look at may be what keeps the boot from getting any further.
  const guest = await machine.boot({ kernelArguments, until: 'control' });
  const lines = createInterface({ input: process.stdin, output: process.stdout, prompt: 'guest# ' });
  // No prompt for piped input, which may have ended before its first line has run.
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
