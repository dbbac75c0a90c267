import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type Built, build, exists, readImage } from './buildah.ts';
import {
  bluebuildContainerfile,
  entry,
  makeProject,
  type ModuleSource,
  type PlannedEntry,
  planOf,
  vendorModule,
} from './project.ts';
import { difference, readTree, type Tree } from './tree.ts';

const storage = inject('storage');
const config = entry({
  persistence: '/var/lib/stores/nix',
  'nix-conf': { 'max-jobs': 4, 'trusted-users': ['root', '@wheel'] },
});

async function buildWith(
  source: ModuleSource,
  commands: Parameters<typeof bluebuildContainerfile>[1],
  tag: string,
): Promise<Built> {
  const project = await makeProject(storage);
  if (source === 'local') await vendorModule(project);
  await writeFile(join(project, 'Containerfile'), bluebuildContainerfile(source, commands));
  const built = await build(storage, project, tag);
  await rm(project, { recursive: true });
  return built;
}

const treeOf = (tag: string): Promise<Tree> => readImage(storage, tag, async (root) => readTree(root));

describe.each(['image', 'local'] as const)('an image that BlueBuild builds, source: %s', (source) => {
  const tag = `bluebuild-${source}`;
  let built: Built;
  let plan: PlannedEntry[];
  let tree: Tree;
  let without: Tree;

  beforeAll(async () => {
    // The same build without the module, so that files left by BlueBuild and buildah do not count as ours.
    const other = await buildWith(source, ['true'], `${tag}-without`);
    expect(other, other.log).toMatchObject({ exitCode: 0 });
    without = await treeOf(`${tag}-without`);
    built = await buildWith(source, [config], tag);
    expect(built, built.log).toMatchObject({ exitCode: 0 });
    tree = await treeOf(tag);
    plan = await planOf(config);
  });

  test('the log shows what was baked, in the colours that BlueBuild asks for', () => {
    expect(built.log).toContain("Start 'nix' Module");
    expect(built.log).toContain(`\u001b[32mnix-installer\u001b[39m`);
    expect(built.log).toContain(`Baked ${plan.length} entries into /.`);
    expect(built.log).toContain("End 'nix' Module");
  });

  test('holds the plan and nothing else of the module', () => {
    const parents = (path: string): string[] => (path === '/' ? [] : [path, ...parents(dirname(path))]);
    const planned = [...new Set(plan.flatMap(({ path }) => parents(path)))]
      .filter((path) => !without.has(path))
      .toSorted();
    expect(difference(without, tree)).toEqual({ added: planned, removed: [], changed: [] });
    expect(planned.filter((path) => /^\/(etc|var|tmp)\//.test(path))).toEqual([
      '/etc/determinate',
      '/etc/determinate/config.json',
    ]);
  });

  test('everything has the kind, mode, content and time of the plan, and belongs to root', () => {
    const expected = plan.map(({ path, kind, mode, sha256, target, download }) => [
      path,
      {
        kind: kind === 'download' ? 'file' : kind,
        mode: mode ?? '0777',
        owner: '0:0',
        content: sha256 ?? download?.sha256 ?? target ?? '',
        modified: 0,
      },
    ]);
    expect(plan.map(({ path }) => [path, tree.get(path)])).toEqual(expected);
  });

  test('its manifest tells the truth', async () => {
    const manifest = await readImage(storage, tag, async (root) =>
      JSON.parse(readFileSync(join(root, 'usr/share/bluebuild/nix/manifest.json'), 'utf8')),
    );
    const own = ['configuration.yml', 'manifest.json'].map((name) => `/usr/share/bluebuild/nix/${name}`);
    expect(Object.keys(manifest.files)).toEqual(plan.map(({ path }) => path).filter((path) => !own.includes(path)));
    for (const [path, { mode, sha256, target }] of Object.entries<Record<string, string>>(manifest.files)) {
      expect({ path, ...tree.get(path) }).toMatchObject({
        path,
        mode: mode ?? '0777',
        content: sha256 ?? target ?? '',
      });
    }
  });

  test('every enablement link leads to its unit', () => {
    const links = [...tree].filter(
      ([path, { kind }]) => kind === 'symlink' && !without.has(path) && path.startsWith('/usr/lib/systemd/'),
    );
    expect(links.length).toBeGreaterThan(2);
    for (const [path, { content }] of links) {
      expect(tree.get(posix.join(dirname(path), content)), path).toMatchObject({ kind: 'file' });
    }
  });

  test('the units are sound for the systemd of the image, and enabled by it', async () => {
    const units = plan
      .filter(({ path, kind }) => kind === 'file' && /^\/usr\/lib\/systemd\/system\/[^/]+$/.test(path))
      .map(({ path }) => posix.basename(path));
    await readImage(storage, tag, async (root) => {
      // Runs in the image's own root, with the /proc that systemd needs. It prints nothing if nothing is wrong.
      const systemd = await inImage(root, 'systemd-analyze', 'verify', '--man=no', '--recursive-errors=yes', ...units);
      expect(systemd).toMatchObject({ exitCode: 0, all: '' });
      for (const unit of [
        'nix.mount',
        'nix-users.service',
        'nix-install.service',
        'nix-daemon.socket',
        'determinate-nixd.socket',
      ]) {
        // systemctl calls units that are enabled in /usr/lib `static`: they can be masked, but not disabled.
        expect({ unit, ...(await inImage(root, 'systemctl', 'is-enabled', unit)) }).toMatchObject({
          unit,
          all: 'static',
        });
      }
      expect(
        await inImage(root, 'systemd-sysusers', '--dry-run', '/usr/lib/bluebuild/nix/sysusers.conf'),
      ).toMatchObject({ exitCode: 0 });
      const tmpfiles = await inImage(root, 'systemd-tmpfiles', '--create', '--prefix=/var/lib/stores', 'nix.conf');
      expect(tmpfiles).toMatchObject({ exitCode: 0, all: '' });
      expect(existsSync(join(root, 'var/lib/stores/nix'))).toBe(true);
    });
  });

  test('a second build gives the same files to the byte', async () => {
    await buildWith(source, [config], `${tag}-again`);
    const again = await treeOf(`${tag}-again`);
    const own = (from: Tree) => [...from].filter(([path]) => !without.has(path));
    expect(own(again)).toEqual(own(tree));
  });
});

