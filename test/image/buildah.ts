import { join } from 'node:path';
import { execa } from 'execa';

/** Where a test run keeps its images: a storage of its own, away from the machine's. */
export type Storage = string;

const run = (storage: Storage) =>
  execa({
    env: {
      BUILDAH_ISOLATION: 'chroot',
      // Cache mounts lie in TMPDIR/buildah-cache: of this run only.
      TMPDIR: join(storage, 'tmp'),
      STORAGE_DRIVER: 'overlay',
    },
    all: true,
  });

const buildah = (storage: Storage, ...options: string[]) =>
  run(storage)('buildah', ['--root', join(storage, 'root'), '--runroot', join(storage, 'run'), ...options]);

export type Built = { exitCode: number; log: string };

/** Builds `directory`'s Containerfile; never from a layer of an earlier build. */
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

/** Makes an image of a tarball of its root. */
export async function importTarball(storage: Storage, tarball: string, tag: string): Promise<void> {
  const { stdout: container } = await buildah(storage, 'from', 'scratch');
  await buildah(storage, 'add', '--quiet', container, tarball, '/');
  await buildah(storage, 'commit', '--quiet', '--rm', container, tag);
}

/** Whether there is such an image. */
export async function exists(storage: Storage, tag: string): Promise<boolean> {
  const { stdout } = await buildah(storage, 'images', '--noheading', '--format', '{{.Name}}');
  return stdout.split('\n').includes(`localhost/${tag}`);
}

/** Gives `read` the root of an image on this machine's disk, for as long as it runs. */
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

/** Ends what may still be mounted, so that the storage can be removed. */
export async function release(storage: Storage): Promise<void> {
  await buildah(storage, 'umount', '--all');
  await buildah(storage, 'rm', '--all');
}
