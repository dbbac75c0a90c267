import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, keyOf, makeRunDirectory } from './cache.ts';
import { contained, debianTree } from './host.ts';

const script = join(import.meta.dirname, 'nix-tarball.sh');
const packages = ['nix-bin', 'nix-setup-systemd', 'ca-certificates'];

/**
 * A Nix binary tarball in the official layout: its `path` on the host, the `version` that its Nix reports, and a `key`.
 */
export type NixTarball = { path: string; version: string; key: string };

/** A real Nix of a Debian suite: `forky` has the newer one, `trixie` an older one, for upgrades. */
export const nixTarball = async (suite: 'forky' | 'trixie' = 'forky'): Promise<NixTarball> => {
  const key = keyOf(suite, packages.join(), await readFile(script, 'utf8'));
  const directory = await cached('nix-tarball', key, async (partial) => {
    const work = await makeRunDirectory();
    try {
      const tree = join(work, 'tree');
      await debianTree('extract', suite, packages, tree);
      await execa(...contained('nice', '-n', '5', 'bash', script, tree, suite, partial));
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  const [file] = await readdir(directory);
  const version = /^nix-([0-9.]+)-x86_64-linux\.tar\.xz$/.exec(file ?? '')?.[1];
  if (file === undefined || version === undefined) throw new Error(`${directory} does not hold a Nix tarball`);
  return { path: join(directory, file), version, key };
};
