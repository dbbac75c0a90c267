import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cached, keyOf } from '../boot/lab/cache.ts';
import { contained } from '../boot/lab/host.ts';
import { crateSource } from '../support/crate.ts';

const version = '0.9.40';

/** The tag of the image that BlueBuild takes cosign from. */
export const cosignOfBlueBuild = 'v3.1.4';

/** The folder with the schemas from the crate's tests: those of schema.blue-build.org when the tests were written. */
export async function schemasOfCrate(): Promise<string> {
  return cached('bluebuild-schema', keyOf(version), async (partial) => {
    const dependent = join(partial, 'dependent');
    await cp(join(await crateSource('blue-build', version, dependent), 'test-files/schema'), partial, {
      recursive: true,
    });
    await rm(dependent, { recursive: true });
  });
}

/**
 * The folder with BlueBuild's program `bluebuild`, built from the crate with cargo, which takes minutes the first time.
 * BlueBuild's releases are built without the feature for version 2 recipes.
 */
export async function blueBuildProgram(): Promise<string> {
  const directory = await cached('bluebuild', keyOf(version), async (partial) => {
    const target = join(partial, 'target');
    await mkdir(target);
    const cargo = [
      // A debug build: optimising takes longer than everything that the program does in a test.
      ...['-n', '5', 'cargo', 'install', '--locked', '--no-track', '--debug', `blue-build@${version}`],
      ...['--features', 'recipe-v2', '--root', partial, '--target-dir', target],
    ];
    await execa(...contained('nice', ...cargo));
    await rm(target, { recursive: true });
  });
  return join(directory, 'bin');
}
