import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, keyOf } from './cache.ts';
import { contained } from './host.ts';
import type { Image } from './image.ts';
import { baseImage, storageArguments } from './image.ts';

const script = join(import.meta.dirname, 'image-to-disk.sh');

/**
 * The path of a raw ext4 disk on which real ostree has deployed the image with composefs (stateroot `lab`, ref `lab`).
 * It is cached and must not be written to: boot it through an overlay. `size` is what truncate(1) takes.
 */
export const diskOf = async (image: Image, size = '6G'): Promise<string> => {
  const { base } = await baseImage();
  const key = keyOf(image.key, size, await readFile(script, 'utf8'));
  const directory = await cached('disks', key, async (partial) => {
    const arguments_ = [script, base.root, image.name, partial, size, '--', 'buildah', ...storageArguments];
    await execa(...contained('nice', '-n', '5', 'bash', ...arguments_));
  });
  return join(directory, 'disk.img');
};
