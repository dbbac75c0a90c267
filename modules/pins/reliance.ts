/** What the image relies on in what it pins, looked for in a new release before its pin moves. */
import { chmod, readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { type Architecture, architectureOf } from '../../src/config/architecture.ts';
import type { Downloaded } from '../../src/config/config.ts';

type Reliance = {
  /** Options of `install ostree` that the image gives, and the defaults that it agrees with. */
  options: Record<string, string | undefined>;
  /** The others that src/config/rules.ts was written for. What is new may undo what the module does. */
  known: readonly string[];
  /** Files that it writes, variables that it reads. */
  texts: readonly string[];
  /** What it must not have. */
  never: readonly string[];
  /** What it says on standard error where `telemetry: off` works. */
  silenced?: string;
};

const options: Reliance['options'] = {
  '--no-confirm': undefined,
  '--persistence': undefined,
  '--extra-conf': undefined,
  // usr/lib/bluebuild/nix/sysusers.conf makes the same.
  '--nix-build-group-name': 'nixbld',
  '--nix-build-group-id': '30000',
  '--nix-build-user-prefix': 'nixbld',
  '--nix-build-user-count': '32',
  '--nix-build-user-id-base': '30000',
};

const known = [
  ...['--explain', '--force', '--help', '--log-directive', '--logger', '--no-modify-profile', '--proxy'],
  ...['--skip-nix-conf', '--ssl-cert-file', '--verbose', '--nix-package-url'],
];

const texts = [
  // What first boot and the adoption of a store put aside.
  '/etc/systemd/system/nix.mount',
  '/etc/systemd/system/nix-directory.service',
  '/etc/systemd/system/ensure-symlinked-units-resolve.service',
  '/etc/systemd/system/nix-daemon.service',
  '/etc/nix/nix.conf',
  '/nix/var/nix/profiles/default',
  '/nix/receipt.json',
];

const installers: Record<Exclude<Downloaded, 'native'>, Reliance> = {
  determinate: {
    options,
    known: [...known, '--determinate', '--prefer-upstream-nix', '--diagnostic-endpoint', '--diagnostic-attribution'],
    texts: [
      ...texts,
      '/etc/nix/nix.custom.conf',
      '/usr/local/bin/determinate-nixd',
      'determinate-nixd.socket',
      'DETSYS_IDS_TELEMETRY',
    ],
    never: [],
    silenced: 'Telemetry is disabled',
  },
  // `telemetry` is refused with it, because it sends none.
  nixos: { options, known: [...known, '--add-channel', '--enable-flakes'], texts, never: ['DETSYS_IDS_TELEMETRY'] },
};

/** `problems` keep the pin where it is; `news` are for the person who reviews the change. */
export type Findings = { problems: string[]; news: string[] };

export type Candidate = {
  provider: Downloaded;
  version: string;
  architecture: Architecture;
  /** The download, whose digest is verified. */
  path: string;
};

/** Looks for what the image relies on. An installer is asked for its options where it runs: on its own architecture. */
export async function checkReliance(candidate: Candidate): Promise<Findings> {
  if (candidate.provider === 'native') return checkTarball(candidate);
  const reliance = installers[candidate.provider];
  const bytes = await readFile(candidate.path);
  const { texts, never, silenced } = reliance;
  const missing = [...texts, ...(silenced === undefined ? [] : [silenced])].filter((text) => !bytes.includes(text));
  const unwanted = never.filter((text) => bytes.includes(text));
  const inBinary: Findings = {
    problems: [
      ...missing.map((text) => `there is no \`${text}\` in it`),
      ...unwanted.map((text) => `there is \`${text}\` in it`),
    ],
    news: [],
  };
  if (candidate.architecture !== architectureOf(process.arch)) return inBinary;
  await chmod(candidate.path, 0o755);
  return merge(
    inBinary,
    await checkVersion(candidate),
    await checkOptions(candidate, reliance),
    await checkTelemetry(candidate, reliance),
  );
}

const merge = (...findings: Findings[]): Findings => ({
  problems: findings.flatMap(({ problems }) => problems),
  news: findings.flatMap(({ news }) => news),
});

/** Runs it with telemetry off, as the image does. */
const ask = (path: string, ...args: string[]) =>
  execa(path, args, { env: { DETSYS_IDS_TELEMETRY: 'disabled' }, reject: false, stdin: 'ignore', timeout: 60_000 });

async function checkVersion({ path, version }: Candidate): Promise<Findings> {
  const { stdout } = await ask(path, '--version');
  const problems = stdout === `nix-installer ${version}` ? [] : [`\`--version\` says ${JSON.stringify(stdout)}`];
  return { problems, news: [] };
}

/** The self-test changes nothing, and every command that does something begins with the same question. */
async function checkTelemetry({ path }: Candidate, { silenced }: Reliance): Promise<Findings> {
  if (silenced === undefined) return { problems: [], news: [] };
  const { stderr } = await ask(path, 'self-test');
  const problems = stderr.includes(silenced) ? [] : ['DETSYS_IDS_TELEMETRY=disabled does not turn its telemetry off'];
  return { problems, news: [] };
}

async function checkOptions({ path }: Candidate, { options, known }: Reliance): Promise<Findings> {
  const { stdout: help } = await ask(path, 'install', 'ostree', '--help');
  const found = new Map(
    help
      .split(/^(?= {2,}(?:-\w, )?--[a-z])/m)
      .slice(1)
      .map((part) => [/--[a-z-]+/.exec(part)?.[0] ?? '', /\[default: ([^\]]*)\]/.exec(part)?.[1]]),
  );
  if (found.size === 0) return { problems: ['`install ostree --help` names no options'], news: [] };
  const problems = Object.entries(options).flatMap(([name, value]) => {
    if (!found.has(name)) return [`\`install ostree\` has no option \`${name}\``];
    const actual = found.get(name);
    return value === undefined || actual === value
      ? []
      : [`the default of \`${name}\` is ${actual ?? 'nothing'}, and the image has ${value}`];
  });
  const names = new Set([...Object.keys(options), ...known]);
  const added = [...found.keys()].filter((name) => !names.has(name));
  return { problems, news: added.map((name) => `new option \`${name}\`: must src/config/rules.ts refuse it?`) };
}

