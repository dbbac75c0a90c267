import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { crateSource } from '../../support/crate.ts';
import { cached, cacheRoot, keyOf } from './cache.ts';
import { contained } from './host.ts';
import type { NixTarball } from './nix-tarball.ts';
import { nixTarball } from './nix-tarball.ts';

/**
 * Determinate's nix-installer as published on crates.io. It differs from the pinned release 3.21.9 as follows:
 * - It installs upstream Nix unless it is given `--determinate`; 3.21.9 installs Determinate Nix unless it is given
 *   `--prefer-upstream-nix`, which 0.23.0 does not know.
 * - Its ostree planner sets up upstream's daemon beside determinate-nixd; nix-installer.patch changes that.
 * - The Nix it carries is the tarball it was built with; the determinate-nixd it carries is a stand-in, because the
 *   real one is in no package registry.
 */
export const nixInstallerVersion = '0.23.0';

const standIn = join(import.meta.dirname, 'stand-in-for-determinate-nixd');
const patch = join(import.meta.dirname, 'nix-installer.patch');

// Link-time optimisation would cost minutes and change nothing a scenario looks at.
const profile = ['lto=false', 'opt-level=1', 'codegen-units=16'];

/** The path of a nix-installer that carries the given Nix; cargo takes two minutes the first time, then one. */
export const nixInstaller = async (tarball?: NixTarball): Promise<string> => {
  const carried = tarball ?? (await nixTarball());
  const key = keyOf(
    nixInstallerVersion,
    carried.key,
    await readFile(standIn, 'utf8'),
    await readFile(patch, 'utf8'),
    ...profile,
  );
  const directory = await cached('nix-installer', key, async (partial) => {
    const source = await patchedSource(partial);
    const cargo = [
      ...['-n', '5', 'cargo', 'install', '--locked', '--no-track', '--path', source],
      ...['--root', partial, '--target-dir', join(cacheRoot, 'cargo-target')],
      ...profile.flatMap((setting) => ['--config', `profile.release.${setting}`]),
    ];
    const env = { NIX_INSTALLER_TARBALL_PATH: carried.path, DETERMINATE_NIXD_BINARY_PATH: standIn };
    await execa(...contained('nice', ...cargo), { env });
    await rm(source, { recursive: true });
  });
  return join(directory, 'bin', 'nix-installer');
};

/** The crate's source with the patch, below `directory`. */
const patchedSource = async (directory: string): Promise<string> => {
  const [dependent, source] = [join(directory, 'dependent'), join(directory, 'source')];
  await cp(await crateSource('nix-installer', nixInstallerVersion, dependent), source, { recursive: true });
  await execa('patch', ['--strip', '1', '--directory', source, '--input', patch]);
  await rm(dependent, { recursive: true });
  return source;
};

/** Makes it install what the pinned release installs by default: Determinate Nix, run by determinate-nixd. */
export const determinateArguments = ['--determinate'];
