import { join } from 'node:path';
import { execa } from 'execa';
import { cached, cacheRoot, keyOf } from './cache.ts';
import { contained } from './host.ts';

const version = '0.9.4';

/**
 * The path of composefs-setup-root, by which an initramfs mounts a composefs-native root; bootc's own program for it
 * (bootc-root-setup.service) grew out of it and reads the same file. Minutes with cargo the first time.
 */
export const composefsSetupRoot = async (): Promise<string> => {
  const directory = await cached('composefs-setup-root', keyOf(version), async (partial) => {
    const cargo = [
      ...['-n', '5', 'cargo', 'install', '--locked', '--no-track', `composefs-setup-root@${version}`],
      ...['--root', partial, '--target-dir', join(cacheRoot, 'cargo-target')],
    ];
    await execa(...contained('nice', ...cargo));
  });
  return join(directory, 'bin', 'composefs-setup-root');
};
