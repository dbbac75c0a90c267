import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestProject } from 'vitest/node';
import { baseTarball } from './base.ts';
import { build, importTarball, release } from './buildah.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The storage with the images `base` and `module`. */
    storage: string;
  }
}

const repository = join(import.meta.dirname, '../..');

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  if (process.getuid?.() !== 0) throw new Error('the image tests need root: they build images and read them back');
  const storage = await mkdtemp(join(tmpdir(), 'bluebuild-nix-image-'));
  await mkdir(join(storage, 'tmp'));
  const [tarball] = await Promise.all([
    baseTarball(),
    execa({ cwd: repository, preferLocal: true })('node', ['modules/build.ts']),
  ]);
  await importTarball(storage, tarball, 'base');
  const { exitCode, log } = await build(storage, join(repository, 'modules/nix'), 'module');
  if (exitCode !== 0) throw new Error(`the module image cannot be built:\n${log}`);
  provide('storage', storage);
  return async () => {
    await release(storage);
    await rm(storage, { recursive: true });
  };
}
