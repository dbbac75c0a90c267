import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { colorsWhere } from '../../src/diagnostic/colors.ts';
import { bake } from '../../src/commands/bake.ts';
import { findModule } from '../../src/commands/module.ts';
import type { RecipeEntry } from '../../src/config/recipe-entry.ts';
import { programs } from '../../src/plan/native.ts';
import { manifestPath } from '../../src/plan/record.ts';
import { configurationOf, validEntry } from './arbitrary-entry.ts';
import { snapshotOf } from '../support/snapshot.ts';

const installer = '#!/bin/sh\n';
const sha256 = createHash('sha256').update(installer).digest('hex');
const module = findModule(join(import.meta.dirname, '../../src'));

let top: string;
beforeAll(() => {
  top = fs.mkdtempSync(join(tmpdir(), 'nix-rebake-'));
  fs.mkdirSync(join(top, 'files'));
  fs.writeFileSync(join(top, 'files/installer'), installer);
});
afterAll(() => fs.rmSync(top, { recursive: true }));

/** Makes a root like a base's: the directories that the module writes into, with a file of the base in each. */
function newRoot(): string {
  const root = fs.mkdtempSync(join(top, 'root-'));
  const kept = ['usr/bin', 'usr/lib/systemd/system', 'usr/lib/bootc/kargs.d', 'usr/lib/tmpfiles.d', 'etc/profile.d'];
  for (const directory of kept) {
    fs.mkdirSync(join(root, directory), { recursive: true });
    fs.writeFileSync(join(root, directory, 'base'), 'base');
  }
  setOldTimes(root);
  return root;
}

function setOldTimes(path: string): void {
  if (fs.lstatSync(path).isDirectory()) for (const name of fs.readdirSync(path)) setOldTimes(join(path, name));
  fs.lutimesSync(path, 1_000_000_000, 1_000_000_000);
}

/** Bakes an entry with the local installer in place of its download; gives what was printed. */
async function bakeEntry(root: string, entry: RecipeEntry): Promise<string> {
  const { provider = 'determinate', embed = true } =
    typeof entry.installer === 'object' ? entry.installer : { provider: entry.installer };
  const url = embed ? 'file:///tmp/files/installer' : 'https://example.org/installer';
  // The root has no SELinux policy.
  const selinux = entry.selinux === 'on' ? 'auto' : entry.selinux;
  const installer = provider === 'system' ? provider : { provider, embed, version: '1.0.0', url, sha256 };
  const json = JSON.stringify({ ...entry, selinux, installer });
  let printed = '';
  const write = (text: string) => (printed += text);
  const colors = colorsWhere(false);
  const output = { out: write, err: write, outColors: colors, errColors: colors, isTerminal: false, columns: () => 80 };
  const environment = { CONFIG_DIRECTORY: join(top, 'files') };
  await bake({ json }, { architecture: 'x86_64', root, cache: join(top, 'cache'), environment }, module, output);
  return printed;
}

/** Entries with a Nix of their own: an image with a distribution's Nix cannot take them. */
const ownNix = validEntry.filter((entry) => configurationOf(entry).installer.provider !== 'system');

test("`system`, then `system` elsewhere: as the second alone, and the package's files stay as they are", async () => {
  const roots = [newRoot(), newRoot()];
  for (const root of roots) {
    fs.mkdirSync(join(root, 'usr/bin'), { recursive: true });
    fs.mkdirSync(join(root, 'usr/lib/systemd/system'), { recursive: true });
    for (const name of programs) fs.writeFileSync(join(root, 'usr/bin', name), 'of the package');
    for (const kind of ['service', 'socket'])
      fs.writeFileSync(join(root, `usr/lib/systemd/system/nix-daemon.${kind}`), 'of the package');
    setOldTimes(root);
  }
  const [twice = '', only = ''] = roots;
  await bakeEntry(twice, { type: 'nix', installer: 'system', persistence: '/var/home/nix' });
  await bakeEntry(twice, { type: 'nix', installer: 'system' });
  await bakeEntry(only, { type: 'nix', installer: 'system' });
  expect(snapshotOf(twice)).toEqual(snapshotOf(only));
  for (const path of ['usr/bin/nix', 'usr/lib/systemd/system/nix-daemon.service'])
    expect(fs.readFileSync(join(twice, path), 'utf8')).toBe('of the package');
});

test(
  'baked twice with different recipes is the same to the byte as baked with the second alone',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(ownNix, ownNix, async (one, other) => {
        const [twice, once] = [newRoot(), newRoot()];
        await bakeEntry(twice, one);
        await bakeEntry(twice, other);
        await bakeEntry(once, other);
        expect(snapshotOf(twice)).toEqual(snapshotOf(once));
        for (const root of [twice, once]) fs.rmSync(root, { recursive: true });
      }),
      { numRuns: 25 },
    );
  },
);

