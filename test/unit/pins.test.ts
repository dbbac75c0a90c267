/** `npm run pins` against a server on loopback that publishes releases like the vendors. */
import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, resolveConfig } from 'prettier';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Architecture, architectures } from '../../src/config/architecture.ts';
import { type Release, releases } from '../../src/config/releases.ts';
import { file, type LoopbackServer, startServer, status } from '../support/loopback-server.ts';

const repository = join(import.meta.dirname, '../..');
const releasesFile = join(repository, 'src/config/releases.json');

let server: LoopbackServer;
let directory: string;
let pinsFile: string;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nix-pins-'));
  pinsFile = join(directory, 'releases.json');
  cpSync(releasesFile, pinsFile);
});
afterEach(() => rmSync(directory, { recursive: true }));

const pins = (...args: string[]) =>
  execa(
    process.execPath,
    [join(repository, 'modules/pins/pins.ts'), '--file', pinsFile, '--mirror', server.url(''), ...args],
    {
      env: { NODE_EXTRA_CA_CERTS: server.authorityFile, NO_COLOR: '1', GH_TOKEN: 'the token' },
      reject: false,
    },
  );
const written = () => JSON.parse(readFileSync(pinsFile, 'utf8')) as Record<keyof typeof releases, Release>;

const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const publish = (url: string, content: string | Buffer) =>
  server.on(url.replace('https://', '/'), file(Buffer.from(content)));
const publishJson = (url: string, value: object) => publish(url, JSON.stringify(value));

type Installer = { version: string; silence?: string; says?: string; help?: string; texts?: string[] };

const help = `Usage: nix-installer install ostree [OPTIONS]

Options:
      --no-confirm
          Run installation without requiring explicit user confirmation

      --persistence <PERSISTENCE>
          Where \`/nix\` will be bind mounted to

          [default: /var/home/nix]

  -v, --verbose...
          Enable debug logs, -vv for trace

      --nix-build-group-name <NIX_BUILD_GROUP_NAME>
          [default: nixbld]

      --nix-build-group-id <NIX_BUILD_GROUP_ID>
          [default: 30000]

      --nix-build-user-prefix <NIX_BUILD_USER_PREFIX>
          [default: nixbld]

      --nix-build-user-count <NIX_BUILD_USER_COUNT>
          The number of build users to create

          [env: NIX_INSTALLER_NIX_BUILD_USER_COUNT=]
          [default: 32]

      --nix-build-user-id-base <NIX_BUILD_USER_ID_BASE>
          [default: 30000]

      --extra-conf [<EXTRA_CONF>...]
          Extra configuration lines for \`/etc/nix.conf\`

  -h, --help
          Print help`;

const texts = [
  ...['/etc/systemd/system/nix.mount', '/etc/systemd/system/nix-directory.service', '/etc/nix/nix.conf'],
  ...['/etc/systemd/system/ensure-symlinked-units-resolve.service', '/etc/systemd/system/nix-daemon.service'],
  ...['/nix/var/nix/profiles/default', '/nix/receipt.json', '/etc/nix/nix.custom.conf', 'determinate-nixd.socket'],
  ...['/usr/local/bin/determinate-nixd', 'DETSYS_IDS_TELEMETRY', 'Telemetry is disabled'],
];

const without = (text: string) => texts.filter((one) => one !== text);
const nixosTexts = without('DETSYS_IDS_TELEMETRY');

/** A stand-in for an installer: it gives the answers of a real one and contains the same texts. */
const installerStandIn = (architecture: Architecture, { version, ...changed }: Installer, texts: string[]) =>
  Buffer.from(`#!/bin/sh
# ${architecture}: ${(changed.texts ?? texts).join(' ')}
case "$*" in
--version) echo 'nix-installer ${changed.says ?? version}' ;;
'install ostree --help') cat <<'END'
${changed.help ?? help}
END
;;
self-test) ! env | grep -q '_TELEMETRY=${changed.silence ?? 'disabled'}$' || echo '[NOTE] Telemetry is disabled' >&2 ;;
esac
`);

