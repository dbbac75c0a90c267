import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const codeCache = join(import.meta.dirname, 'code-cache.ts');

// The same to the byte each time: nothing of the machine, of chance or of threads may reach V8.
const options = {
  cwd: '/',
  env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  extendEnv: false,
  stdout: 'ignore',
} as const;
const sameEachTime = ['--predictable', '--hash-seed=1', '--random-seed=1'];

/** Makes V8's code cache of the program in `program`, with the Node that will use it (`command`, maybe by qemu). */
export async function makeCodeCache(command: readonly string[], program: string): Promise<void> {
  const [file = '', ...before] = command;
  const work = await mkdtemp(join(tmpdir(), 'bluebuild-nix-code-cache-'));
  try {
    await execa(file, [...before, ...sameEachTime, codeCache, 'make', program, work], options);
  } finally {
    await rm(work, { recursive: true });
  }
}

/** Throws where that Node does not take the code cache. V8 itself would say nothing, and compile. */
export async function checkCodeCache(command: readonly string[], program: string): Promise<void> {
  const [file = '', ...before] = command;
  await execa(file, [...before, codeCache, 'check', program], options);
}
