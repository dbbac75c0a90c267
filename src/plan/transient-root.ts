import type { Config } from '../config/config.ts';
import type { ImageEntry } from './image-entry.ts';
import { type StaticFiles, staticEntries } from './static-files.ts';
import type { Step } from './step.ts';

const dracutModule = '/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root';

/** The kernel argument root.transient, and with `initramfs` the dracut module that makes ostree and bootc heed it. */
export function transientRootEntries({ transientRoot }: Config, files: StaticFiles): ImageEntry[] {
  return transientRoot === 'off' ? [] : staticEntries(files, transientRoot);
}

/** What makes the dracut module take effect: an initramfs that was built with it. */
export function transientRootSteps({ transientRoot }: Config): Step[] {
  if (transientRoot !== 'initramfs') return [];
  return [
    {
      kind: 'initramfs',
      path: '/usr/lib/modules/*/initramfs.img',
      holds: {
        '/usr/libexec/bluebuild/nix/transient-root': `${dracutModule}/transient-root`,
        '/usr/lib/systemd/system/transient-root.service': `${dracutModule}/transient-root.service`,
        '/usr/lib/systemd/system/transient-root-units.service': `${dracutModule}/transient-root-units.service`,
        ...Object.fromEntries(
          ['transient-root-label.service', 'service.d/50-transient-root-label.conf'].map((file) => [
            `/usr/share/bluebuild/nix/transient-root/${file}`,
            `${dracutModule}/booted/${file}`,
          ]),
        ),
      },
    },
  ];
}
