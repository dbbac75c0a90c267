import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { nixTarball } from './lab/nix-tarball.ts';
import type { NixImage } from './nix-image.ts';

/** Options of `nixImage` for `installer: native` with the Nix of a Debian suite; `trixie` has the older one. */
export const native = async (suite: 'forky' | 'trixie' = 'forky'): Promise<NixImage> => {
  const { path, version } = await nixTarball(suite);
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  const installer = { provider: 'native', version, url: `file:///tmp/files/${basename(path)}`, sha256 };
  return { entry: { installer }, files: dirname(path) };
};
