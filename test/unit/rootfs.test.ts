import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/diagnostic/user-error.ts';
import { writeRootfs } from '../../src/rootfs/rootfs.ts';
import { readStaticFiles } from '../../src/commands/module.ts';
import { roomFor } from '../../src/plan/demand.ts';
import type { ImageEntry } from '../../src/plan/image-entry.ts';
import { entriesOf, makePlan } from '../../src/plan/plan.ts';
import type { CarryOut } from '../../src/plan/step.ts';
import { lookAtRoot } from '../../src/rootfs/image-root.ts';
import { configurationOf, validEntry } from './arbitrary-entry.ts';
import { needs } from '../support/requirement.ts';
import { changedPaths, snapshotOf } from '../support/snapshot.ts';

const files = readStaticFiles(join(import.meta.dirname, '../../modules/nix/files'));
const isRoot = process.getuid?.() === 0;
const installer = Buffer.from('#!/bin/sh\n');
const sha256 = createHash('sha256').update(installer).digest('hex');
const small = planOf({ type: 'nix', installer: { url: 'https://example.org/i', sha256 } });

let top: string;
let installerFile: string;
beforeAll(() => {
  top = fs.mkdtempSync(join(tmpdir(), 'nix-rootfs-'));
  installerFile = join(top, 'installer');
  fs.writeFileSync(installerFile, installer);
});
afterAll(() => fs.rmSync(top, { recursive: true }));

function planOf(entry: Parameters<typeof configurationOf>[0]): ImageEntry[] {
  return entriesOf(makePlan(configurationOf(entry), files, '0.0.0'));
}

/** Bakes like the command, which first checks that nothing in the root is in the way of an entry. */
async function bake(entries: readonly ImageEntry[], root: string, modificationTime = 0) {
  const refused = roomFor(entries).refusal(lookAtRoot(root).find, lookAtRoot(root).read);
  if (refused) throw new UserError(refused.message, refused.help);
  const downloads = entries.flatMap((entry) => (entry.kind === 'download' ? [entry.download.sha256] : []));
  const downloaded = new Map(downloads.map((digest) => [digest, installerFile]));
  return writeRootfs({ entries }, root, { modificationTime, ownedByRoot: isRoot, downloaded });
}

async function failure(run: () => Promise<unknown>): Promise<UserError> {
  try {
    await run();
  } catch (cause) {
    if (cause instanceof UserError) return cause;
    throw cause;
  }
  throw new Error('it did not fail');
}

/** Makes a new directory that nothing else uses. */
function newDirectory(): string {
  return fs.mkdtempSync(join(top, 'case-'));
}

/** Sets old times that every format for times stores exactly, so that every change shows. */
function setOldTimes(path: string): void {
  if (fs.lstatSync(path).isDirectory()) for (const name of fs.readdirSync(path)) setOldTimes(join(path, name));
  fs.lutimesSync(path, 1_000_000_000, 1_000_000_000);
}

describe('an empty root', () => {
  test('gets every entry of the plan, with its mode, owner and time, and nothing else', async () => {
    const root = join(newDirectory(), 'root');
    await bake(small, root, 86_400);
    const found = snapshotOf(root);
    const planned = new Map(small.map((entry) => [entry.path.slice(1), entry]));
    const parents = [...planned.keys()].flatMap((path) => parentsOf(path));
    expect(Object.keys(found).toSorted()).toEqual([...new Set([...planned.keys(), ...parents, ''])].toSorted());
    for (const path of Object.keys(found)) {
      const stat = fs.lstatSync(join(root, path));
      const entry = planned.get(path);
      if (isRoot) expect([stat.uid, stat.gid], path).toEqual([0, 0]);
      expect(stat.mtimeMs, path).toBe(86_400_000);
      if (entry?.kind === 'symlink') expect(fs.readlinkSync(join(root, path))).toBe(entry.target);
      else expect((stat.mode & 0o7777).toString(8), path).toBe((entry?.mode ?? 0o755).toString(8));
      if (entry?.kind === 'file') expect(fs.readFileSync(join(root, path)).equals(entry.content), path).toBe(true);
      if (entry?.kind === 'download') expect(fs.readFileSync(join(root, path)).equals(installer)).toBe(true);
    }
  });

  test('gets the same whatever the umask', async () => {
    const [open, closed] = [newDirectory(), newDirectory()];
    const before = process.umask();
    const program = join(import.meta.dirname, 'bake-process.ts');
    for (const [mask, root] of [
      ['000', open],
      ['077', closed],
    ] as const) {
      execFileSync('sh', [
        '-c',
        'umask "$1"; exec "$2" "$3" "$4"',
        'sh',
        mask,
        process.execPath,
        program,
        join(root, 'root'),
      ]);
    }
    expect(snapshotOf(join(open, 'root'))).toEqual(snapshotOf(join(closed, 'root')));
    expect(process.umask()).toBe(before);
  });

  test('two bakes are the same to the byte, and a second into one root changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(validEntry, async (entry) => {
        const [one, other] = [newDirectory(), newDirectory()];
        const planned = withSmallDownload(planOf(entry));
        for (const root of [one, other]) fs.lutimesSync(root, 0, 0);
        await bake(planned, one);
        await bake(planned, other);
        const first = snapshotOf(one);
        expect(snapshotOf(other)).toEqual(first);
        const again = await bake(planned, one, 5);
        expect(again.changed).toEqual([]);
        expect(snapshotOf(one)).toEqual(first);
        for (const root of [one, other]) fs.rmSync(root, { recursive: true });
      }),
      { numRuns: 10 },
    );
  });
});

