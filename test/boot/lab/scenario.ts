import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'vitest';
import type { Backend } from './backend.ts';
import { cacheRoot, makeRunDirectory } from './cache.ts';
import type { Image, ImageRecipe } from './image.ts';
import { buildImage } from './image.ts';
import type { Machine, MachineOptions, OwnedMachine } from './machine.ts';
import { makeMachine } from './machine.ts';

/** What a scenario works with; all of it is removed when the scenario ends. */
export type Lab = {
  image: (recipe: ImageRecipe) => Promise<Image>;
  /** A machine, switched off, whose disk holds the image. */
  machine: (image: Image, options?: MachineOptions) => Promise<Machine>;
  /** A directory for files of this scenario on the host. */
  directory: string;
  /** What deploys and boots the images of its machines. */
  backend: Backend;
  /** The same lab with machines of another backend. */
  on: (backend: Backend) => Lab;
};

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 80);

/**
 * A test that boots machines. `limit` is in seconds (default 600) and includes the time for making what the cache
 * lacks.
 * When it fails, console and journal of each machine's last boot are kept in the cache's `failures/NAME/`, and their
 * ends are shown with the error.
 */
export const scenario = (name: string, run: (lab: Lab) => Promise<void>, limit = 600): void => {
  // The lab's own limit comes first, so that there is time to keep the evidence.
  test(name, { timeout: (limit + 180) * 1000 }, async () => {
    const failures = join(cacheRoot, 'failures', slug(name));
    await rm(failures, { recursive: true, force: true });
    const directory = await makeRunDirectory();
    const machines: OwnedMachine[] = [];
    const labOn = (backend: Backend): Lab => ({
      directory,
      backend,
      image: buildImage,
      machine: async (image, options) => {
        const name = `machine-${machines.length + 1}`;
        const machine = await makeMachine(name, image, directory, { ...options, backend });
        machines.push(machine);
        return machine;
      },
      on: labOn,
    });
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`the scenario took longer than ${limit} s`)), limit * 1000);
    try {
      await Promise.race([run(labOn('ostree')), expired]);
    } catch (error) {
      await mkdir(failures, { recursive: true });
      const shown: string[] = [];
      for (const machine of machines) {
        shown.push(await machine.keepEvidence(failures).catch((reason: unknown) => `no evidence: ${String(reason)}`));
      }
      if (error instanceof Error) error.message += `\n\n${shown.join('\n\n')}\n\nKept in ${failures}`;
      throw error;
    } finally {
      clearTimeout(timer);
      for (const machine of machines) await machine.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
};
