import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Base, BaseVariant } from './base.ts';
import { baseKey, labBase } from './base.ts';
import { cacheRoot, keyOf, keyOfTree, makeRunDirectory } from './cache.ts';
import { contained, requireHost } from './host.ts';

/** Arguments that keep the lab's container storage in its own cache, apart from the machine's. */
export const storageArguments = [
  ...[
    '--root',
    join(cacheRoot, 'containers'),
    '--runroot',
    '/run/bluebuild-nix-boot-lab',
    '--storage-driver',
    'overlay',
  ],
];
/** The same storage, in the form in which skopeo's containers-storage: names begin with it. */
export const storage = `[overlay@${join(cacheRoot, 'containers')}+/run/bluebuild-nix-boot-lab]`;

const environment = { BUILDAH_ISOLATION: 'chroot' };

/** Mounts the root of a container in the lab's storage and gives the path; this process sees the mount too. */
export const mountRoot = async (container: string): Promise<string> =>
  (await execa('buildah', [...storageArguments, 'mount', container], { env: environment })).stdout;

/** Runs buildah with the lab's storage; rejects with its output when it fails. */
export const buildah = async (...args: string[]): Promise<string> => {
  const { stdout } = await execa(...contained('buildah', ...storageArguments, ...args), { env: environment });
  return stdout;
};

const exists = async (name: string): Promise<boolean> =>
  (await execa('buildah', [...storageArguments, 'inspect', '--type', 'image', name], { reject: false })).exitCode === 0;

const baseName = (key: string): string => `localhost/lab-base:${key}`;

/** The lab's base as an image in the lab's storage; its name is what a Containerfile's `FROM` takes. */
export const baseImage = async (variant: BaseVariant = 'plain'): Promise<{ name: string; base: Base }> => {
  requireHost();
  const base = await labBase(variant);
  const name = baseName(base.key);
  if (!(await exists(name))) {
    const container = await buildah('from', 'scratch');
    try {
      await buildah('add', '--quiet', container, base.root, '/');
      await buildah('config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', container);
      await buildah('commit', '--quiet', '--disable-compression', container, name);
    } finally {
      await buildah('rm', container);
    }
  }
  return { name, base };
};

/**
 * The recipe of an image. `containerfile` begins with `FROM lab-base` or, for an image with an SELinux policy, with
 * `FROM lab-selinux-base` (the lab replaces that with the name of its base); `context` is the directory that `COPY`
 * reads. `volumes` (`HOST:CONTAINER[:ro]`) are mounted in each `RUN`.
 */
export type ImageRecipe = { containerfile: string; context?: string; volumes?: string[] };

// Without its place on the host and without the texts for people: another checkout makes the same image.
const keyOfVolume = async (volume: string): Promise<string> => {
  const [host = '', ...place] = volume.split(':');
  return keyOf(...place, await keyOfTree(host, (name) => !name.endsWith('.md')));
};

/** An image in the lab's storage; `key` identifies everything that went into it, so its disks can be kept. */
export type Image = { name: string; key: string };

/**
 * Builds a recipe with buildah unless the same recipe has been built before. What a `RUN` reads from outside the
 * context and the volumes is not in the key, so it must not change.
 * Throws with buildah's own output.
 */
export const buildImage = async (recipe: ImageRecipe): Promise<Image> => {
  const variant = /^\s*FROM\s+lab-selinux-base\b/m.test(recipe.containerfile) ? 'selinux' : 'plain';
  const { name: from } = await baseImage(variant);
  const containerfile = recipe.containerfile.replace(/^(\s*FROM\s+)lab-(selinux-)?base\b/gm, `$1${from}`);
  const volumes = recipe.volumes ?? [];
  const key = keyOf(
    containerfile,
    recipe.context === undefined ? '' : await keyOfTree(recipe.context),
    ...(await Promise.all(volumes.map(keyOfVolume))),
  );
  const name = `localhost/lab-image:${key}`;
  if (await exists(name)) return { name, key };
  const directory = await makeRunDirectory();
  try {
    const file = join(directory, 'Containerfile');
    await writeFile(file, containerfile);
    await buildah(
      ...['build', '--quiet', '--pull-never', '--layers=false', '--file', file, '--tag', name],
      ...volumes.flatMap((volume) => ['--volume', volume]),
      recipe.context ?? directory,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
  return { name, key };
};

/**
 * Removes all of the lab's images except its current bases and the `keep` newest, and what killed builds left behind.
 */
export const pruneImages = async (keep: number): Promise<void> => {
  const bases = [baseName(await baseKey('plain')), baseName(await baseKey('selinux'))];
  await buildah('rm', '--all');
  await buildah('rmi', '--prune', '--force'); // images without a name, which a later build has replaced
  const list = await buildah('images', '--noheading', '--format', '{{.Name}}:{{.Tag}}'); // the newest first
  const names = list.split('\n').filter((name) => name !== '' && !bases.includes(name));
  const kept = names.filter((name) => name.startsWith('localhost/lab-image:')).slice(0, keep);
  for (const name of names) if (!kept.includes(name)) await buildah('rmi', '--force', name);
};