const projects = { determinate: 'DeterminateSystems/nix-installer', nixos: 'NixOS/nix-installer' };

/** Publishes a release of an installer; gives its digests. */
function publishInstaller(provider: keyof typeof projects, installer: Installer): Record<Architecture, string> {
  const { version } = installer;
  const tag = provider === 'determinate' ? `v${version}` : version;
  const files = architectures.map((architecture) => {
    const bytes = installerStandIn(architecture, installer, provider === 'nixos' ? nixosTexts : texts);
    publish(fillIn(releases[provider].url, version, architecture), bytes);
    return { architecture, name: `nix-installer-${architecture}-linux`, digest: sha256Of(bytes) };
  });
  const assets = files.map(({ name, digest }) => ({ name, digest: `sha256:${digest}` }));
  for (const which of ['latest', `tags/${tag}`])
    publishJson(`https://api.github.com/repos/${projects[provider]}/releases/${which}`, { tag_name: tag, assets });
  if (provider === 'nixos') {
    const sums = files.map(({ name, digest }) => `${digest}  ${name}\n`).join('');
    publish(`https://github.com/NixOS/nix-installer/releases/download/${version}/SHA256SUMS`, sums);
  }
  return Object.fromEntries(files.map(({ architecture, digest }) => [architecture, digest])) as Record<
    Architecture,
    string
  >;
}

const fillIn = (url: string, version: string, architecture: string) =>
  url.replaceAll('{version}', version).replaceAll('{arch}', architecture);

const hash = '0123456789abcdfghijklmnpqrsvwxyz';
const inNix = ['bin/nix', 'bin/nix-daemon', 'bin/nix-env', 'bin/nix-hash', 'bin/nix-store'];
const certificates = `${hash}-nss-cacert-3.123/etc/ssl/certs/ca-bundle.crt`;

/** Publishes a release of Nix, a tarball with empty files; gives its digests. */
async function publishNix(version: string, withCertificates = true): Promise<Record<Architecture, string>> {
  const base = `https://releases.nixos.org/nix/nix-${version}`;
  const digests = { x86_64: '', aarch64: '' };
  for (const architecture of architectures) {
    const name = `nix-${version}-${architecture}-linux`;
    const nix = `${name}/store/${hash}-nix-${version}`;
    const profile = ['nix-daemon.sh', 'nix-daemon.fish'].map((one) => `etc/profile.d/${one}`);
    const names = [
      `${name}/.reginfo`,
      ...[...inNix, ...profile].map((one) => `${nix}/${one}`),
      ...(withCertificates ? [`${name}/store/${certificates}`] : []),
    ];
    for (const one of names) {
      mkdirSync(join(directory, one, '..'), { recursive: true });
      writeFileSync(join(directory, one), '');
    }
    await execa('tar', ['--create', '--xz', '--file', `${name}.tar.xz`, name], { cwd: directory });
    const bytes = readFileSync(join(directory, `${name}.tar.xz`));
    digests[architecture] = sha256Of(bytes);
    publish(`${base}/${name}.tar.xz`, bytes);
    publish(`${base}/${name}.tar.xz.sha256`, digests[architecture]);
  }
  const cases = architectures.map(
    (architecture) => `    Linux.${architecture})
        hash=${digests[architecture]}
        path=3d229fmjbbhn74zwp21z6rfx2a35ryy8/nix-${version}-${architecture}-linux.tar.xz
        system=${architecture}-linux
        ;;\n`,
  );
  publish(`${base}/install`, `case "$(uname -s).$(uname -m)" in\n${cases.join('')}esac\n`);
  listNix(['2.35.1', '2.9.2', version, '2.36pre20260101_abcdefg']);
  return digests;
}

const listing = '/nix-releases.s3.amazonaws.com/?delimiter=/&prefix=nix/nix-&marker=';

