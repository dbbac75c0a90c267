import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, cacheRoot, keyOf } from './cache.ts';
import { contained } from './host.ts';
import type { NixTarball } from './nix-tarball.ts';
import { nixTarball } from './nix-tarball.ts';

/**
 * Determinate's nix-installer as crates.io has it. Where it differs from the pinned release 3.21.9, it differs here:
 * - It installs upstream Nix unless it is given `--determinate`; 3.21.9 installs Determinate Nix unless it is given
 *   `--prefer-upstream-nix`, which 0.23.0 does not know.
 * - The Nix it carries is the tarball it was built with; the determinate-nixd it carries is a stand-in that refuses to
 *   run, because no real one can be had.
 */
export const nixInstallerVersion = '0.23.0';

const standInForDeterminateNixd = '#!/bin/sh\necho "determinate-nixd: stand-in of the boot lab" >&2\nexit 1\n';

// Link-time optimisation would cost minutes and change nothing a scenario looks at.
const profile = ['lto=false', 'opt-level=1', 'codegen-units=16'];

/** The path of a nix-installer that carries the given Nix; two minutes with cargo the first time, then one. */
export const nixInstaller = async (tarball?: NixTarball): Promise<string> => {
  const carried = tarball ?? (await nixTarball());
  const key = keyOf(nixInstallerVersion, carried.key, standInForDeterminateNixd, ...profile);
  const directory = await cached('nix-installer', key, async (partial) => {
    const standIn = join(partial, 'stand-in-for-determinate-nixd');
    await writeFile(standIn, standInForDeterminateNixd);
    const cargo = [
      ...['-n', '5', 'cargo', 'install', '--locked', '--no-track', `nix-installer@${nixInstallerVersion}`],
      ...['--root', partial, '--target-dir', join(cacheRoot, 'cargo-target')],
      ...profile.flatMap((setting) => ['--config', `profile.release.${setting}`]),
    ];
    const env = { NIX_INSTALLER_TARBALL_PATH: carried.path, DETERMINATE_NIXD_BINARY_PATH: standIn };
    await execa(...contained('nice', ...cargo), { env });
  });
  return join(directory, 'bin', 'nix-installer');
};
