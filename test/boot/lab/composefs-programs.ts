import { join } from 'node:path';
import { execa } from 'execa';
import { cached, cacheRoot, keyOf } from './cache.ts';
import { contained } from './host.ts';

const version = '0.9.4';

const installed = async (crate: string, ...features: string[]): Promise<string> => {
  const directory = await cached(crate, keyOf(version, ...features), async (partial) => {
    const cargo = [
      ...['-n', '5', 'cargo', 'install', '--locked', '--no-track', `${crate}@${version}`, ...features],
      ...['--root', partial, '--target-dir', join(cacheRoot, 'cargo-target')],
    ];
    await execa(...contained('nice', ...cargo));
  });
  return join(directory, 'bin');
};

/**
 * The path of composefs-setup-root, which mounts a composefs-native root in an initramfs; bootc's own program for that
 * (bootc-root-setup.service) is derived from it and reads the same file. It takes cargo minutes to build.
 */
export const composefsSetupRoot = async (): Promise<string> =>
  join(await installed('composefs-setup-root'), 'composefs-setup-root');

/**
 * The path of cfsctl, which puts an image into a composefs repository and prepares it for boot, using the same library
 * as bootc. It takes cargo a quarter of an hour to build.
 */
export const cfsctl = async (): Promise<string> =>
  join(await installed('composefs-ctl', '--no-default-features', '--features', 'pre-6.15,oci'), 'cfsctl');
