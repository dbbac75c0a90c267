import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labBase } from '../boot/lab/base.ts';
import { difference, readTree, type Tree } from './tree.ts';

const repository = join(import.meta.dirname, '../..');
const config = JSON.stringify({
  type: 'nix',
  'transient-root': 'initramfs',
  selinux: 'off',
  installer: { embed: false },
});

// The boot lab's base: a real kernel, dracut and ostree.
describe('bake with transient-root: initramfs, in a root with a real dracut', { timeout: 240_000 }, () => {
  let directory: string;
  let root: string;
  let initramfs: string;
  let before: Tree;

  const copyBase = async (name: string): Promise<string> => {
    const { root: base } = await labBase();
    const copy = join(directory, name);
    await execa('cp', ['-a', '--reflink=auto', base, copy]);
    return copy;
  };
  const start = (where = root, baked = config) =>
    execa({ cwd: repository, preferLocal: true, all: true, reject: false, forceKillAfterDelay: false })('node', [
      ...['src/cli.ts', 'bake', '--root', where, '--config', baked],
    ]);
  /** Bakes with one more file in the root, as a user's image may have it. */
  const startWith = async (path: string, text: string) => {
    const directory = dirname(join(root, path));
    const isNew = !existsSync(directory);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(root, path), text);
    const ended = await start();
    rmSync(isNew ? directory : join(root, path), { recursive: true });
    return ended;
  };
  const lsinitrd = async (...args: string[]) =>
    (await execa('chroot', [root, 'lsinitrd', ...args, `/usr/lib/modules/${initramfs}`])).stdout;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'initramfs-'));
    root = await copyBase('root');
    const [kernel = ''] = readdirSync(join(root, 'usr/lib/modules'));
    initramfs = `${kernel}/initramfs.img`;
    before = readTree(root);
  }, 240_000);
  afterAll(() => rmSync(directory, { recursive: true }));

  const expectUntouched = () => {
    expect(difference(before, readTree(root))).toEqual({ added: [], removed: [], changed: [] });
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(directory);
  };

  test('when dracut fails, its own words are shown and everything is as it was', async () => {
    const { exitCode, all } = await startWith(
      '/etc/dracut.conf.d/99-test.conf',
      'add_dracutmodules+=" no-such-one "\n',
    );
    expect(exitCode, all).toBe(1);
    expect(all).toMatch(
      /Module 'no-such-one' cannot be found[\s\S]*error: dracut failed for kernel \S+ \(exit code 1\)/,
    );
    expect(all).toContain('the image is unchanged');
    expectUntouched();
  });

  test('an initramfs without the hook is not taken, whatever dracut says', async () => {
    const remover = [
      '#!/bin/bash',
      'check() { return 0; }',
      'install() { rm -r "$initdir$systemdsystemunitdir/ostree-prepare-root.service.wants"; }',
    ];
    const { exitCode, all } = await startWith(
      '/usr/lib/dracut/modules.d/99zz-test/module-setup.sh',
      remover.join('\n'),
    );
    expect(exitCode, all).toBe(1);
    expect(all).toMatch(/error: the new initramfs of kernel \S+ has no \S+ostree-prepare-root.service.wants/);
    expectUntouched();
  });

  test('interrupted while dracut runs, it takes everything back', async () => {
    const baking = start();
    for await (const line of baking.iterable({ from: 'stderr' })) {
      if (String(line).startsWith('Rebuilding')) baking.kill('SIGTERM');
    }
    const { exitCode, all } = await baking;
    expect(exitCode, all).toBe(1);
    expect(all).toContain('interrupted while dracut ran');
    expectUntouched();
  });

  test('it puts the hook and what ostree needs into the initramfs, and changes nothing else but the plan', async () => {
    const { exitCode, all } = await start();
    expect(exitCode, all).toBe(0);
    expect(all).toMatch(/Rebuilt \/usr\/lib\/modules\/\S+: [\d.]+ MB \(before: [\d.]+ MB\), in [\d.]+ s/);
    const after = readTree(root);
    const { removed, changed, added } = difference(before, after);
    expect({ removed, changed }).toEqual({ removed: [], changed: [`/usr/lib/modules/${initramfs}`] });
    expect(
      added.filter(
        (path) =>
          !/^\/(nix$|etc\/determinate|usr\/(lib|libexec|share)\/|usr\/bin\/(bluebuild-)?nix)/.test(path) ||
          /\/\./.test(path),
      ),
    ).toEqual([]);
    expect(after.get(`/usr/lib/modules/${initramfs}`)).toMatchObject({ mode: '0600', owner: '0:0', modified: 0 });
    const listed = await lsinitrd();
    for (const path of [
      'usr/lib/systemd/system/ostree-prepare-root.service.wants/transient-root.service -> ../transient-root.service',
      'usr/lib/systemd/system/bootc-root-setup.service.wants/transient-root.service -> ../transient-root.service',
      'usr/lib/composefs/setup-root-conf.toml -> ../../../etc/composefs/setup-root-conf.toml',
      'usr/lib/ostree/ostree-prepare-root',
      'usr/lib/ostree/prepare-root.conf',
    ])
      expect(listed).toContain(` ${path}\n`);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(directory);
  });

  test('baking again finds it there and builds nothing', async () => {
    const baked = readTree(root);
    const { exitCode, all } = await start();
    expect({ exitCode, all }).toMatchObject({ exitCode: 0, all: expect.stringContaining('Nothing to do') });
    expect(all).not.toContain('Rebuil');
    expect(readTree(root)).toEqual(baked);
  });

  test('another root gets the same, to the byte', async () => {
    const other = await copyBase('other');
    expect(await start(other)).toMatchObject({ exitCode: 0 });
    const [one, another] = [root, other].map((where) => readTree(where));
    expect(one && another && difference(one, another)).toEqual({ added: [], removed: [], changed: [] });
    rmSync(other, { recursive: true });
  });

  test('an initramfs that does not know of a new prepare-root.conf is built again', async () => {
    const conf = '/usr/lib/ostree/prepare-root.conf';
    const text = `${readFileSync(join(root, conf), 'utf8')}[etc]\ntransient = true\n`;
    writeFileSync(join(root, conf), text);
    const { exitCode, all } = await start();
    expect(exitCode, all).toBe(0);
    expect(all).toContain('Rebuilt');
    expect(`${await lsinitrd('--file', conf)}\n`).toBe(text);
  });

  test('a later bake without it builds an initramfs without the hook', async () => {
    const { exitCode, all } = await start(root, config.replace('"initramfs"', '"karg"'));
    expect(exitCode, all).toBe(0);
    expect(all).toContain('Rebuilt');
    const listed = await lsinitrd();
    expect(listed).toContain(' usr/lib/ostree/ostree-prepare-root\n');
    expect(listed).not.toContain('transient-root');
    expect(existsSync(join(root, 'usr/lib/dracut/modules.d/99bluebuild-nix-transient-root'))).toBe(false);
  });
});