/** Nix's tarball, as provider.sh of `native` unpacks it and nix.sh and nix.fish look into it. */
async function checkTarball({ path, version, architecture }: Candidate): Promise<Findings> {
  const top = `nix-${version}-${architecture}-linux`;
  const list = ['--list', '--file', path];
  const names = new Set((await execa('tar', list, { maxBuffer: 64 * 1024 ** 2 })).stdout.split('\n'));
  // A part of a package may be a link to a directory of another one.
  const isThere = (name: string) =>
    name.split('/').some((_, index, parts) => names.has(parts.slice(0, index + 1).join('/')));
  const packages = [...names].flatMap((name) => /^[^/]*\/store\/[^/]+(?=\/$)/.exec(name) ?? []);
  const has = (name: RegExp, ...parts: string[]) =>
    packages.some((found) => name.test(found) && parts.every((part) => isThere(`${found}/${part}`)));
  const programs = ['nix', 'nix-daemon', 'nix-env', 'nix-hash', 'nix-store'].map((name) => `bin/${name}`);
  const profile = ['etc/profile.d/nix-daemon.sh', 'etc/profile.d/nix-daemon.fish'];
  const expected: [what: string, found: boolean][] = [
    [`${top}/.reginfo`, isThere(`${top}/.reginfo`)],
    [`Nix ${version} with its programs`, has(new RegExp(`^${top}/store/[^/]*-nix-${version}$`), ...programs)],
    [`Nix ${version} with its profile scripts`, has(new RegExp(`^${top}/store/[^/]*-nix-${version}$`), ...profile)],
    ['nss-cacert with its bundle', has(/-nss-cacert-[^/]*$/, 'etc/ssl/certs/ca-bundle.crt')],
  ];
  return { problems: expected.flatMap(([what, found]) => (found ? [] : [`there is no ${what} in it`])), news: [] };
}
