import { pruneCache } from './cache.ts';
import { requireHost } from './host.ts';
import { baseImage, pruneImages } from './image.ts';

/** Before all scenarios: checks the machine, clears away what is no longer needed, makes the base if it is not there. */
export const setup = async (): Promise<void> => {
  requireHost();
  await pruneCache({ debian: 1, base: 1, disks: 24, 'nix-tarball': 4, 'nix-installer': 2 });
  const { name } = await baseImage();
  await pruneImages(name, 24);
};
