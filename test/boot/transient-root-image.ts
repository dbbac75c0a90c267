import { join } from 'node:path';
import type { Image } from './lab/image.ts';
import { buildImage } from './lab/image.ts';

const modules = join(import.meta.dirname, '../../modules');

/** An image in which the module has run. Its tests need no installed Nix, so nix-install.service is masked. */
export const transientRootImage = async (
  transientRoot: 'karg' | 'initramfs' | 'off',
  lines: string[] = [],
  base = 'lab-base',
): Promise<Image> => {
  const entry = { type: 'nix', 'transient-root': transientRoot, selinux: 'off', installer: { embed: false } };
  return buildImage({
    containerfile: [
      `FROM ${base}`,
      `RUN /tmp/modules/nix/nix.sh '${JSON.stringify(entry)}'`,
      'RUN ln -s /dev/null /etc/systemd/system/nix-install.service',
      ...lines,
    ].join('\n'),
    volumes: [`${modules}:/tmp/modules`],
  });
};