/** The entries with every download replaced by the local installer. */
function withSmallDownload(entries: readonly ImageEntry[]): ImageEntry[] {
  return entries.map((entry) =>
    entry.kind === 'download' ? { ...entry, download: { ...entry.download, sha256 } } : entry,
  );
}

function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [parent, ...parentsOf(parent)];
}

// Everything that can be in the way of an entry; `at` is in the root, `canary` is outside.
const obstacles = {
  'a link to a directory outside': (at: string, canary: string) => fs.symlinkSync(join(canary, 'directory'), at),
  'a relative link to a directory outside': (at: string) =>
    fs.symlinkSync(`${'../'.repeat(30)}${join(top, 'nowhere').slice(1)}`, at),
  'a link to a file outside': (at: string, canary: string) => fs.symlinkSync(join(canary, 'file'), at),
  'a link to nothing outside': (at: string, canary: string) => fs.symlinkSync(join(canary, 'new'), at),
  'a link to itself': (at: string) => fs.symlinkSync(at, at),
  'a hard link to a file outside': (at: string, canary: string) => fs.linkSync(join(canary, 'file'), at),
  'a file': (at: string) => fs.writeFileSync(at, 'old', { mode: 0o600 }),
  'a program with setuid': (at: string) => (fs.writeFileSync(at, 'old'), fs.chmodSync(at, 0o4755)),
  'an empty directory': (at: string) => fs.mkdirSync(at, { mode: 0o700 }),
  'a directory with a file': (at: string) => (fs.mkdirSync(at), fs.writeFileSync(join(at, 'file'), 'old')),
  'a fifo': (at: string) => execFileSync('mkfifo', [at]),
  'a file of another user': (at: string) => (fs.writeFileSync(at, 'x'), isRoot && fs.lchownSync(at, 1000, 1000)),
};

const everyPath = [...new Set(small.flatMap(({ path }) => [path.slice(1), ...parentsOf(path.slice(1))]))];
const obstacle = fc.record({
  path: fc.constantFrom(...everyPath),
  kind: fc.constantFrom(...(Object.keys(obstacles) as (keyof typeof obstacles)[])),
});

test(
  'whatever a root holds: nothing outside changes, and it is all as planned or all as before',
  { timeout: 60_000 },
  async () => {
    let [succeeded, failed] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(obstacle, { minLength: 1, maxLength: 4 }), fc.boolean(), async (found, bakedBefore) => {
        const place = newDirectory();
        const [root, canary] = [join(place, 'root'), join(place, 'canary')];
        fs.mkdirSync(join(canary, 'directory'), { recursive: true });
        fs.writeFileSync(join(canary, 'file'), 'canary');
        fs.writeFileSync(join(canary, 'directory/nix.mount'), 'canary');
        fs.mkdirSync(root);
        if (bakedBefore) await bake(small, root);
        for (const { path, kind } of found) {
          const at = join(root, path);
          // Place no obstacle behind a link that an earlier obstacle made.
          if (
            parentsOf(path)
              .toReversed()
              .some((parent) => fs.lstatSync(join(root, parent), { throwIfNoEntry: false })?.isDirectory() === false)
          )
            continue;
          fs.rmSync(at, { recursive: true, force: true });
          fs.mkdirSync(dirname(at), { recursive: true });
          obstacles[kind](at, canary);
        }
        setOldTimes(place);
        const before = snapshotOf(place);
        try {
          await bake(small, root);
          succeeded += 1;
          const allowed = new Set(['', ...everyPath].map((path) => join('root', path)));
          expect(changedPaths(before, snapshotOf(place)).filter((path) => !allowed.has(path))).toEqual([]);
          const after = snapshotOf(place);
          expect((await bake(small, root)).changed).toEqual([]);
          expect(snapshotOf(place)).toEqual(after);
          for (const entry of small) {
            if (entry.kind === 'file') expect(fs.readFileSync(join(root, entry.path))).toEqual(entry.content);
          }
        } catch (cause) {
          if (!(cause instanceof UserError)) throw cause;
          failed += 1;
          expect(changedPaths(before, snapshotOf(place))).toEqual([]);
        }
        fs.rmSync(place, { recursive: true });
      }),
      { numRuns: 100 },
    );
    expect(succeeded).toBeGreaterThan(10);
    expect(failed).toBeGreaterThan(10);
  },
);

