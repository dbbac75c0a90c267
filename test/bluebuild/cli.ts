import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from '../boot/lab/cache.ts';
import { crateSource } from '../support/crate.ts';

const version = '0.9.40';

/** The crate's own tests hold the schemas that schema.blue-build.org had when they were written. */
export async function schemasOfCrate(): Promise<string> {
  return cached('bluebuild-schema', keyOf(version), async (partial) => {
    const dependent = join(partial, 'dependent');
    await cp(join(await crateSource('blue-build', version, dependent), 'test-files/schema'), partial, {
      recursive: true,
    });
    await rm(dependent, { recursive: true });
  });
}
