import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const script = join(import.meta.dirname, 'base.sh');

/** A tarball of the Debian base, made on the first run (about a minute) and kept in the user's cache. */
export async function baseTarball(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bluebuild-nix/image');
  const key = createHash('sha256')
    .update(await readFile(script))
    .digest('hex');
  const tarball = join(cache, `base-${key.slice(0, 16)}.tar`);
  if (await stat(tarball).catch(() => undefined)) return tarball;
  await mkdir(cache, { recursive: true });
  const unfinished = `${tarball}.${randomUUID()}`;
  try {
    await execa({ stderr: 'inherit' })('nice', ['-n', '5', script, unfinished]);
    await rename(unfinished, tarball);
  } finally {
    await rm(unfinished, { force: true });
  }
  return tarball;
}
