import { randomInt } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execa } from 'execa';

export type RunOptions = {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string;
  reject?: boolean;
  detached?: boolean;
  all?: boolean;
  stripFinalNewline?: boolean;
};

export type Site = { address: string; tls: { key: string; cert: string } };

const trusted = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Sites on loopback with TLS and names of the internet, which only the programs of a test can reach. These programs run
 * in a mount namespace with its own hosts file and certificate authority, and a resolver that resolves nothing. The
 * machine itself is not changed.
 */
export async function startOwnInternet() {
  const directory = mkdtempSync(join(tmpdir(), 'bluebuild-nix-internet-'));
  const path = (...names: string[]) => join(directory, ...names);
  // A random part of 127.0.0.0/8, in which no other program on the machine listens.
  const network = `127.${randomInt(64, 128)}.${randomInt(256)}`;
  const names: Record<string, string> = {};
  const stops: (() => void)[] = [];
  await makeAuthority(directory);

  /** The address on which the server of these names must listen, at port 443, and its certificate. */
  const site = async (ofSite: readonly string[]): Promise<Site> => {
    const host = new Set(Object.values(names)).size + 1;
    const address = `${network}.${host}`;
    for (const name of ofSite) names[name] = address;
    return { address, tls: await makeCertificate(directory, `site-${host}`, ofSite) };
  };

  /** Starts a registry under these names that stores its content in the directory `storage`. */
  const startRegistry = async (ofSite: readonly string[], storage: string) => {
    const { address, tls } = await site(ofSite);
    const file = (ending: string) => path(`registry-${address}.${ending}`);
    writeFileSync(file('crt'), tls.cert);
    writeFileSync(file('key'), tls.key);
    mkdirSync(storage, { recursive: true });
    // JSON is YAML.
    const configuration = {
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
      http: { addr: `${address}:443`, tls: { certificate: file('crt'), key: file('key') } },
    };
    writeFileSync(file('yml'), JSON.stringify(configuration));
    const registry = execa('docker-registry', ['serve', file('yml')], { stdio: 'ignore', reject: false });
    stops.push(() => registry.kill('SIGKILL'));
    await listening(address, 443);
  };

  let connections = 0;
  /** Gives a function that starts programs which can resolve these names and no others. */
  const connectTo = async (sites: Record<string, string>) => {
    const etc = path(`etc-${(connections += 1)}`);
    mkdirSync(etc);
    const lines = Object.entries(sites).map(([name, address]) => `${address} ${name}\n`);
    writeFileSync(join(etc, 'hosts'), `127.0.0.1 localhost\n${lines.join('')}`);
    writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
    const enter = [
      'mount --bind "$1/hosts" /etc/hosts',
      '{ ! [ -e /etc/resolv.conf ] || mount --bind "$1/resolv.conf" "$(realpath /etc/resolv.conf)"; }',
      `mount --bind "$2" ${trusted}`,
      'exec sleep infinity',
    ].join(' && ');
    const holder = execa('unshare', ['--mount', 'sh', '-c', enter, 'sh', etc, path('authorities.crt')], {
      stdio: 'ignore',
      reject: false,
    });
    stops.push(() => holder.kill('SIGKILL'));
    await until(() => readFileSync(`/proc/${holder.pid}/mounts`, 'utf8').includes(` ${trusted} `));
    return (program: string, args: readonly string[], { cwd = directory, ...options }: RunOptions = {}) =>
      execa(
        'nsenter',
        [`--mount=/proc/${holder.pid}/ns/mnt`, 'sh', '-c', 'cd "$0" && exec "$@"', cwd, program, ...args],
        options,
      );
  };

  const stop = () => {
    for (const end of stops) end();
    rmSync(directory, { recursive: true, force: true });
  };
  return { path, site, startRegistry, connect: connectTo, names, stop };
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

async function makeAuthority(directory: string): Promise<void> {
  const args = ['-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=rehearsal'];
  await execa('openssl', ['req', '-x509', ...newKey, ...args], { cwd: directory });
  writeFileSync(join(directory, 'authorities.crt'), readFileSync(trusted));
  appendFileSync(join(directory, 'authorities.crt'), readFileSync(join(directory, 'ca.crt')));
}

async function makeCertificate(directory: string, file: string, names: readonly string[]): Promise<Site['tls']> {
  const openssl = (...args: string[]) => execa('openssl', args, { cwd: directory });
  await openssl('req', ...newKey, '-keyout', `${file}.key`, '-out', `${file}.csr`, '-subj', '/CN=site');
  writeFileSync(join(directory, `${file}.names`), `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`);
  const signed = ['-in', `${file}.csr`, '-out', `${file}.crt`, '-days', '2', '-extfile', `${file}.names`];
  await openssl('x509', '-req', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', ...signed);
  const [key, cert] = ['key', 'crt'].map((ending) => readFileSync(join(directory, `${file}.${ending}`), 'utf8'));
  return { key: key ?? '', cert: cert ?? '' };
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

/** Waits until a condition is true; throws after half a minute. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('what was waited for did not come');
    await setTimeout(50);
  }
}
