import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { bake, type Image } from '../nix-install/first-boot.ts';

/**
 * Runs bash on a machine with a baked image, this one's files below it, and gives what it prints. Rejects where it fails,
 * or where it writes to stderr.
 */
export async function onMachine(script: string, image: Image = {}): Promise<string> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'nix-desktop-'));
  try {
    const root = join(directory, 'image');
    await bake(image, root);
    const machine = join(import.meta.dirname, 'machine.sh');
    // What the script leaves running ends with it.
    const own = ['--mount', '--propagation', 'private', '--net', '--pid', '--fork', '--kill-child'];
    const { stdout, stderr } = await execa('unshare', [...own, machine, root, script]);
    if (stderr !== '') throw new Error(`on stderr:\n${stderr}\non stdout:\n${stdout}`);
    return stdout;
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}
