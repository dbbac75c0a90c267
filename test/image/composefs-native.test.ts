import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composefsSetupRoot } from '../boot/lab/composefs-programs.ts';

const hook = join(
  import.meta.dirname,
  '../../modules/nix/files/initramfs/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root/transient-root',
);
const composefs = `composefs=${'a'.repeat(128)}`;

// The steps of the initramfs: the hook changes the configuration, then composefs-setup-root mounts a root with it.
describe('a root that composefs-setup-root mounts, by a configuration that the hook has changed', () => {
  let program: string;
  let directory: string;
  beforeAll(async () => {
    program = await composefsSetupRoot();
    directory = mkdtempSync(join(tmpdir(), 'composefs-native-'));
    const deployment = `sysroot/state/deploy/${'a'.repeat(128)}`;
    for (const path of ['image/etc', 'image/var', 'image/sysroot', `${deployment}/etc`, `${deployment}/var`])
      mkdirSync(join(directory, path), { recursive: true });
    for (const path of ['initramfs/proc', 'initramfs/etc/composefs'])
      mkdirSync(join(directory, path), { recursive: true });
  }, 1_200_000);
  afterAll(() => rmSync(directory, { recursive: true }));

  /** Whether writes to the new / stay in memory. Otherwise they go to `image`, the directory that is the test root. */
  const isTransient = async (configuration: string, argument: string): Promise<boolean> => {
    const path = join(directory, 'initramfs/etc/composefs/setup-root-conf.toml');
    writeFileSync(path, configuration);
    writeFileSync(join(directory, 'initramfs/proc/cmdline'), `${composefs} ${argument}\n`);
    await execa('sh', [hook, join(directory, 'initramfs')]);
    const script = `set -eu; cd "$1"; mount --bind sysroot sysroot
      "$2" --sysroot "$1/sysroot" --config "$3" --root-fs image --cmdline "$4"
      touch "$1/sysroot/written" "$1/sysroot/var/kept"
      if [ -e image/written ]; then echo written through; rm image/written; else echo transient; fi
      test -e sysroot/var/kept`;
    const { stdout } = await execa('unshare', [
      ...['--mount', 'sh', '-c', script, 'sh', directory, program, path, composefs],
    ]);
    return stdout === 'transient';
  };

  test.each([
    ['', 'quiet', false],
    ['', 'root.transient=true', true],
    ['[etc]\nmount = "bind"\n\n[root]\n# as shipped\ntransient = false\n', 'root.transient', true],
    ['[etc]\nmount = "bind"\n[root]\ntransient = true\n', 'quiet', true],
    ['[root]\ntransient = true\n[var]\nmount = "bind"\n', 'root.transient=off', false],
    ['root = { transient = false }\n', 'root.transient=1', false],
  ])('%j with %s: transient %s', async (configuration, argument, transient) => {
    expect(await isTransient(configuration, argument)).toBe(transient);
  });
});
