import { join } from 'node:path';
import { execa } from 'execa';

/** The folder with the images of a test run, separate from the machine's storage. */
export type Storage = string;

const run = (storage: Storage) =>
  execa({
    env: {
      BUILDAH_ISOLATION: 'chroot',
      // Cache mounts are in TMPDIR/buildah-cache, so they belong to this run only.
      TMPDIR: join(storage, 'tmp'),
      STORAGE_DRIVER: 'overlay',
    },
    all: true,
  });

const buildah = (storage: Storage, ...options: string[]) =>
  run(storage)('buildah', ['--root', join(storage, 'root'), '--runroot', join(storage, 'run'), ...options]);

export type Built = { exitCode: number; log: string };

/** Builds the Containerfile in `directory`; never reuses a layer of an earlier build. */
export async function build(storage: Storage, directory: string, tag: string, ...options: string[]): Promise<Built> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const platform = options.some((option) => option.startsWith('--platform'))
    ? []
    : ['--build-arg', `TARGETARCH=${architecture}`];
  const result = await run(storage)({ reject: false, timeout: 120_000 })('buildah', [
    ...['--root', join(storage, 'root'), '--runroot', join(storage, 'run')],
    ...['bud', '--no-cache', '--tag', tag, ...platform, ...options, directory],
  ]);
  return { exitCode: result.exitCode ?? -1, log: result.all ?? '' };
}

/** Makes an image from a tarball of its root. */
export async function importTarball(storage: Storage, tarball: string, tag: string): Promise<void> {
  const { stdout: container } = await buildah(storage, 'from', 'scratch');
  await buildah(storage, 'add', '--quiet', container, tarball, '/');
  await buildah(storage, 'commit', '--quiet', '--rm', container, tag);
}

/** Whether the storage has an image with this tag. */
export async function exists(storage: Storage, tag: string): Promise<boolean> {
  const { stdout } = await buildah(storage, 'images', '--noheading', '--format', '{{.Name}}');
  return stdout.split('\n').includes(`localhost/${tag}`);
}

/** Mounts an image on this machine and gives `read` the path of its root; unmounts it when `read` is done. */
export async function readImage<T>(storage: Storage, tag: string, read: (root: string) => Promise<T>): Promise<T> {
  const { stdout: container } = await buildah(storage, 'from', '--pull-never', `localhost/${tag}`);
  try {
    const { stdout: root } = await buildah(storage, 'mount', container);
    return await read(root);
  } finally {
    await buildah(storage, 'umount', container);
    await buildah(storage, 'rm', container);
  }
}

/** Unmounts and removes all containers, so that the storage can be removed. */
export async function release(storage: Storage): Promise<void> {
  await buildah(storage, 'umount', '--all');
  await buildah(storage, 'rm', '--all');
}
