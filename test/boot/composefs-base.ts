import { dirname, join } from 'node:path';
import { composefsSetupRoot } from './lab/composefs-programs.ts';
import { buildImage } from './lab/image.ts';
import type { Lab } from './lab/scenario.ts';

const tree = join(import.meta.dirname, 'lab/composefs-tree');

/**
 * The name, for a `FROM`, of a base whose initramfs has bootc's composefs-native backend. With `ostree`, the initramfs
 * has ostree's backend too, as in bootc's own base images; otherwise the image has no ostree.
 */
export const composefsBase = async ({
  base = 'lab-base',
  ostree,
}: {
  base?: 'lab-base' | 'lab-selinux-base';
  ostree: boolean;
}): Promise<string> => {
  const withoutOstree =
    'dpkg --purge --no-triggers ostree-boot && rm -rf /usr/lib/ostree && ' +
    "sed -i '/ ostree /d' /usr/lib/dracut/dracut.conf.d/50-lab.conf";
  const { name } = await buildImage({
    containerfile: [
      `FROM ${base}`,
      'RUN cp -r --no-preserve=ownership /lab-tree/. / && cp /lab-programs/composefs-setup-root /usr/bin/',
      ...(ostree ? [] : [`RUN ${withoutOstree}`]),
      'RUN kernel=$(ls /usr/lib/modules) && mkdir -p /var/tmp && \\',
      '  dracut --quiet --no-hostonly --force --kver "$kernel" "/usr/lib/modules/$kernel/initramfs.img"',
      '',
    ].join('\n'),
    volumes: [`${tree}:/lab-tree:ro`, `${dirname(await composefsSetupRoot())}:/lab-programs:ro`],
  });
  return name;
};

/** The base for this lab's backend, for a `FROM`: a base of the lab itself, or one with composefs-native alone. */
export const baseFor = async (
  { backend }: Pick<Lab, 'backend'>,
  base: 'lab-base' | 'lab-selinux-base' = 'lab-base',
): Promise<string> => (backend === 'ostree' ? base : composefsBase({ base, ostree: false }));
