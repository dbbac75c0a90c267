import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labBase } from '../boot/lab/base.ts';
import { baseImage, buildah, buildImage, mountRoot } from '../boot/lab/image.ts';
import { labelTable } from './label-table.ts';
import { difference, readTree, type Tree } from './tree.ts';

const repository = join(import.meta.dirname, '../..');
const entry = (more: object = {}) => JSON.stringify({ type: 'nix', installer: { embed: false }, ...more });
const policy = '/etc/selinux/default';
/** The paths that buildah makes or changes in every RUN. */
const madeByBuildah = /^\/(etc|etc\/(hosts|resolv\.conf)|run|tmp|tmp\/modules|var)$/;
const untouched = { added: [], removed: [], changed: [] };

/** The SELinux types of paths in the policy of a root, from its own matchpathcon. */
async function typesOf(root: string, paths: readonly (readonly [path: string, kind: string])[]): Promise<string[]> {
  const lines = paths.map(([path, kind]) => `matchpathcon -n -m ${kind} '${path}'`);
  const { stdout } = await execa('chroot', [root, 'sh', '-euc', lines.join('\n')]);
  return stdout.split('\n').map((context) => context.split(':')[2] ?? context);
}

const policyModules = async (root: string): Promise<string[]> =>
  (await execa('chroot', [root, 'semodule', '--list=full'])).stdout
    .split('\n')
    .filter((line) => !line.startsWith('100'));

