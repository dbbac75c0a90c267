import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import { keyOf } from '../lab/cache.ts';
import { baseImage, buildah, storage } from '../lab/image.ts';
import { determinateArguments, nixInstaller, nixInstallerVersion } from '../lab/nix-installer.ts';
import { scenario } from '../lab/scenario.ts';
import { buildAndRun, nixFaults, waitForNix } from '../nix-guest.ts';
import { installerDigest } from '../nix-image.ts';

scenario(
  'an image to which `append` added Nix, with no container engine: first boot installs it',
  async (lab) => {
    const { name: base } = await baseImage();
    const layout = join(lab.directory, 'layout');
    await buildah('push', '--quiet', base, `oci:${layout}:base`);
    // A project as a user has it, with the installer among its files.
    const recipe = join(lab.directory, 'recipes/recipe.yml');
    await mkdir(dirname(recipe));
    await execa('cp', ['-r', dirname(await nixInstaller()), join(lab.directory, 'files')]);
    const installer = {
      version: nixInstallerVersion,
      url: 'file:///tmp/files/nix-installer',
      sha256: await installerDigest(),
      args: determinateArguments,
    };
    await writeFile(recipe, JSON.stringify({ modules: [{ type: 'nix', installer }] }));
    const program = join(import.meta.dirname, '../../../src/cli.ts');
    await execa(process.execPath, [
      program,
      'append',
      recipe,
      '--base',
      `oci:${layout}:base`,
      '-o',
      `oci:${layout}:nix`,
    ]);
    const { stdout: digest } = await execa('skopeo', ['inspect', '--format', '{{.Digest}}', `oci:${layout}:nix`]);
    const name = `localhost/lab-image:${keyOf(digest)}`;
    await execa('skopeo', ['copy', '--quiet', `oci:${layout}:nix`, `containers-storage:${storage}${name}`]);

    const machine = await lab.machine({ name, key: keyOf(digest) });
    const guest = await machine.boot();
    await waitForNix(guest);
    expect(await buildAndRun(guest, 'appended')).toBe('appended was built by nix');
    expect(await nixFaults(guest)).toEqual([]);
  },
  1200,
);