test('a second run in the same image changes nothing', async () => {
  const { log } = await buildWith('image', [config, config], 'twice');
  expect(log).toContain('Nothing to do: all of it is in / already.');
  const [once, twice] = [await treeOf('bluebuild-image'), await treeOf('twice')];
  expect(difference(once, twice)).toEqual({ added: [], removed: [], changed: [] });
});

test('a configuration changed in a later run replaces what it decides', async () => {
  const { log } = await buildWith('image', [config, entry()], 'changed');
  expect(log).toMatch(/Baked \d+ entries into \/ \(\d+ were there already\)/);
  const tree = await treeOf('changed');
  for (const { path, sha256 } of await planOf(entry())) {
    if (sha256 !== undefined) expect({ path, ...tree.get(path) }).toMatchObject({ path, content: sha256 });
  }
});

describe('a module that fails ends the build, and leaves no image', () => {
  test.each([
    [
      'a misspelt key',
      entry({ persistance: '/var/lib/nix' }),
      ['`persistance` is not a key of the nix module; did you mean `persistence`?'],
    ],
    [
      'a digest that is not the file’s',
      { ...entry(), installer: { ...(entry()['installer'] as object), sha256: '0'.repeat(64) } },
      ['the file does not match its digest', `sha256 ${'0'.repeat(64)}`],
    ],
    [
      'a file that is not in files/',
      { ...entry(), installer: { version: '1.2.3', url: 'file:///tmp/files/nothing-here', sha256: '0'.repeat(64) } },
      ['no such file', 'file:///tmp/files/nothing-here'],
    ],
  ])('%s', async (_, wrong, messages) => {
    const { exitCode, log } = await buildWith('image', [wrong], 'failed');
    expect(exitCode).not.toBe(0);
    for (const message of messages) expect(log).toContain(message);
    expect(log).toContain("Failed 'nix' Module");
    expect(await exists(storage, 'failed')).toBe(false);
  });

  test('an image whose /nix is a link', async () => {
    const { exitCode, log } = await buildWith('image', ['ln -s /var/nix /nix', config], 'failed');
    expect(exitCode).not.toBe(0);
    expect(log).toContain('/nix is a symbolic link');
    expect(await exists(storage, 'failed')).toBe(false);
  });
});

/** Runs a program of the image in a chroot; `root` is where the image is mounted. */
async function inImage(root: string, program: string, ...options: string[]) {
  const mounted = 'mount -t proc proc "$1/proc"; mount -t tmpfs tmpfs "$1/run"; exec chroot "$@"';
  const { exitCode, all } = await execa({ reject: false, all: true })('unshare', [
    ...['--mount', 'sh', '-euc', mounted, 'sh', root, program, ...options],
  ]);
  return { exitCode, all };
}