/** Lists releases of Nix in two answers, with half of them in each. */
function listNix(versions: string[]): void {
  const half = Math.ceil(versions.length / 2);
  const prefixes = (some: string[]) =>
    some.map((one) => `<CommonPrefixes><Prefix>nix/nix-${one}/</Prefix></CommonPrefixes>`).join('');
  const next = `nix/nix-${versions[half - 1]}/`;
  const [first, rest] = [prefixes(versions.slice(0, half)), prefixes(versions.slice(half))];
  const answer = (parts: string) => file(Buffer.from(`<ListBucketResult>${parts}</ListBucketResult>`));
  server.on(listing, answer(`<NextMarker>${next}</NextMarker><IsTruncated>true</IsTruncated>${first}`));
  server.on(`${listing}${encodeURIComponent(next)}`, answer(`<IsTruncated>false</IsTruncated>${rest}`));
}

/** Publishes the pinned releases as the newest ones. */
function publishPinned(): void {
  publishInstaller('determinate', { version: releases.determinate.version });
  publishInstaller('nixos', { version: releases.nixos.version });
  listNix(['2.35.1', releases.native.version, '2.9.2', '2.34.7']);
}
beforeEach(publishPinned);

test('what is pinned is the newest: nothing changes, and nothing is downloaded', async () => {
  server.requests.length = 0;
  expect(await pins()).toMatchObject({
    exitCode: 0,
    stderr: '',
    stdout: ['determinate', 'nixos', 'native']
      .map((name) => `${name}: ${releases[name as 'nixos'].version} is the newest release`)
      .join('\n'),
  });
  expect(readFileSync(pinsFile, 'utf8')).toBe(readFileSync(releasesFile, 'utf8'));
  expect(server.requests.filter(({ url }) => /linux/.test(url))).toEqual([]);
});

test('newer releases are pinned with both digests and where these are stated', { timeout: 60_000 }, async () => {
  const determinate = publishInstaller('determinate', { version: '3.99.0' });
  const nixos = publishInstaller('nixos', { version: '2.99.1' });
  const native = await publishNix('2.99.0');
  const { exitCode, stdout, stderr } = await pins();
  expect({ exitCode, errors: stderr.includes('error:') }).toEqual({ exitCode: 0, errors: false });
  expect(written()).toEqual({
    determinate: {
      version: '3.99.0',
      url: releases.determinate.url,
      sha256: determinate,
      seen: [
        'https://api.github.com/repos/DeterminateSystems/nix-installer/releases/tags/v3.99.0',
        'https://install.determinate.systems/nix/tag/v3.99.0/nix-installer-{arch}-linux',
      ],
    },
    nixos: {
      version: '2.99.1',
      url: releases.nixos.url,
      sha256: nixos,
      seen: [
        'https://api.github.com/repos/NixOS/nix-installer/releases/tags/2.99.1',
        'https://github.com/NixOS/nix-installer/releases/download/2.99.1/SHA256SUMS',
        'https://github.com/NixOS/nix-installer/releases/download/2.99.1/nix-installer-{arch}-linux',
      ],
    },
    native: {
      version: '2.99.0',
      url: releases.native.url,
      sha256: native,
      seen: [
        'https://releases.nixos.org/nix/nix-2.99.0/install',
        'https://releases.nixos.org/nix/nix-2.99.0/nix-2.99.0-{arch}-linux.tar.xz.sha256',
        'https://releases.nixos.org/nix/nix-2.99.0/nix-2.99.0-{arch}-linux.tar.xz',
      ],
    },
  });
  expect(stdout).toContain(
    `determinate: ${releases.determinate.version} → 3.99.0\n- digests seen in https://api.github`,
  );
  expect(await check(readFileSync(pinsFile, 'utf8'), { ...(await resolveConfig(releasesFile)), parser: 'json' })).toBe(
    true,
  );
  expect((await pins()).stdout).toContain('native: 2.99.0 is the newest release');
  const asked = server.requests.filter(({ headers }) => headers.authorization !== undefined);
  expect(new Set(asked.map(({ url }) => url.split('/')[1]))).toEqual(new Set(['api.github.com']));
});

test('an older release does not move a pin back', async () => {
  publishInstaller('determinate', { version: '3.1.0' });
  expect((await pins()).stdout).toContain(`determinate: ${releases.determinate.version} is the newest release`);
  expect(written().determinate).toEqual(releases.determinate);
});

