import { execa } from 'execa';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs a third-party program and gives its output; rejects if it fails. */
export async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await execa(program, args);
  return stdout;
}

/** buildah with its own storage, so that it neither sees nor changes the machine's images. */
export function makeBuildah(): { buildah: (...args: string[]) => Promise<string>; remove: () => Promise<void> } {
  const directory = mkdtempSync(join(tmpdir(), 'layer-buildah-'));
  const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run'), '--storage-driver', 'vfs'];
  const buildah = async (...args: string[]) => {
    const { stdout } = await execa('buildah', [...storage, ...args], { env: { BUILDAH_ISOLATION: 'chroot' } });
    return stdout.trim();
  };
  return {
    buildah,
    remove: async () => {
      await buildah('rm', '--all');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
