/** Prints the digests of the fixed plan's layers, made with the Node that runs this script. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compressions, type Compression } from '../../src/oci/compression-name.ts';
import { writeLayer } from '../../src/oci/layer-file.ts';
import { fixedDownload, fixedPlan, sha256 } from './fixed-plan.ts';

const directory = mkdtempSync(join(tmpdir(), 'fixed-layers-'));
try {
  const content = fixedDownload();
  writeFileSync(join(directory, 'download'), content);
  const downloaded = new Map([[sha256, { path: join(directory, 'download'), bytes: content.length }]]);
  const write = async (compression: Compression, modificationTime: number) => {
    const path = join(directory, `${compression}-${modificationTime}`);
    return await writeLayer(fixedPlan, path, { compression, downloaded, modificationTime }).then(
      ({ digest, diffId }) => ({ digest, diffId }),
      (cause: unknown) => String(cause),
    );
  };
  const layers: Record<string, unknown> = {};
  for (const compression of compressions) layers[compression] = await write(compression, 1_700_000_000);
  layers['in 2100'] = await write('none', 4_102_444_800);
  process.stdout.write(JSON.stringify(layers));
} finally {
  rmSync(directory, { recursive: true });
}