test('where two places differ, that pin stays and the others move', async () => {
  publishInstaller('determinate', { version: '3.99.0' });
  const { x86_64 } = publishInstaller('nixos', { version: '2.99.1' });
  const wrong = x86_64.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  const [sums, name] = ['https://github.com/NixOS/nix-installer/releases/download/2.99.1/SHA256SUMS', 'nix-installer'];
  publish(sums, `${wrong}  ${name}-x86_64-linux\n${'a'.repeat(64)}  ${name}-aarch64-linux\n`);
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('error: nixos 2.99.1 for x86_64: two places state different digests');
  expect(stderr).toContain(`SHA256SUMS: ${wrong}`);
  expect(written()).toMatchObject({ nixos: releases.nixos, determinate: { version: '3.99.0' } });
});

test('a download that has another digest is not pinned', async () => {
  publishInstaller('determinate', { version: '3.99.0' });
  publish(fillIn(releases.determinate.url, '3.99.0', 'aarch64'), 'something else');
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('error: determinate 3.99.0 for aarch64: the file does not match its digest');
  expect(written().determinate).toEqual(releases.determinate);
});

test.each([
  ['the switch of telemetry', { texts: without('DETSYS_IDS_TELEMETRY') }, 'there is no `DETSYS_IDS_TELEMETRY` in it'],
  ['an option', { help: help.replace('--persistence', '--store') }, '`install ostree` has no option `--persistence`'],
  [
    'the number of users',
    { help: help.replace('[default: 32]', '[default: 64]') },
    'the default of `--nix-build-user-count` is 64, and the image has 32',
  ],
  ['the value of the switch', { silence: '0' }, 'DETSYS_IDS_TELEMETRY=disabled does not turn its telemetry off'],
  ['its help', { help: 'No.' }, '`install ostree --help` names no options'],
])('an installer that has changed %s is not pinned', async (_, changed, message) => {
  publishInstaller('determinate', { version: '3.99.0', ...changed });
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: determinate 3\.99\.0 for (x86_64|aarch64): /m);
  expect(stderr).toContain(message);
  expect(written().determinate).toEqual(releases.determinate);
});

test('an installer that says it is another version is not pinned', async () => {
  publishInstaller('nixos', { version: '2.99.1', says: '2.0.0' });
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('`--version` says "nix-installer 2.0.0"');
});

test('an installer of NixOS that has telemetry is not pinned', async () => {
  publishInstaller('nixos', { version: '2.99.1', texts });
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('there is `DETSYS_IDS_TELEMETRY` in it');
  expect(written().nixos).toEqual(releases.nixos);
});

test('an option that nobody has looked at is news', async () => {
  publishInstaller('determinate', {
    version: '3.99.0',
    help: `${help}\n\n      --telemetry <WHERE>\n          Always\n`,
  });
  const { exitCode, stdout } = await pins();
  expect(exitCode).toBe(0);
  expect(stdout).toContain('- new option `--telemetry`: must src/config/rules.ts refuse it?\n');
  expect(stdout.match(/new option/g)).toHaveLength(1);
});

test('a Nix without certificates is not pinned', async () => {
  await publishNix('2.99.0', false);
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('error: native 2.99.0 for x86_64: there is no nss-cacert with its bundle in it');
  expect(written().native).toEqual(releases.native);
});

test.each([
  ['/api.github.com/repos/NixOS/nix-installer/releases/latest', status(404), 'the server answered 404 Not Found'],
  [
    '/api.github.com/repos/NixOS/nix-installer/releases/latest',
    file(Buffer.from('{"tag_name":"nightly"}')),
    '"nightly"',
  ],
  [listing, file(Buffer.from('<ListBucketResult/>')), 'lists no release of Nix'],
])('%s: what is no answer is an error', async (path, reply, message) => {
  server.on(path, reply);
  const { exitCode, stderr } = await pins();
  expect(exitCode).toBe(1);
  expect(stderr).toContain(message);
});

test('usage', async () => {
  expect(await pins('--no-such-option')).toMatchObject({ exitCode: 2 });
  expect(await pins('--help')).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('--mirror') });
});
