import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { releases } from '../../src/config/releases.ts';
import { snapshotOf } from '../support/snapshot.ts';

const cli = join(import.meta.dirname, '../../src/cli.ts');
const installer = '#!/bin/sh\nexit 0\n';
const sha256 = createHash('sha256').update(installer).digest('hex');
const missing = { type: 'nix', installer: { url: 'file:///tmp/files/missing', sha256 } };
const local = { type: 'nix', installer: { url: 'file:///tmp/files/installer', sha256 } };

// Without the variables that the machine, a terminal or a workflow sets.
const clean = { PATH: process.env['PATH'], HOME: '/nonexistent', LANG: 'C.UTF-8' };

let directory: string;
let compileCache: string;
beforeAll(() => {
  compileCache = fs.mkdtempSync(join(tmpdir(), 'nix-cli-compiled-'));
  directory = fs.mkdtempSync(join(tmpdir(), 'nix-cli-'));
  for (const folder of ['recipes', 'files']) fs.mkdirSync(join(directory, folder));
  const recipe = (name: string, text: string) => fs.writeFileSync(join(directory, 'recipes', name), text);
  recipe('good.yml', 'modules:\n  - type: nix\n');
  recipe('bad.yml', 'modules:\n  - type: nix\n    persistence: nix\n');
  recipe('other.yml', 'modules:\n  - type: files\n  - type: dnf\n');
  recipe('stage.yml', 'stages:\n  - name: build\n    modules:\n      - type: nix\nmodules: []\n');
  recipe('empty.yml', 'name: x\n');
  recipe('local.yml', JSON.stringify({ modules: [local] }));
  fs.writeFileSync(join(directory, 'files/installer'), installer);
});
afterAll(() => [directory, compileCache].forEach((path) => fs.rmSync(path, { recursive: true })));

type Options = { env?: Record<string, string>; cwd?: string };
async function run(args: string[], { env = {}, cwd = directory }: Options = {}) {
  const options = {
    cwd,
    // Node compiles the program once instead of ninety times.
    env: { ...clean, NODE_COMPILE_CACHE: compileCache, ...env },
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
  } as const;
  const { exitCode, stdout, stderr } = await execa(process.execPath, [cli, ...args], options);
  return { exitCode, stdout, stderr };
}

describe('exit codes', () => {
  const cases: [args: string[], exitCode: number, stderr: RegExp][] = [
    [['--help'], 0, /^$/],
    [['bake', '--help'], 0, /^$/],
    [['--version'], 0, /^$/],
    [['validate', 'recipes/good.yml'], 0, /^$/],
    [['validate', 'recipes/other.yml'], 0, /^$/],
    [['validate', 'recipes/bad.yml'], 1, /"nix".* is not absolute/],
    [['validate', 'recipes/missing.yml'], 1, /recipes\/missing\.yml: no such file/],
    [['validate', '.'], 1, /is a directory, not a file/],
    [['plan', '--config', '{'], 1, /not JSON/],
    [
      ['plan', 'recipes/stage.yml'],
      1,
      /the only `type: nix` entry is in the stage `build`\n.*move the entry under `modules`/,
    ],
    [['plan', 'recipes/other.yml'], 1, /no `type: nix` entry\n.*its modules are files, dnf/],
    [['plan', 'recipes/empty.yml'], 1, /no `type: nix` entry\n.*it has no modules/],
    [['plan', 'recipes/good.yml', '--show', '/etc/passwd'], 1, /\/etc\/passwd is not in the plan/],
    [['plan', 'recipes/good.yml', '--show', '/nix'], 1, /\/nix is a directory/],
    [['bake', 'recipes/stage.yml', '--root', 'root'], 1, /is in the stage/],
    [['bake', 'recipes/good.yml', '--root', 'no/such/root'], 1, /\/no\/such does not exist/],
    [['bake', 'recipes/good.yml', '--root', 'recipes/good.yml'], 1, /recipes\/good\.yml is not a directory/],
    // The installer's file does not exist, so a program that accepts '' still writes nothing to the machine's own root.
    [['bake', '--config', JSON.stringify(missing), '--root', ''], 1, /the root has no name/],
    [[], 2, /Usage: /],
    [['validate'], 2, /missing required argument/],
    [['valdate', 'recipes/good.yml'], 2, /unknown command 'valdate'.*\n?.*validate/],
    [['validate', '--formt', 'json', 'recipes/good.yml'], 2, /unknown option '--formt'/],
    [['validate', '--format', 'xml', 'recipes/good.yml'], 2, /Allowed choices are text, github, json/],
    [['plan', '--arch', 'mips', 'recipes/good.yml'], 2, /Allowed: x86_64, aarch64/],
    [['plan'], 2, /name one recipe, or give --config/],
    [['plan', 'recipes/good.yml', '--config', '{"type":"nix"}'], 2, /name one recipe, or give --config/],
    [['bake', 'recipes/good.yml'], 2, /required option '--root <directory>' not specified/],
  ];
  test.concurrent.each(cases)('%j: %i', async (args, exitCode, stderr) => {
    const found = await run(args);
    expect(found.stderr).toMatch(stderr);
    expect(found.exitCode).toBe(exitCode);
    if (exitCode !== 0) expect(found.stdout).toBe('');
    expect(found.stderr).not.toMatch(/^ +at .*\.ts:/m);
  });
  test('OS_ARCH of another kind is a usage error', async () => {
    expect(await run(['plan', 'recipes/good.yml'], { env: { OS_ARCH: 'mips' } })).toMatchObject({ exitCode: 2 });
  });
  test('no leftovers', () => expect(fs.readdirSync(directory).toSorted()).toEqual(['files', 'recipes']));
});

