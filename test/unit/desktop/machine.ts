import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { bake, type Image } from '../nix-install/first-boot.ts';

/**
 * Runs bash in a root with a baked image on top of this machine's files; gives what it prints. Rejects if it fails or
 * writes to stderr.
 */
export async function onMachine(script: string, image: Image = {}): Promise<string> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'nix-desktop-'));
  try {
    const root = join(directory, 'image');
    await bake(image, root);
    const machine = join(import.meta.dirname, 'machine.sh');
    // In a PID namespace, programs that the script leaves running end with it.
    const own = ['--mount', '--propagation', 'private', '--net', '--pid', '--fork', '--kill-child'];
    const { stdout, stderr } = await execa('unshare', [...own, machine, root, script]);
    if (stderr !== '') throw new Error(`on stderr:\n${stderr}\non stdout:\n${stdout}`);
    return stdout;
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
