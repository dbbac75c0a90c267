import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, pruneCache, pruneRunDirectories } from './cache.ts';
import { requireHost } from './host.ts';
import { baseImage, pruneImages } from './image.ts';

const runs = '/run/bluebuild-nix-boot-lab-runs';

/** Whether this run is the only one on this machine; each has a file named by its process id. */
const isAlone = async (): Promise<boolean> => {
  await mkdir(runs, { recursive: true });
  await writeFile(join(runs, String(process.pid)), '');
  let others = 0;
  for (const name of await readdir(runs)) {
    if (!isRunning(Number(name))) await rm(join(runs, name), { force: true });
    else if (Number(name) !== process.pid) others += 1;
  }
  return others === 0;
};

/**
 * Before all scenarios: checks the machine, removes what is no longer needed, and makes the base if it does not exist.
 */
export const setup = async (): Promise<void> => {
  requireHost();
  await pruneRunDirectories();
  // Another run may still be using what looks left behind.
  const mayPrune = await isAlone();
  if (mayPrune)
    await pruneCache({ debian: 2, base: 2, disks: 24, 'nix-tarball': 4, 'nix-installer': 4, installed: 12 });
  await baseImage();
  if (mayPrune) await pruneImages(24);
};

/** After all scenarios. */
export const teardown = async (): Promise<void> => {
  await rm(join(runs, String(process.pid)), { force: true });
};