describe('validate', () => {
  test('says what is valid, on standard output, and what is not, on standard error', async () => {
    const { stdout, stderr } = await run([
      'validate',
      'recipes/good.yml',
      'recipes/bad.yml',
      'recipes/other.yml',
      '--arch',
      'arm64',
    ]);
    expect(stdout).toBe(
      `recipes/good.yml: valid: determinate ${releases.determinate.version} for aarch64, embedded, store in /var/lib/nix, transient root: karg\n` +
        'recipes/other.yml: valid: no `type: nix` entry (its modules are files, dnf)\n',
    );
    expect(stderr).toBe(`error: \`persistence\`: \`"nix"\` is not absolute
 --> recipes/bad.yml:3:18
  |
3 |     persistence: nix
  |                  ^^^
  = use an absolute path under /var, like \`/var/lib/nix\`

1 error
`);
  });
  test('--format github: one annotation, nothing else', async () => {
    const { stdout, stderr, exitCode } = await run([
      'validate',
      '--format',
      'github',
      'recipes/bad.yml',
      'recipes/good.yml',
    ]);
    expect(stdout).toBe(
      '::error file=recipes/bad.yml,line=3,endLine=3,col=18,endColumn=21::`persistence`: `"nix"` is not absolute%0A' +
        'use an absolute path under /var, like `/var/lib/nix`\n',
    );
    expect([stderr, exitCode]).toEqual(['', 1]);
  });
  test('--format json', async () => {
    const { stdout, stderr, exitCode } = await run(['validate', '--format', 'json', 'recipes/bad.yml']);
    expect(JSON.parse(stdout)).toMatchObject({
      diagnostics: [{ severity: 'error', place: { file: 'recipes/bad.yml', line: 3, column: 18, endColumn: 21 } }],
    });
    expect([stderr, exitCode]).toEqual(['', 1]);
    expect(await run(['validate', '--format', 'json', 'recipes/good.yml'])).toMatchObject({
      stdout: '{\n  "diagnostics": []\n}\n',
      exitCode: 0,
    });
  });
  test('a pipe is a file, too', async () => {
    const { stdout } = await execa(
      'bash',
      ['-c', '"$1" "$2" validate <(cat recipes/good.yml)', 'bash', process.execPath, cli],
      { cwd: directory },
    );
    expect(stdout).toMatch(/: valid: determinate/);
  });
  test('an endless file ends', async () => {
    expect((await run(['validate', '/dev/zero'])).stderr).toMatch(/^error: \/dev\/zero is larger than 1 MiB\n/);
  });
});