// The boot lab's base with Debian's reference policy, whose modules are where Fedora Atomic has them.
describe('an image build with a policy', { timeout: 300_000 }, () => {
  let container: string;
  let root: string;
  let other: string;
  let tree: Tree;

  /** Builds the image with buildah; gives a container of it and the path where its root is mounted. */
  const built = async (comment: string): Promise<[container: string, root: string]> => {
    const { name } = await buildImage({
      containerfile: `FROM lab-selinux-base\n# ${comment}\nRUN /tmp/modules/nix/nix.sh '${entry()}'\n`,
      volumes: [`${join(repository, 'modules')}:/tmp/modules`],
    });
    const made = await buildah('from', '--pull-never', name);
    return [made, await mountRoot(made)];
  };

  beforeAll(async () => {
    [container, root] = await built('one build');
    const [second, secondRoot] = await built('another build');
    other = second;
    tree = readTree(root);
    const [one, two] = [tree, readTree(secondRoot)];
    const paths = [...new Set([...one.keys(), ...two.keys()])].filter((path) => !madeByBuildah.test(path));
    expect(paths.filter((path) => JSON.stringify(one.get(path)) !== JSON.stringify(two.get(path)))).toEqual([]);
  }, 600_000);
  afterAll(async () => {
    await buildah('rm', container, other);
  });

  test.each([
    ['/nix', 'the mount point'],
    ['/var/lib/nix', 'the persistence'],
  ])('every path in %s (%s) has its label', async (top) => {
    const wanted = labelTable.map(([path, kind, type]) => [`${top}${path}`, kind, type] as const);
    expect(wanted.length).toBeGreaterThanOrEqual(60);
    const types = await typesOf(
      root,
      wanted.map(([path, kind]) => [path, kind]),
    );
    expect(wanted.map(([path, kind], index) => [path, kind, types[index]])).toEqual(wanted);
  });

  test("the labels of what lies around it stay, and Determinate's daemon is a program", async () => {
    const paths = [
      '/var/lib',
      '/var/lib/nixos',
      '/var/lib/nix-other/bin/x',
      '/usr/bin/nix',
      '/var/usrlocal/bin/determinate-nixd',
    ];
    const { root: base } = await labBase('selinux');
    const kinds = paths.map((path) => [path, 'file'] as const);
    expect(await typesOf(root, kinds)).toEqual(await typesOf(base, kinds));
    expect((await typesOf(root, kinds)).at(-1)).toBe('bin_t');
  });

  test('the module is in the store of the policy, and its source in the image', async () => {
    expect(await policyModules(root)).toContain('200 bluebuild-nix    cil         ');
    const source = readFileSync(join(root, 'usr/share/bluebuild/nix/bluebuild-nix.cil'), 'utf8');
    await execa('chroot', [root, 'sh', '-euc', 'cd /tmp; semodule --cil --extract bluebuild-nix']);
    expect(readFileSync(join(root, 'tmp/bluebuild-nix.cil'), 'utf8')).toBe(source);
    rmSync(join(root, 'tmp/bluebuild-nix.cil'));
    const manifest: unknown = JSON.parse(readFileSync(join(root, 'usr/share/bluebuild/nix/manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ selinux: 'auto', steps: { selinux: '/etc/selinux/*/policy/policy.*' } });
  });

  test('the compiled policy is what its modules compile to', async () => {
    await execa('chroot', [root, 'semodule', '--noreload', '--build']);
    const { added, removed, changed } = difference(tree, readTree(root));
    expect(removed).toEqual([]);
    // semodule leaves these files behind. The bake removes them unless the base had them.
    expect(added.filter((path) => !/\.LOCK$|^\/etc\/selinux\/final$/.test(path))).toEqual([]);
    expect(changed.filter((path) => path !== `${policy}/active/commit_num`)).toEqual([]);
  });

  test('it changes the policy, and nothing else that was there', async () => {
    const plain = await buildah('from', '--pull-never', (await baseImage('selinux')).name);
    const base = await mountRoot(plain);
    const { added, removed, changed } = difference(readTree(base), tree);
    await buildah('rm', plain);
    expect(removed).toEqual([]);
    expect(changed.filter((path) => !path.startsWith('/etc/selinux/') && !madeByBuildah.test(path))).toEqual([]);
    expect(changed).toContain(`${policy}/policy/${readdirSync(join(root, policy, 'policy'))[0]}`);
    expect(changed).toContain(`${policy}/contexts/files/file_contexts.bin`);
    expect(added.filter((path) => path.startsWith('/etc/selinux/'))).toEqual([
      `${policy}/active/modules/200`,
      `${policy}/active/modules/200/bluebuild-nix`,
      `${policy}/active/modules/200/bluebuild-nix/cil`,
      `${policy}/active/modules/200/bluebuild-nix/lang_ext`,
      `${policy}/contexts/files/file_contexts.subs`,
    ]);
    const modes = [200, '200/bluebuild-nix', '200/bluebuild-nix/cil'].map(
      (path) => tree.get(`${policy}/active/modules/${path}`)?.mode,
    );
    expect(modes).toEqual(['0700', '0700', '0600']);
  });
});

describe('bake in a root with a policy', { timeout: 240_000 }, () => {
  let directory: string;
  let root: string;
  let before: Tree;

  const copyBase = async (name: string): Promise<string> => {
    const { root: base } = await labBase('selinux');
    const copy = join(directory, name);
    await execa('cp', ['-a', '--reflink=auto', base, copy]);
    return copy;
  };
  const start = (config = entry(), where = root) =>
    execa({ cwd: repository, preferLocal: true, all: true, reject: false, forceKillAfterDelay: false })('node', [
      ...['src/cli.ts', 'bake', '--root', where, '--config', config],
    ]);
  /** Bakes with one file of the root changed, or removed if `content` is undefined, as a user's image may have it. */
  const startWith = async (path: string, content: string | undefined, config = entry()) => {
    const file = join(root, path);
    const [kept, times] = existsSync(file) ? [readFileSync(file), statSync(file)] : [undefined, undefined];
    const parents = statSync(dirname(file));
    if (content === undefined) rmSync(file);
    else writeFileSync(file, content);
    const ended = await start(config);
    if (kept === undefined) rmSync(file);
    else {
      writeFileSync(file, kept, { mode: (times?.mode ?? 0) & 0o7777 });
      await execa('touch', ['-d', `@${(times?.mtimeMs ?? 0) / 1000}`, file]);
    }
    await execa('touch', ['-d', `@${parents.mtimeMs / 1000}`, dirname(file)]);
    return ended;
  };
  const expectUntouched = () => {
    expect(difference(before, readTree(root))).toEqual(untouched);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(directory);
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'selinux-'));
    root = await copyBase('root');
    before = readTree(root);
  }, 240_000);
  afterAll(() => rmSync(directory, { recursive: true }));

  test('off: the policy stays as it is', async () => {
    const off = await copyBase('off');
    expect(await start(entry({ selinux: 'off' }), off)).toMatchObject({ exitCode: 0 });
    const { changed, removed, added } = difference(before, readTree(off));
    expect({ changed, removed }).toEqual({ changed: [], removed: [] });
    expect(added.filter((path) => /selinux|nix-label|\.cil$/.test(path))).toEqual([]);
    rmSync(off, { recursive: true });
  });

  test.each(['auto', 'on'])('%s with a policy but no semodule is an error, and nothing is written', async (selinux) => {
    const { exitCode, all } = await startWith('/usr/sbin/semodule', undefined, entry({ selinux }));
    expect(exitCode, all).toBe(1);
    expect(all).toContain('the SELinux policy of this image cannot take the labels of /nix: it has no semodule');
    expect(all).toContain('install policycoreutils before this module, or use `selinux: off`');
    expectUntouched();
  });

  test('when semodule fails over a damaged store, its own words are shown and everything is as it was', async () => {
    const module = `${policy}/active/modules/100/base`;
    const { exitCode, all } = await startWith(`${module}/cil`, 'damaged');
    expect(exitCode, all).toBe(1);
    expect(all).toMatch(/^semodule: .*base[\s\S]*error: semodule failed \(exit code 1\); see its output above/m);
    expect(all).toContain('the image is unchanged');
    expectUntouched();
  });

  test('a policy that labels /nix otherwise already is not overruled', async () => {
    const theirs = '(filecon "/nix/store/[^/]+/etc(/.*)?" any (system_u object_r usr_t ((s0) (s0))))\n';
    const modules = join(root, policy, 'active/modules');
    mkdirSync(join(modules, '400/theirs'), { recursive: true });
    writeFileSync(join(modules, '400/theirs/cil'), theirs);
    writeFileSync(join(modules, '400/theirs/lang_ext'), 'cil');
    const { exitCode, all } = await start();
    rmSync(join(modules, '400/theirs'), { recursive: true });
    expect(exitCode, all).toBe(1);
    expect(all).toMatch(/Problems processing filecon rules[\s\S]*error: semodule failed/);
    expectUntouched();
  });

  test('a policy without a type for units is an error, where semodule would leave the label out', async () => {
    // As if the policy had neither of the two names for this type, systemd_unit_file_t and systemd_unit_t.
    const program = join(directory, 'program');
    await execa('sh', [
      '-euc',
      `mkdir -p "$2/modules/nix"; cp -a "$1/modules/nix/files" "$2/modules/nix/"; cp -a "$1/src" "$1/schema" "$1/package.json" "$2"
       ln -s "$1/node_modules" "$2/node_modules"
       sed -i s/systemd_unit_t/no_such_type_t/ "$2/modules/nix/files/selinux/usr/share/bluebuild/nix/bluebuild-nix.cil"`,
      ...['sh', repository, program],
    ]);
    const { exitCode, all } = await execa({ cwd: repository, preferLocal: true, all: true, reject: false })('node', [
      ...[join(program, 'src/cli.ts'), 'bake', '--root', root, '--config', entry()],
    ]);
    expect(exitCode, all).toBe(1);
    expect(all).toContain('the SELinux policy "default" has no type for /nix/store/[^/]+/lib/systemd/system(/.*)?');
    expectUntouched();
  });

  test('interrupted while semodule runs, it takes everything back', async () => {
    const baking = start();
    for await (const line of baking.iterable({ from: 'stderr' })) {
      if (String(line).startsWith('Building')) baking.kill('SIGTERM');
    }
    const { exitCode, all } = await baking;
    expect(exitCode, all).toBe(1);
    expect(all).toContain('interrupted while semodule ran');
    expectUntouched();
  });

  test('what comes after it fails: the policy, too, is as it was', async () => {
    const { exitCode, all } = await startWith(
      '/usr/lib/dracut/dracut.conf.d/99-test.conf',
      'add_dracutmodules+=" no-such-one "\n',
      entry({ 'transient-root': 'initramfs' }),
    );
    expect(exitCode, all).toBe(1);
    expect(all).toMatch(/Built it in [\s\S]*error: dracut failed/);
    expectUntouched();
  });

  test('a store under /var, which an image loses: baked, with a warning', async () => {
    const there = await copyBase('var');
    await execa('sh', [
      '-euc',
      `mkdir -p ${there}/var/lib/selinux/default; mv ${there}${policy}/active ${there}/var/lib/selinux/default/
      sed -i /store-root/d ${there}/etc/selinux/semanage.conf`,
    ]);
    const { exitCode, all } = await start(entry(), there);
    expect(exitCode, all).toBe(0);
    expect(all).toContain(
      'warning: the modules of the policy are in /var/lib/selinux, which an ostree image does not carry',
    );
    expect(await policyModules(there)).toContain('200 bluebuild-nix    cil         ');
    rmSync(there, { recursive: true });
  });

  test('another persistence is an equivalent as well, and a line of somebody else stays', async () => {
    writeFileSync(join(root, policy, 'contexts/files/file_contexts.subs'), '/data/home /home\n');
    const { exitCode, all } = await start(entry({ persistence: '/var/home/nix' }));
    expect(exitCode, all).toBe(0);
    const subs = readFileSync(join(root, policy, 'contexts/files/file_contexts.subs'), 'utf8');
    expect(subs).toBe('/data/home /home\n/var/home/nix /nix\n');
    const wanted = labelTable.map(([path, kind, type]) => [`/var/home/nix${path}`, kind, type] as const);
    const types = await typesOf(
      root,
      wanted.map(([path, kind]) => [path, kind]),
    );
    expect(wanted.map(([path, kind], index) => [path, kind, types[index]])).toEqual(wanted);
    expect(await typesOf(root, [['/var/home/nixuser', 'dir']])).toEqual(['user_home_dir_t']);
  });

  test('baking again changes nothing', async () => {
    const baked = readTree(root);
    const { exitCode, all } = await start(entry({ persistence: '/var/home/nix' }));
    expect({ exitCode, all }).toMatchObject({ exitCode: 0, all: expect.stringContaining('Nothing to do') });
    expect(readTree(root)).toEqual(baked);
  });

  test('the persistence of an earlier bake is no equivalent any more; then without the policy nothing of it is left', async () => {
    const subs = join(root, policy, 'contexts/files/file_contexts.subs');
    expect(await start(entry({ persistence: '/var/lib/other' }))).toMatchObject({ exitCode: 0 });
    expect(readFileSync(subs, 'utf8')).toBe('/data/home /home\n/var/lib/other /nix\n');
    const { exitCode, all } = await start(entry({ selinux: 'off' }));
    expect(exitCode, all).toBe(0);
    expect(all).toContain('without the labels of /nix');
    expect(readFileSync(subs, 'utf8')).toBe('/data/home /home\n');
    rmSync(subs);
    const { added, changed, removed } = difference(before, readTree(root));
    expect(added.filter((path) => /selinux|nix-label|\.cil$/.test(path))).toEqual([]);
    expect({ changed, removed }).toEqual({ changed: [`${policy}/active/commit_num`], removed: [] });
  });

  test('a file of the policy that is a link of the image: nothing outside the image is changed', async () => {
    const linked = await copyBase('linked');
    const outside = join(directory, 'of-the-host');
    writeFileSync(outside, '/data/host /home\n');
    const subs = join(linked, policy, 'contexts/files/file_contexts.subs');
    await execa('ln', ['-s', outside, subs]);
    const { exitCode, all } = await start(entry(), linked);
    expect(exitCode, all).toBe(0);
    expect(readFileSync(outside, 'utf8')).toBe('/data/host /home\n');
    expect(readFileSync(subs, 'utf8')).toBe('/var/lib/nix /nix\n');
    rmSync(linked, { recursive: true });
  });
});

describe('bake in a root without a policy', () => {
  const bake = (where: string, selinux: string) =>
    execa({ cwd: repository, preferLocal: true, all: true, reject: false })('node', [
      ...['src/cli.ts', 'bake', '--root', where, '--config', entry({ selinux })],
    ]);

  test('auto: says that there is none, and bakes the rest; on: an error, and nothing is written', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'no-policy-'));
    try {
      const on = await bake(join(directory, 'root'), 'on');
      expect(on.exitCode, on.all).toBe(1);
      expect(on.all).toContain(
        '`selinux: on` is not possible: the image has no SELinux policy (no /etc/selinux/config)',
      );
      expect(readdirSync(directory)).toEqual([]);
      const auto = await bake(join(directory, 'root'), 'auto');
      expect(auto.exitCode, auto.all).toBe(0);
      expect(auto.stdout).toContain(
        'No SELinux policy for /nix: the image has no SELinux policy (no /etc/selinux/config).\n',
      );
      expect(existsSync(join(directory, 'root/usr/libexec/bluebuild/nix/nix-label'))).toBe(false);
      const manifest = readFileSync(join(directory, 'root/usr/share/bluebuild/nix/manifest.json'), 'utf8');
      expect(JSON.parse(manifest)).toMatchObject({ selinux: 'auto', leftOut: ['selinux'] });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