describe('what is in the way is reported', () => {
  const cases: [what: string, path: string, kind: keyof typeof obstacles, message: RegExp][] = [
    ['a link for /usr', 'usr', 'a link to a directory outside', /^\/usr is a symbolic link to .*canary\/directory$/],
    ['a link for /nix', 'nix', 'a link to a directory outside', /^\/nix is a symbolic link to .*canary\/directory$/],
    ['a file for /nix', 'nix', 'a file', /^\/nix is not a directory$/],
    ['a file for /usr/lib', 'usr/lib', 'a file', /^\/usr\/lib is not a directory$/],
    [
      'a directory for a unit',
      'usr/lib/systemd/system/nix.mount',
      'an empty directory',
      /^\/usr\/lib\/systemd\/system\/nix\.mount is a directory$/,
    ],
  ];
  test.each(cases)('%s', async (_, path, kind, message) => {
    const place = newDirectory();
    fs.mkdirSync(join(place, 'canary/directory'), { recursive: true });
    fs.writeFileSync(join(place, 'canary/file'), '');
    fs.mkdirSync(join(place, 'root', dirname(path)), { recursive: true });
    obstacles[kind](join(place, 'root', path), join(place, 'canary'));
    expect((await failure(() => bake(small, join(place, 'root')))).message).toMatch(message);
  });
});

describe('a write that fails half way', () => {
  /** Mounts a new small disk, calls `use` with its mount point, and unmounts it. */
  async function withDisk(options: string, use: (directory: string) => Promise<void>): Promise<void> {
    const directory = newDirectory();
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
    try {
      await use(directory);
    } finally {
      execFileSync('umount', [directory]);
    }
  }

  test('no inode left, at every step', { timeout: 90_000 }, async (context) => {
    needs(context, 'root');
    let succeeded = 0;
    for (let inodes = 2; inodes < 160 && succeeded === 0; inodes += 1) {
      await withDisk(`size=4m,nr_inodes=${inodes}`, async (disk) => {
        const root = join(disk, 'root');
        const before = snapshotOf(disk);
        try {
          await bake(small, root);
          succeeded = inodes;
        } catch (cause) {
          expect((cause as Error).message).toMatch(/^no space left on the disk, at .*; the root is unchanged$/);
          const { '': _, ...after } = snapshotOf(disk);
          const { '': __, ...wanted } = before;
          expect(after).toEqual(wanted);
        }
      });
    }
    expect(succeeded).toBeGreaterThan(40);
  });

  test('no room left, at every size, over an older bake', async (context) => {
    needs(context, 'root');
    const large = small.map((entry) =>
      entry.kind === 'file' ? { ...entry, content: Buffer.concat([entry.content, Buffer.alloc(20_000, 'x')]) } : entry,
    );
    let [failed, succeeded] = [0, 0];
    for (let size = 500; size < 1800; size += 90) {
      await withDisk(`size=${size}k`, async (disk) => {
        const root = join(disk, 'root');
        await bake(small, root);
        setOldTimes(root);
        const before = snapshotOf(root);
        try {
          await bake(large, root);
          succeeded += 1;
        } catch (cause) {
          expect((cause as Error).message).toMatch(/^no space left on the disk, at .*; the root is unchanged$/);
          expect(snapshotOf(root)).toEqual(before);
          failed += 1;
        }
      });
    }
    expect(failed).toBeGreaterThan(2);
    expect(succeeded).toBeGreaterThan(2);
  });

  test('a file that cannot be moved, after others were', async (context) => {
    needs(context, 'root');
    const root = newDirectory();
    await bake(small, root);
    const entries = small.filter(({ kind }) => kind === 'file');
    for (const { path } of entries) fs.writeFileSync(join(root, path), 'old');
    setOldTimes(root);
    const before = snapshotOf(root);
    const last = join(root, entries.at(-1)?.path ?? '');
    // A mount point counts as another file system.
    execFileSync('mount', ['--bind', last, last]);
    try {
      expect((await failure(() => bake(small, root))).message).toMatch(/EXDEV.*; the root is unchanged$/);
      expect(snapshotOf(root)).toEqual(before);
    } finally {
      execFileSync('umount', [last]);
    }
    expect((await bake(small, root)).changed).toHaveLength(entries.length);
  });

  test('a root that cannot be written', async (context) => {
    needs(context, 'root');
    await withDisk('size=1m,ro', async (disk) => {
      expect(await failure(() => bake(small, disk))).toMatchObject({
        message: expect.stringMatching(/is on a read-only file system; the root is unchanged$/) as string,
        help: 'choose a path that is writable',
      });
    });
  });

  test('what cannot be undone is told', async (context) => {
    needs(context, 'root');
    await withDisk('size=1m', async (disk) => {
      const root = join(disk, 'root');
      const missing = small.findIndex(({ kind }) => kind === 'download');
      const planned = small.map((entry, index): ImageEntry => {
        if (index !== missing || entry.kind !== 'download') return entry;
        return {
          ...entry,
          // The bake reads this after it has staged other entries. The disk breaks at this moment.
          get download() {
            if (fs.existsSync(join(root, 'usr/libexec/bluebuild/nix'))) {
              execFileSync('mount', ['-o', 'remount,ro', disk]);
            }
            return entry.download;
          },
        };
      });
      expect((await failure(() => bake(planned, root))).message).toMatch(
        /; [0-9]+ changes could not be undone \(EROFS: .*\)$/,
      );
    });
  });
});