describe('colour', () => {
  const escape = '\u001b[';
  const cases: [env: Record<string, string>, colour: boolean][] = [
    [{}, false],
    [{ CI: 'true', GITHUB_ACTIONS: 'true' }, false],
    [{ FORCE_COLOR: '1' }, true],
    [{ FORCE_COLOR: '0' }, false],
    [{ FORCE_COLOR: 'false' }, false],
    [{ FORCE_COLOR: '' }, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    [{ NO_COLOR: '', FORCE_COLOR: '1' }, true],
  ];
  test.concurrent.each(cases)('%j: %s', async (env, colour) => {
    const { stdout, stderr } = await run(['validate', 'recipes/good.yml', 'recipes/bad.yml'], { env });
    expect([stdout.includes(escape), stderr.includes(escape)]).toEqual([colour, colour]);
  });
  test('never in what programs read', async () => {
    const env = { FORCE_COLOR: '1' };
    for (const format of ['github', 'json']) {
      expect((await run(['validate', '--format', format, 'recipes/bad.yml'], { env })).stdout).not.toContain(escape);
    }
    expect((await run(['plan', '--json', 'recipes/good.yml'], { env })).stdout).not.toContain(escape);
  });
});

describe('plan', () => {
  test('--show: the content of a file', async () => {
    const { stdout } = await run([
      'plan',
      '--config',
      '{"type":"nix","persistence":"/var/nix"}',
      '--show',
      '/usr/lib/tmpfiles.d/nix.conf',
    ]);
    expect(stdout).toBe('d /var/nix 0755 root root - -\n');
  });
  test('--json: every entry', async () => {
    const { stdout } = await run(['plan', 'recipes/good.yml', '--json', '--arch', 'aarch64']);
    const { architecture, entries } = JSON.parse(stdout) as {
      architecture: string;
      entries: Record<string, unknown>[];
    };
    expect(architecture).toBe('aarch64');
    expect(entries).toContainEqual({ kind: 'directory', path: '/nix', mode: '0755' });
    expect(entries.find(({ kind }) => kind === 'download')).toMatchObject({
      mode: '0755',
      download: { sha256: '3e4f83cc87025c2890293cd2a8b6889ad2a0f7c5394f87ba8ad4fc958cf2aaea' },
    });
  });
  test('a reader that goes away is no error', async () => {
    const script = '"$1" "$2" plan recipes/good.yml --json | head -c 1; echo "${PIPESTATUS[0]}"';
    const { stdout, stderr } = await execa('bash', ['-c', script, 'bash', process.execPath, cli], { cwd: directory });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^\{\d+$/);
  });
  test('a reader that is slow gets all, through a pipe that does not block', async () => {
    const command = [process.execPath, cli, 'validate', 'recipes/bad.yml', 'recipes/good.yml'];
    const { stdout } = await execa(join(import.meta.dirname, 'full-pipe.pl'), command, { cwd: directory });
    expect(stdout).toMatch(/^recipes\/good\.yml: valid: /);
  });
});

test('--version is that of the package', async () => {
  expect((await run(['--version'])).stdout).toBe(`${packageJson.version}\n`);
});

describe('bake', () => {
  const roots: string[] = [];
  const newRoot = () => {
    const root = fs.mkdtempSync(join(tmpdir(), 'nix-cli-root-'));
    roots.push(root);
    return root;
  };
  afterAll(() => roots.forEach((root) => fs.rmSync(root, { recursive: true, force: true })));

  test('a file of the project, beside the recipe; then nothing is left to do', async () => {
    const root = newRoot();
    const first = await run(['bake', 'recipes/local.yml', '--root', root]);
    expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/Baked \d+ entries into /) as string });
    expect(fs.readFileSync(join(root, 'usr/libexec/bluebuild/nix/nix-installer'), 'utf8')).toBe(installer);
    const before = snapshotOf(root);
    const second = await run(['bake', 'recipes/local.yml', '--root', root]);
    expect(second.stdout).toContain(`Nothing to do: all of it is in ${root} already.`);
    expect(snapshotOf(root)).toEqual(before);
  });

  test('SOURCE_DATE_EPOCH is the time of what is baked', async () => {
    const root = newRoot();
    await run(['bake', 'recipes/local.yml', '--root', root], { env: { SOURCE_DATE_EPOCH: '1700000000' } });
    expect(fs.statSync(join(root, 'usr/lib')).mtimeMs).toBe(1_700_000_000_000);
    expect(fs.statSync(join(root, 'usr/lib/tmpfiles.d/nix.conf')).mtimeMs).toBe(1_700_000_000_000);
  });

  test.concurrent.each(['yesterday', '-1', '0x10', '999999999999', ''])(
    'SOURCE_DATE_EPOCH=%j is refused',
    async (epoch) => {
      const root = newRoot();
      const { exitCode, stderr } = await run(['bake', 'recipes/local.yml', '--root', root], {
        env: { SOURCE_DATE_EPOCH: epoch },
      });
      expect(stderr).toMatch(/^error: SOURCE_DATE_EPOCH is not a number of seconds\n/);
      expect([exitCode, fs.readdirSync(root)]).toEqual([1, []]);
    },
  );

  test('an image whose /usr/local is read-only has no place for the daemon of Determinate', async () => {
    const bakeInto = (root: string, settings: Record<string, unknown>) =>
      run([
        'bake',
        '--config',
        JSON.stringify({ type: 'nix', installer: { ...local.installer, ...settings } }),
        '--root',
        root,
      ]);
    const [plain, linked] = [newRoot(), newRoot()];
    fs.mkdirSync(join(plain, 'usr/local'), { recursive: true });
    fs.mkdirSync(join(linked, 'usr'));
    fs.symlinkSync('../var/usrlocal', join(linked, 'usr/local'));
    const url = { url: `file:///tmp/files/installer` };
    const refused = await bakeInto(plain, url);
    expect(refused.stderr).toMatch(/^error: \/usr\/local is a directory of this image[^]*`installer: nixos`/);
    expect([refused.exitCode, fs.readdirSync(join(plain, 'usr'))]).toEqual([1, ['local']]);
    const upstream = { args: ['--prefer-upstream-nix'], embed: false, url: 'https://example.invalid/installer' };
    for (const settings of [{ provider: 'nixos' }, upstream]) {
      expect((await bakeInto(plain, { ...url, ...settings })).stderr).not.toContain('/usr/local');
    }
    expect((await bakeInto(linked, url)).stderr).not.toContain('/usr/local');
  });

  describe('files/ is not left', () => {
    const outside = join(tmpdir(), `nix-cli-outside-${process.pid}`);
    const files = () => join(directory, 'links/files');
    beforeAll(() => {
      fs.mkdirSync(outside);
      fs.writeFileSync(join(outside, 'secret'), installer);
      fs.mkdirSync(files(), { recursive: true });
      fs.mkdirSync(join(directory, 'links/recipes'));
      fs.symlinkSync(join(outside, 'secret'), join(files(), 'link'));
      fs.symlinkSync(outside, join(files(), 'folder'));
      fs.symlinkSync('/dev/zero', join(files(), 'device'));
      fs.writeFileSync(join(files(), 'in side #1'), installer);
      fs.symlinkSync('in side #1', join(files(), 'inside'));
    });
    afterAll(() => fs.rmSync(outside, { recursive: true }));

    const recipe = (name: string) => {
      const path = join(directory, 'links/recipes', `${encodeURIComponent(name)}.yml`);
      const settings = { url: `file:///tmp/files/${name}`, sha256 };
      fs.writeFileSync(path, JSON.stringify({ modules: [{ type: 'nix', installer: settings }] }));
      return path;
    };
    test.each(['link', 'folder/secret', 'device'])('by the link %s', async (name) => {
      const root = newRoot();
      const { exitCode, stderr } = await run(['bake', recipe(name), '--root', root]);
      expect(stderr).toMatch(
        /^error: .*\/files\/.* is a symbolic link to .*, outside .*\n.*copy the file itself there/,
      );
      expect([exitCode, fs.readdirSync(root)]).toEqual([1, []]);
    });
    test.each(['inside', 'in%20side%20%231', './inside', 'x/../inside'])('by %s, which is inside', async (name) => {
      const root = newRoot();
      expect((await run(['bake', recipe(name), '--root', root])).stderr).not.toContain('error');
      expect(fs.readFileSync(join(root, 'usr/libexec/bluebuild/nix/nix-installer'), 'utf8')).toBe(installer);
    });
    test('a file that is not there, and one that is not the one', async () => {
      const root = newRoot();
      expect(await run(['bake', recipe('missing'), '--root', root])).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/missing/) as string,
      });
      fs.writeFileSync(join(files(), 'changed'), 'something else');
      const { exitCode, stderr } = await run(['bake', recipe('changed'), '--root', root]);
      expect(stderr).toMatch(/the file does not match its digest/);
      expect([exitCode, fs.readdirSync(root)]).toEqual([1, []]);
    });
  });
});
