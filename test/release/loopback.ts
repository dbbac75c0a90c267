import { randomInt } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';
import { startGithubStandIn } from './github-stand-in.ts';
import { newerTools } from './newer-tools.ts';
import { startNpmStandIn } from './npm-stand-in.ts';

type RunOptions = { cwd?: string; reject?: boolean; detached?: boolean; stripFinalNewline?: boolean };

const authorities = '/etc/ssl/certs/ca-certificates.crt';

/**
 * ghcr.io, GitHub and npm's registry on loopback: a real registry that speaks TLS and answers to its name, and stand-ins
 * for the two that are not available here. Only what is started by `run` sees them: it has a mount namespace of its own, with
 * other hosts and one more authority.
 */
export async function startLoopback() {
  const directory = mkdtempSync(join(tmpdir(), 'bluebuild-nix-loopback-'));
  const path = (...names: string[]) => join(directory, ...names);
  // Nobody else on the machine listens there.
  const network = `127.${randomInt(64, 128)}.${randomInt(256)}`;
  const [registryAddress, githubAddress] = [`${network}.1`, `${network}.2`];

  await makeCertificates(path());
  writeFileSync(
    path('hosts'),
    `127.0.0.1 localhost\n${registryAddress} ghcr.io\n${githubAddress} api.github.com uploads.github.com\n`,
  );
  mkdirSync(path('registry'));
  // JSON is YAML.
  const configuration = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: path('registry') }, delete: { enabled: true } },
    http: { addr: `${registryAddress}:443`, tls: { certificate: path('server.crt'), key: path('server.key') } },
  };
  writeFileSync(path('registry.yml'), JSON.stringify(configuration));
  const registry = execa('docker-registry', ['serve', path('registry.yml')], { stdio: 'ignore', reject: false });
  const tls = { key: readFileSync(path('server.key'), 'utf8'), cert: readFileSync(path('server.crt'), 'utf8') };
  const [github, npm] = await Promise.all([startGithubStandIn(githubAddress, tls), startNpmStandIn()]);
  await listening(registryAddress, 443);

  const enter = `mount --bind "$1/hosts" /etc/hosts && mount --bind "$1/authorities.crt" ${authorities} && exec sleep infinity`;
  const holder = execa('unshare', ['--mount', 'sh', '-c', enter, 'sh', directory], { stdio: 'ignore', reject: false });
  await until(() => readFileSync(`/proc/${holder.pid}/mounts`, 'utf8').includes(` ${authorities} `));

  const tools = await newerTools();
  writeFileSync(path('npmrc'), `${npm.url.replace('http:', '')}:_authToken=rehearsal\nupdate-notifier=false\n`);
  const env = {
    PATH: `${tools}:${process.env['PATH']}`,
    NPM_CONFIG_USERCONFIG: path('npmrc'),
    GH_TOKEN: 'rehearsal',
    GH_CONFIG_DIR: path('gh'),
    COSIGN_PASSWORD: '',
    GITHUB_ACTIONS: undefined,
    GITHUB_WORKFLOW_REF: undefined,
  };
  /** Starts a program in the namespace. */
  const run = (program: string, args: readonly string[], { cwd = directory, ...options }: RunOptions = {}) =>
    execa(
      'nsenter',
      [`--mount=/proc/${holder.pid}/ns/mnt`, 'sh', '-c', 'cd "$0" && exec "$@"', cwd, program, ...args],
      { ...options, env },
    );

  const stop = () => {
    holder.kill('SIGKILL');
    registry.kill('SIGKILL');
    github.stop();
    npm.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { directory, path, run, github, npm, registryStorage: path('registry'), stop };
}

async function makeCertificates(directory: string): Promise<void> {
  const openssl = (...args: string[]) => execa('openssl', args, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=rehearsal');
  await openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=ghcr.io');
  writeFileSync(join(directory, 'names'), 'subjectAltName=DNS:ghcr.io,DNS:api.github.com,DNS:uploads.github.com');
  const signed = ['-in', 'server.csr', '-out', 'server.crt', '-days', '2', '-extfile', 'names'];
  await openssl('x509', '-req', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', ...signed);
  writeFileSync(join(directory, 'authorities.crt'), readFileSync(authorities));
  appendFileSync(join(directory, 'authorities.crt'), readFileSync(join(directory, 'ca.crt')));
}

async function listening(host: string, port: number): Promise<void> {
  const accepted = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, host, () => {
        socket.destroy();
        resolve(true);
      }).once('error', () => resolve(false));
    });
  await until(accepted);
}

/** Waits for a condition, at most half a minute. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('what was waited for did not come');
    await setTimeout(50);
  }
}
