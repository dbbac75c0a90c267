import { readdirSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { file, type LoopbackServer, startServer } from '../support/loopback-server.ts';
import { build, exists, readImage } from './buildah.ts';
import { entry, makeProject, planOf, standIn } from './project.ts';
import { difference, readTree } from './tree.ts';

const storage = inject('storage');
const quoted = (config: unknown): string => `'${JSON.stringify(config).replaceAll("'", "'\\''")}'`;
const moduleMount = '--mount=type=bind,from=localhost/module,src=/modules,dst=/tmp/modules';
const filesMount = '--mount=type=bind,src=files,dst=/tmp/files';

/**
 * A /tmp outside the image. image-template has `type=tmpfs,dst=/tmp`, but after a mount on an existing top-level
 * directory, buildah 1.28 empties the whole image ("unable to cleanup run mounts").
 */
async function temporaryDirectory(): Promise<{ path: string; option: string }> {
  const path = await mkdtemp(join(storage, 'tmp/'));
  return { path, option: `--volume=${path}:/tmp` };
}

/** Builds an image from the base and these Containerfile lines. */
async function buildLines(
  tag: string,
  lines: string[],
  prepare: (project: string) => Promise<void> = async () => {},
  ...options: string[]
) {
  const project = await makeProject(storage);
  await prepare(project);
  await writeFile(join(project, 'Containerfile'), ['FROM localhost/base', ...lines, ''].join('\n'));
  const built = await build(storage, project, tag, ...options);
  await rm(project, { recursive: true });
  return built;
}

const treeOf = (tag: string) => readImage(storage, tag, async (root) => readTree(root));

describe('the module image', () => {
  test.each(['amd64', 'arm64'])('for %s holds the module and its own Node, and nothing else', async (architecture) => {
    const tag = `module-${architecture}`;
    const modules = join(import.meta.dirname, '../../modules/nix');
    await build(storage, modules, tag, `--platform=linux/${architecture}`);
    const tree = await treeOf(tag);
    const program = [...tree].filter(([path]) => path.startsWith('/modules/nix/program/'));
    const binaries = program.filter(([, { kind, mode }]) => kind === 'file' && mode === '0755').map(([path]) => path);
    expect(binaries).toEqual([`/modules/nix/program/node-${architecture}`]);
    const outside = [...tree.keys()].filter((path) => !path.startsWith('/modules/nix/'));
    expect(outside).toEqual(['/modules', '/modules/nix']);
    const inModule = [...tree.keys()].filter((path) => /^\/modules\/nix\/[^/]+$/.test(path)).toSorted();
    expect(inModule).toEqual(['README.md', 'module.yml', 'nix.sh', 'program'].map((name) => `/modules/nix/${name}`));
    const machine = { amd64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' }[architecture];
    const header = await readImage(storage, tag, async (root) =>
      execa('readelf', ['-h', join(root, binaries[0] ?? '')]),
    );
    expect(header.stdout).toContain(machine);
  });
});

describe('the launcher', () => {
  test.each([
    ['no argument', '', 2, 'usage: nix.sh \'{"type":"nix"}\''],
    ['an empty argument', "''", 2, 'usage:'],
    ['two arguments', "'{}' '{}'", 2, 'usage:'],
    ['a recipe that is not there', '/ctx/recipe.yml', 1, '/ctx/recipe.yml: no such file'],
    ['a recipe named like an option', '--help', 1, '--help: no such file'],
    ['JSON that is broken', '\'{"type":\'', 1, 'the configuration is not JSON'],
  ])('%s', async (_, argument, code, message) => {
    const run = `/tmp/modules/nix/nix.sh ${argument} || { code=$?; echo "exit code $code"; exit 1; }`;
    const { exitCode, log } = await buildLines('launcher', [`RUN ${moduleMount} ${run}`]);
    expect(exitCode).not.toBe(0);
    expect(log).toContain(message);
    expect(log).toContain(`exit code ${code}`);
  });

  test('another machine', async () => {
    const uname = 'printf "#!/bin/sh\\necho riscv64\\n" >/tmp/uname && chmod +x /tmp/uname';
    const run = `${uname} && PATH=/tmp:$PATH /tmp/modules/nix/nix.sh '{"type":"nix"}'`;
    const { exitCode, log } = await buildLines('launcher', [`RUN ${moduleMount} ${run}`]);
    expect(exitCode).not.toBe(0);
    expect(log).toContain('this module runs on x86_64 and aarch64, and this image is for riscv64');
  });

  test('a checkout that nobody built', async () => {
    const prepare = async (project: string) => {
      await mkdir(join(project, 'modules/nix'), { recursive: true });
      await cp(join(import.meta.dirname, '../../modules/nix/nix.sh'), join(project, 'modules/nix/nix.sh'));
    };
    const lines = [`RUN --mount=type=bind,src=modules,dst=/tmp/modules /tmp/modules/nix/nix.sh '{"type":"nix"}'`];
    const { exitCode, log } = await buildLines('launcher', lines, prepare);
    expect(exitCode).not.toBe(0);
    expect(log).toContain('the module is incomplete');
    expect(log).toContain('npm run build');
  });

  test('a Node that lost its mode on the way', async () => {
    const run = `chmod -x /tmp/modules/nix/program/node-* && /tmp/modules/nix/nix.sh ${quoted(entry())}`;
    const { exitCode, log } = await buildLines('launcher', [`RUN ${filesMount} ${moduleMount},rw ${run}`]);
    expect(exitCode, log).toBe(0);
  });

  test('evaluates nothing of what it is given, from a module that is mounted read-only', async () => {
    const value = `$(touch /pwned) \`touch /pwned\` "; touch /pwned; ' * %n`;
    const config = entry({ 'nix-conf': { 'access-tokens': value } });
    const { exitCode, log } = await buildLines('evaluates-nothing', [
      `RUN ${filesMount} ${moduleMount} /tmp/modules/nix/nix.sh ${quoted(config)}`,
    ]);
    expect(exitCode, log).toBe(0);
    await readImage(storage, 'evaluates-nothing', async (root) => {
      expect(readFileSync(join(root, 'usr/share/bluebuild/nix/nix.conf'), 'utf8')).toContain(
        `access-tokens = ${value}\n`,
      );
      expect(readTree(root).has('/pwned')).toBe(false);
    });
  });
});

describe('an installer over https', () => {
  let server: LoopbackServer;
  beforeAll(async () => {
    server = await startServer();
    server.on('/nix-installer', file(Buffer.from(standIn.text)));
  });
  afterAll(() => server.close());

  const config = () =>
    entry({ installer: { version: '1.2.3', url: server.url('/nix-installer'), sha256: standIn.sha256 } });
  const run = () => `/tmp/modules/nix/nix.sh ${quoted(config())}`;
  // An image for a company's network does this first.
  const trusting =
    'RUN --mount=type=bind,src=ca.pem,dst=/tmp/ca.pem cat /tmp/ca.pem >>/etc/ssl/certs/ca-certificates.crt';
  const prepare = (project: string) => cp(server.authorityFile, join(project, 'ca.pem'));

  test('from a server that the image trusts; nothing of the download is left but the installer', async () => {
    const without = await buildLines('https-without', [trusting, `RUN ${moduleMount} true`], prepare);
    const built = await buildLines('https', [trusting, `RUN ${moduleMount} ${run()}`], prepare);
    expect(without.exitCode, without.log).toBe(0);
    expect(built.exitCode, built.log).toBe(0);
    const { added, changed, removed } = difference(await treeOf('https-without'), await treeOf('https'));
    const planned = (await planOf(config())).map(({ path }) => path);
    expect(added).toEqual(expect.arrayContaining(planned.filter((path) => path !== '/usr/lib/systemd/system')));
    expect(added.filter((path) => /^\/(etc|var|tmp|run|root)\b/.test(path))).toEqual([
      '/etc/determinate',
      '/etc/determinate/config.json',
    ]);
    expect({ changed, removed }).toEqual({ changed: [], removed: [] });
  });

  test('through the proxy that the build is told of', async () => {
    const connections: string[] = [];
    const proxy = createServer();
    proxy.on('connect', (request, client) => {
      connections.push(request.url ?? '');
      const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const built = await buildLines(
      'proxy',
      [trusting, `RUN ${moduleMount} https_proxy=http://127.0.0.1:${port} ${run()}`],
      prepare,
    );
    proxy.close();
    expect(built.exitCode, built.log).toBe(0);
    expect(connections).toEqual([new URL(server.url('/')).host]);
  });

  test('from a server that it does not trust: no image, and what to do', async () => {
    const { exitCode, log } = await buildLines('untrusted', [`RUN ${moduleMount} ${run()}`]);
    expect(exitCode).not.toBe(0);
    expect(log).toContain("the server's certificate is not trusted");
    expect(await exists(storage, 'untrusted')).toBe(false);
  });

  test('once for all builds where /var/cache is a cache mount, as in image-template', async () => {
    const lines = [trusting, `RUN --mount=type=cache,dst=/var/cache ${moduleMount} ${run()}`];
    const temporary = await temporaryDirectory();
    const first = await buildLines('cached', lines, prepare, temporary.option);
    expect(first.log).toContain('downloading');
    const before = server.requests.length;
    const second = await buildLines('cached', lines, prepare, temporary.option);
    expect(second.log).toContain('from the cache, digest verified');
    expect(server.requests.length).toBe(before);
    const tree = await treeOf('cached');
    expect(tree.get('/usr/libexec/bluebuild/nix/nix-installer')).toMatchObject({ content: standIn.sha256 });
    expect([...tree.keys()].filter((path) => /^\/(var\/cache|tmp)\/./.test(path))).toEqual([]);
    expect(readdirSync(temporary.path, { recursive: true })).toEqual(['ca.pem', 'modules']); // where buildah mounted them
  });
});

describe('`installer: native`', () => {
  const nix = { provider: 'native', ...(entry()['installer'] as Record<string, unknown>) };
  const config = entry({ installer: nix });
  const bake = `RUN ${filesMount} ${moduleMount} /tmp/modules/nix/nix.sh ${quoted(config)}`;

  test('bakes what is planned, and in /etc nothing but nix.conf and the profile script; systemd takes it', async () => {
    const dryRuns = [
      'systemd-sysusers --dry-run /usr/lib/bluebuild/nix/sysusers.conf',
      'systemd-tmpfiles --dry-run --create --remove nix.conf nix-state.conf',
      'systemd-analyze verify --man=no nix-users.service nix-install.service nix-daemon.service nix-daemon.socket',
    ];
    const { exitCode, log } = await buildLines('native', [bake, ...dryRuns.map((run) => `RUN ${run}`)]);
    expect(exitCode, log).toBe(0);
    expect(
      log.split('\n').filter((line) => /Unknown|ignoring|Failed/.test(line) && !line.includes('audit log')),
    ).toEqual([]);
    const { added, changed, removed } = difference(await treeOf('base'), await treeOf('native'));
    const planned = (await planOf(config)).map(({ path }) => path);
    expect(added).toEqual(
      expect.arrayContaining(planned.filter((path) => !path.startsWith('/usr/lib/systemd/system/'))),
    );
    const inEtc = added.filter((path) => path.startsWith('/etc/'));
    expect(inEtc.filter((path) => !['/etc/nix', '/etc/profile.d'].includes(path))).toEqual([
      '/etc/nix/nix.conf',
      '/etc/profile.d/nix.sh',
    ]);
    expect({ changed, removed }).toEqual({ changed: [], removed: [] });
    expect((await treeOf('native')).get('/usr/bin/nix')).toMatchObject({
      content: '/nix/var/nix/profiles/default/bin/nix',
    });
  });

  test('a base that has a Nix of its own: told, and no image', async () => {
    const { exitCode, log } = await buildLines('native-twice', ['RUN echo >/usr/bin/nix-env', bake]);
    expect(exitCode).not.toBe(0);
    expect(log).toContain('the image has a Nix of its own (/usr/bin/nix-env)');
    expect(await exists(storage, 'native-twice')).toBe(false);
  });
});

describe('`installer: system`', () => {
  const config = { type: 'nix', installer: 'system' };
  const bake = `RUN ${moduleMount} /tmp/modules/nix/nix.sh ${quoted(config)}`;
  const install = (...packages: string[]): string =>
    `RUN mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial /var/log/apt && \\
      ln -s ../../usr/lib/sysimage/dpkg /var/lib/dpkg && apt-get -o Acquire::Check-Valid-Until=false update && \\
      DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ${packages.join(' ')} && rm -r /var/*`;

  test("Debian's packages, by apt: bakes what is planned beside them, and changes none of their files; systemd takes it", async () => {
    const packages = await buildLines('system-packages', [install('nix-bin', 'nix-setup-systemd')]);
    expect(packages.exitCode, packages.log).toBe(0);
    const units = ['nix-daemon.service', 'nix-daemon.socket', 'nix-first-store.service', 'nix-install.service'];
    const { exitCode, log } = await buildLines('system', [
      'FROM localhost/system-packages',
      bake,
      `RUN systemd-analyze verify --man=no ${units.join(' ')}`,
    ]);
    expect(exitCode, log).toBe(0);
    expect(
      log.split('\n').filter((line) => /Unknown|ignoring|Failed/.test(line) && !line.includes('audit log')),
    ).toEqual([]);
    const { added, changed, removed } = difference(await treeOf('system-packages'), await treeOf('system'));
    const planned = (await planOf(config)).map(({ path }) => path);
    expect(planned.filter((path) => !added.includes(path) && /nix/.test(path.slice('/nix'.length)))).toEqual([]);
    expect(added.filter((path) => path.startsWith('/etc/'))).toEqual([
      '/etc/profile.d/nix-profiles.sh',
      '/etc/xdg/nix',
      '/etc/xdg/nix/nix.conf',
    ]);
    expect({ changed, removed }).toEqual({ changed: [], removed: [] });
  });

  test.each([
    ['no Nix', [], 'the image has no Nix of its own (/usr/bin/nix), and `system` takes the one of the distribution'],
    ['no units of its daemon', [install('nix-bin')], 'the Nix of the image is not complete: it has no /'],
  ])('%s: told, with the line to add, and no image', async (_, lines, message) => {
    const { exitCode, log } = await buildLines('system-refused', [...lines, bake]);
    expect(exitCode).not.toBe(0);
    expect(log).toContain(message);
    expect(log).toContain('`RUN dnf install -y nix nix-daemon nix-legacy busybox`');
    expect(log).toContain('on Debian nix-bin and nix-setup-systemd');
    expect(await exists(storage, 'system-refused')).toBe(false);
  });
});

describe('examples', () => {
  const examples = join(import.meta.dirname, '../../examples');
  const repository = join(examples, '..');
  const cli = (...options: string[]) =>
    execa({ cwd: repository, preferLocal: true, reject: false, all: true })('node', ['src/cli.ts', ...options]);

  test.each(['bazzite/recipes/recipe.yml', 'bluefin/build_files/nix.yml', 'workflow/recipes/recipe.yml'])(
    '%s is valid on both architectures',
    async (recipe) => {
      for (const architecture of ['x86_64', 'aarch64']) {
        const result = await cli('validate', '--arch', architecture, join('examples', recipe));
        expect(result).toMatchObject({ exitCode: 0 });
        expect(result.all).toContain('valid: ');
      }
    },
  );

  test('bluefin/Containerfile builds, with the local base and module, and a stand-in for the installer', async () => {
    const project = await makeProject(storage);
    await cp(join(examples, 'bluefin'), project, { recursive: true });
    const containerfile = (await readFile(join(project, 'Containerfile'), 'utf8'))
      .replace('ghcr.io/ublue-os/bluefin:stable', 'localhost/base')
      .replace('ghcr.io/bluebuild-nix/bluebuild-nix:v1', 'localhost/module')
      .replaceAll('--mount=type=tmpfs,dst=/tmp', '') // temporary.option instead
      // Debian has no bootc. The other tests check the layout of the image.
      .replace('RUN bootc container lint', '')
      // The stand-in is a file of the project.
      .replace('/tmp/modules/nix/nix.sh', 'CONFIG_DIRECTORY=/ctx/files /tmp/modules/nix/nix.sh');
    expect(containerfile).not.toMatch(/ghcr\.io|bootc/);
    await writeFile(join(project, 'Containerfile'), containerfile);
    const recipe = await readFile(join(project, 'build_files/nix.yml'), 'utf8');
    const installer = `    installer: ${JSON.stringify(entry()['installer'])}\n`;
    await writeFile(join(project, 'build_files/nix.yml'), recipe.replace('- type: nix\n', `- type: nix\n${installer}`));
    await cp(join(project, 'files'), join(project, 'build_files/files'), { recursive: true });
    await chmod(join(project, 'build_files/build.sh'), 0o755);
    const temporary = await temporaryDirectory();
    const { exitCode, log } = await build(storage, project, 'bluefin', temporary.option);
    expect(exitCode, log).toBe(0);
    await readImage(storage, 'bluefin', async (root) => {
      expect(readFileSync(join(root, 'usr/share/bluebuild/nix/nix.conf'), 'utf8')).toContain(
        'trusted-users = root @wheel\n',
      );
      const tree = readTree(root);
      expect(tree.get('/usr/libexec/bluebuild/nix/nix-installer')).toMatchObject({
        content: standIn.sha256,
        mode: '0755',
      });
      expect([...tree.keys()].filter((path) => /^\/(ctx|var\/cache|var\/log|tmp)\/./.test(path))).toEqual([]);
    });
  });
});
