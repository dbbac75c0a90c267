import { createHash } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Image } from './lab/image.ts';
import { buildImage } from './lab/image.ts';
import { determinateArguments, nixInstaller, nixInstallerVersion } from './lab/nix-installer.ts';

const builtModule = join(import.meta.dirname, '../../modules');

/** The SHA-256 of the lab's nix-installer, in hexadecimal. */
export const installerDigest = async (): Promise<string> =>
  createHash('sha256')
    .update(await readFile(await nixInstaller()))
    .digest('hex');

export type NixImage = {
  /** More keys of the recipe entry; those of `installer` are merged with the lab's own and take precedence. */
  entry?: { installer?: Record<string, unknown>; [key: string]: unknown };
  /** The base image: `lab-base` (default), `lab-selinux-base`, or the name of an image in the lab's storage. */
  base?: string;
  /** Lines of the Containerfile before and after the module's. */
  before?: string[];
  after?: string[];
  /** A copy of `modules/` to use instead of the built one. */
  modules?: string;
  /** More directories to mount in each `RUN`, as `HOST:CONTAINER:ro`. */
  volumes?: string[];
  /** The project's `files/`, instead of the one with the lab's nix-installer. */
  files?: string;
};

/**
 * An image in which the module has run as BlueBuild runs it, with the lab's nix-installer as a file of the project. By
 * default the installer installs Determinate Nix; with `provider: nixos`, upstream's.
 */
export const nixImage = async ({
  entry = {},
  base = 'lab-base',
  before = [],
  after = [],
  modules,
  volumes = [],
  files,
}: NixImage = {}): Promise<Image> => {
  const { provider = 'determinate' } = entry.installer ?? {};
  const configuration = {
    type: 'nix',
    ...entry,
    installer:
      provider === 'system'
        ? provider
        : {
            version: nixInstallerVersion,
            url: 'file:///tmp/files/nix-installer',
            // Not computed if the entry has its own: building a nix-installer takes ten minutes.
            sha256: entry.installer?.['sha256'] ?? (await installerDigest()),
            ...(provider === 'determinate' && { args: determinateArguments }),
            ...entry.installer,
          },
  };
  const run = `RUN /tmp/modules/nix/nix.sh '${JSON.stringify(configuration)}'`;
  return buildImage({
    containerfile: [`FROM ${base}`, ...before, run, ...after, ''].join('\n'),
    volumes: [
      `${modules ?? builtModule}:/tmp/modules`,
      `${files ?? dirname(await nixInstaller())}:/tmp/files:ro`,
      ...volumes,
    ],
  });
};

/** A copy of the modules that stands for a later version: the descriptions of units differ. Gives its path. */
export const laterModule = async (directory: string): Promise<string> => {
  const modules = join(directory, 'modules');
  await cp(builtModule, modules, { recursive: true });
  // The files that the built program bakes (modules/build.ts), by part and path.
  const file = join(modules, 'nix/program/files.json');
  const files = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<string, string>>;
  for (const [part, unit] of [
    ['mount-point', 'nix.mount'],
    ['daemon', 'nix-daemon.service'],
    ['first-boot', 'nix-install.service'],
  ] as const) {
    const [of, path] = [files[part] ?? {}, `/usr/lib/systemd/system/${unit}`];
    of[path] = (of[path] ?? '').replace(/^Description=/m, 'Description=Later ');
  }
  await writeFile(file, JSON.stringify(files));
  return modules;
};
