import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Backend } from './backend.ts';
import { cached, keyOf } from './cache.ts';
import { cfsctl } from './composefs-programs.ts';
import { contained } from './host.ts';
import type { Image } from './image.ts';
import { baseImage, storage, storageArguments } from './image.ts';

type Maker = { script: string; argumentsFor: (image: Image, to: string, size: string) => Promise<string[]> };

const makers: Record<Backend, Maker> = {
  ostree: {
    script: 'image-to-disk.sh',
    argumentsFor: async (image, to, size) => {
      const { base } = await baseImage();
      return [base.root, image.name, to, size, '--', 'buildah', ...storageArguments];
    },
  },
  'composefs-native': {
    script: 'image-to-composefs-disk.sh',
    argumentsFor: async (image, to, size) => {
      const { base } = await baseImage();
      return [await cfsctl(), base.root, `containers-storage:${storage}${image.name}`, to, size];
    },
  },
};

/**
 * The path of a raw ext4 disk on which a backend has deployed the image: real ostree with composefs (stateroot `lab`,
 * ref `lab`), or composefs-rs in the way of bootc's composefs-native backend. It is cached and must not be written to:
 * boot it through an overlay. `size` is what truncate(1) takes.
 */
export const diskOf = async (image: Image, size = '6G', backend: Backend = 'ostree'): Promise<string> => {
  const { script: name, argumentsFor } = makers[backend];
  const script = join(import.meta.dirname, name);
  const directory = await cached('disks', keyOf(image.key, size, await readFile(script, 'utf8')), async (partial) => {
    const arguments_ = await argumentsFor(image, partial, size);
    await execa(...contained('nice', '-n', '5', 'bash', script, ...arguments_));
  });
  return join(directory, 'disk.img');
};