test('`native` elsewhere, then the default: nothing of the first is left, and what goes is said', async () => {
  const root = newRoot();
  await bakeEntry(root, { type: 'nix', installer: 'native', persistence: '/var/home/nix' });
  const printed = await bakeEntry(root, { type: 'nix', 'transient-root': 'off' });
  for (const path of [
    '/usr/libexec/bluebuild/nix/nix.tar.xz',
    '/usr/lib/tmpfiles.d/nix-state.conf',
    '/etc/profile.d/nix.sh',
  ]) {
    expect(printed).toContain(`Removed ${path} of an earlier bake.\n`);
    expect(fs.existsSync(join(root, path)), path).toBe(false);
  }
  expect(fs.readdirSync(join(root, 'usr/lib/bootc/kargs.d'))).toEqual(['base']);
  expect(fs.readFileSync(join(root, 'usr/lib/systemd/system/nix.mount'), 'utf8')).toContain('What=/var/lib/nix\n');
});

test('what was changed since is kept, and named', async () => {
  const root = newRoot();
  await bakeEntry(root, { type: 'nix', installer: 'native' });
  const [edited, other] = ['etc/profile.d/nix.sh', 'usr/lib/tmpfiles.d/nix-state.conf'];
  fs.appendFileSync(join(root, edited), '# mine\n');
  fs.unlinkSync(join(root, other));
  fs.symlinkSync('mine', join(root, other));
  const printed = await bakeEntry(root, { type: 'nix' });
  for (const path of [edited, other]) {
    expect(printed).toContain(`/${path} was baked earlier and has changed since: it is kept`);
    expect(fs.lstatSync(join(root, path), { throwIfNoEntry: false }), path).toBeDefined();
  }
});

test('names of files in the manifest of a base reach no terminal and no log as a command', async () => {
  const root = newRoot();
  await bakeEntry(root, { type: 'nix' });
  const [kept, removed] = ['/\u001b[2Jkept', '/\r::warning::removed'];
  const manifest = JSON.parse(fs.readFileSync(join(root, manifestPath), 'utf8')) as { files: Record<string, object> };
  for (const path of [kept, removed]) fs.symlinkSync('target', join(root, path));
  manifest.files[kept] = { target: 'another' };
  manifest.files[removed] = { target: 'target' };
  fs.writeFileSync(join(root, manifestPath), JSON.stringify(manifest));
  const printed = await bakeEntry(root, { type: 'nix' });
  expect(printed).toContain('/\ufffd[2Jkept was baked earlier and has changed since');
  expect(printed).toContain('Removed /\ufffd::warning::removed of an earlier bake.\n');
});

test('a directory of the base behind a link is not reached into', async () => {
  const root = newRoot();
  await bakeEntry(root, { type: 'nix', installer: 'native' });
  const outside = join(top, 'outside');
  fs.renameSync(join(root, 'etc/profile.d'), outside);
  fs.symlinkSync(outside, join(root, 'etc/profile.d'));
  const before = snapshotOf(outside);
  await bakeEntry(root, { type: 'nix' });
  expect(snapshotOf(outside)).toEqual(before);
});

test('what a bake that was killed left is swept, and what it had moved away comes back', async () => {
  const root = newRoot();
  await bakeEntry(root, { type: 'nix' });
  const clean = snapshotOf(root);
  const gone = '4194304-0123456789ab';
  const unit = join(root, 'usr/lib/systemd/system/nix.mount');
  fs.renameSync(unit, join(dirname(unit), `.nix.mount.before.bluebuild-nix-${gone}`));
  fs.writeFileSync(join(root, `usr/lib/tmpfiles.d/.nix.conf.bluebuild-nix-${gone}`), 'half');
  fs.mkdirSync(join(root, `usr/share/.work.bluebuild-nix-${gone}/etc`), { recursive: true });
  await bakeEntry(root, { type: 'nix' });
  const after = snapshotOf(root);
  // Sweeping changes only the times of directories.
  const withoutTimes = (tree: typeof clean) =>
    Object.fromEntries(
      Object.entries(tree).map(([path, text]) => [path, text.replace(/^(directory \S+ \S+) \d+/, '$1')]),
    );
  expect(withoutTimes(after)).toEqual(withoutTimes(clean));
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s in the middle of a bake leaves the root as it was',
  async (signal) => {
    const root = newRoot();
    const before = snapshotOf(root);
    const child = spawn(process.execPath, [join(import.meta.dirname, 'bake-process.ts'), root, 'wait']);
    await once(child.stdout, 'data');
    expect(fs.existsSync(join(root, 'usr/lib/systemd/system/nix.mount'))).toBe(true);
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([null, signal]);
    expect(snapshotOf(root)).toEqual(before);
  },
);