test('times of directories that were there stay, to the microsecond', async () => {
  const root = newDirectory();
  fs.mkdirSync(join(root, 'usr/lib'), { recursive: true });
  for (const path of ['usr/lib', 'usr', ''])
    fs.lutimesSync(join(root, path), 1_234_567_890.123456, 1_234_567_890.123456);
  await bake(small, root);
  for (const path of ['usr/lib', 'usr', '']) {
    expect(fs.lstatSync(join(root, path)).mtimeMs, path).toBeCloseTo(1_234_567_890_123.456, 2);
  }
});

test('links are given to root, too', async (context) => {
  needs(context, 'root');
  const root = newDirectory();
  await bake(small, root);
  const link = join(root, small.find(({ kind }) => kind === 'symlink')?.path ?? '');
  fs.lchownSync(link, 1000, 1000);
  expect((await bake(small, root)).changed).toHaveLength(1);
  expect(fs.lstatSync(link).uid).toBe(0);
});

test('a step reads and writes in the root alone, wherever a link of the root leads', async () => {
  const place = newDirectory();
  const [root, host] = [join(place, 'root'), join(place, 'host')];
  fs.mkdirSync(join(root, 'etc/policy'), { recursive: true });
  fs.writeFileSync(host, 'of the host');
  fs.symlinkSync(host, join(root, 'etc/policy/subs'));
  fs.symlinkSync(`${'../'.repeat(30)}${host.slice(1)}`, join(root, 'etc/policy/relative'));
  fs.symlinkSync('/etc/policy/real', join(root, 'etc/policy/inside'));
  fs.writeFileSync(join(root, 'etc/policy/real'), 'of the image');
  const options = { modificationTime: 0, ownedByRoot: isRoot, downloaded: new Map<string, string>() };
  const step: CarryOut = async (image) => {
    expect(['subs', 'relative', 'inside'].map((name) => image.read(`/etc/policy/${name}`)?.toString())).toEqual([
      undefined,
      undefined,
      'of the image',
    ]);
    const work = image.workDirectory('/etc');
    image.copyTree('/etc/policy', `${work}/policy`);
    image.write(`${work}/policy/subs`, 'new', 0o644);
    expect(image.differences('/etc/policy', `${work}/policy`)).toEqual({ changed: ['subs'], gone: [] });
    image.moveIntoPlace(`${work}/policy/subs`, '/etc/policy/subs');
    return Promise.resolve(['/etc/policy/subs']);
  };
  await writeRootfs({ entries: [], steps: [step] }, root, options);
  expect(fs.readFileSync(host, 'utf8')).toBe('of the host');
  expect(fs.lstatSync(join(root, 'etc/policy/subs')).isFile()).toBe(true);
  expect(fs.readdirSync(join(root, 'etc'))).toEqual(['policy']);
});
