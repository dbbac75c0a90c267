/**
 * `npm run bench`: what the module costs in an image build, as ratios measured in one run, because machines differ and
 * are never idle. Times are CPU times, rounds are interleaved, and the lowest of each counts: anything above it comes
 * from other load on the machine.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { baseTarball } from '../image/base.ts';
import { planOf } from '../image/project.ts';
import { isShort } from './short.ts';

const rounds = Number(process.env['ROUNDS'] ?? (isShort ? 1 : 15));
/** The size of Determinate's nix-installer 3.21.9 for x86_64. */
const installerBytes = 73_234_640;

const repository = join(import.meta.dirname, '../..');
const module = join(repository, 'modules/nix');
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const work = await mkdtemp(join(tmpdir(), 'bluebuild-nix-bench-'));
const root = join(work, 'root');
const node = `/tmp/modules/nix/program/node-${architecture}`;

type Command = { name: string; run: string[]; prepare?: () => Promise<void> };

try {
  await execa({ cwd: repository, preferLocal: true })('node', ['modules/build.ts']);
  await mkdir(root);
  await execa('tar', ['-xf', await baseTarball(), '-C', root]);
  await execa('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3']);
  const other = `node-${architecture === 'amd64' ? 'arm64' : 'amd64'}`;
  await cp(module, join(root, 'tmp/modules/nix'), { recursive: true, filter: (path) => !path.endsWith(other) });
  await cp(join(import.meta.dirname, 'plain.sh'), join(root, 'tmp/plain.sh'));
  await mkdir(join(root, 'tmp/files'));
  const large = await project('large', randomBytes(installerBytes));
  const small = await project('small', Buffer.from('a stand-in for nix-installer, of no size\n'));
  const none = JSON.stringify({ type: 'nix', installer: { embed: false } });
  const recipe = Array.from({ length: 199 }, (_, index) => `  - type: script\n    scripts: [number-${index}.sh]\n`);
  await writeFile(join(root, 'tmp/recipe.yml'), `modules:\n${recipe.join('')}  - type: nix\n`);
  const paths = (await planOf(JSON.parse(large))).map(({ path }) => path).filter((path) => path.split('/').length > 4);
  const fresh = async (): Promise<void> => {
    for (const path of ['/nix', ...paths]) await rm(join(root, path), { recursive: true, force: true });
  };

  const commands = {
    start: { name: "Node's bare start", run: [node, '-e', '0'] },
    bakeNone: { name: 'module, no installer', run: ['/tmp/modules/nix/nix.sh', none], prepare: fresh },
    bakeSmall: { name: 'module, tiny installer', run: ['/tmp/modules/nix/nix.sh', small], prepare: fresh },
    bake: { name: 'module, 73 MB installer', run: ['/tmp/modules/nix/nix.sh', large], prepare: fresh },
    plain: { name: 'bash and jq, 73 MB', run: ['/tmp/plain.sh', large, '/tmp/modules/nix/files', '/'], prepare: fresh },
    again: { name: 'module, nothing to do', run: ['/tmp/modules/nix/nix.sh', large] },
    digest: { name: 'only digest and copy', run: [node, '-e', digestAndCopy(large)] },
    validate: {
      name: 'validate, 200 modules',
      run: [node, '/tmp/modules/nix/program/cli.cjs', 'validate', '/tmp/recipe.yml'],
    },
  } satisfies Record<string, Command>;
  await fresh();
  await once(commands.plain);
  const missing = paths.filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) throw new Error(`the plain script does not write ${missing.join(', ')}`);

  const times = new Map<Command, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const command of Object.values<Command>(commands)) {
      // `again` must find what the module itself has baked.
      if (command === commands.again) await fresh().then(() => once(commands.bake));
      else await command.prepare?.();
      times.set(command, Math.min(times.get(command) ?? Infinity, await once(command)));
    }
  }
  const time = (command: Command): number => times.get(command) ?? NaN;
  const { start, bake, bakeNone, bakeSmall, plain, again, digest, validate } = commands;
  console.log(`${rounds} rounds, the least processor time of each; load ${loadavg()[0]?.toFixed(1)}\n`);
  for (const command of Object.values(commands)) {
    const ratio = (time(command) / time(start)).toFixed(2).padStart(7);
    console.log(`${command.name.padEnd(26)}${time(command).toFixed(1).padStart(8)} ms ${ratio} bare starts`);
  }
  const aim = (what: string, value: number, limit: number): void =>
    console.log(
      `${what.padEnd(48)}${value.toFixed(2).padStart(7)}  aim ${limit}  ${value <= limit ? 'met' : 'MISSED'}`,
    );
  console.log('');
  aim('module, no installer / bare start', time(bakeNone) / time(start), 2.2);
  const withoutDigest = 1 + (time(bake) - time(digest)) / time(start);
  aim('module, 73 MB installer, but digest and copy', withoutDigest, 2.5);
  aim('module, tiny installer / bare start', time(bakeSmall) / time(start), 2.5);
  aim('module, nothing to do / module, 73 MB installer', time(again) / time(bake), 1.3);
  aim('module / bash and jq, 73 MB installer', time(bake) / time(plain), 1);
  aim('validate, 200 modules / bare start', time(validate) / time(start), 3);
  await fresh();
  aim('peak memory of a bake with 73 MB, in MB', await peakMemory(bake), 100);
} finally {
  await rm(work, { recursive: true });
}

/** Puts an installer into the project's files/; gives the entry for it, as JSON. */
async function project(name: string, content: Buffer): Promise<string> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  for (const arch of ['x86_64', 'aarch64']) {
    await writeFile(join(root, `tmp/files/stand-in-${name}-${arch}`), content);
  }
  const url = `file:///tmp/files/stand-in-${name}-{arch}`;
  return JSON.stringify({ type: 'nix', installer: { version: '1.2.3', url, sha256 } });
}

/** JavaScript for the work that no program can avoid: hashing the installer with SHA-256 and copying it. */
function digestAndCopy(json: string): string {
  const { installer } = JSON.parse(json) as { installer: { url: string } };
  const path = installer.url.replace('file://', '').replace('{arch}', architecture === 'amd64' ? 'x86_64' : 'aarch64');
  return `const { copyFileSync, openSync, readSync, rmSync } = require('fs');
    const hash = require('crypto').createHash('sha256'), buffer = Buffer.allocUnsafe(262144), file = openSync('${path}');
    for (let length; (length = readSync(file, buffer)) > 0; ) hash.update(buffer.subarray(0, length));
    hash.digest(); copyFileSync('${path}', '/usr/copy'); rmSync('/usr/copy');`;
}

/**
 * Runs a command in the image's root, with its output in a pipe as in a build; gives the milliseconds of CPU time that
 * it and its children took.
 */
async function once({ run }: Command): Promise<number> {
  const script = 'TIMEFORMAT="%3U %3S"; exec 3> >(cat >/dev/null); time "$@" >&3 3>&-';
  const { stderr } = await execa('bash', ['-euc', script, 'bash', 'chroot', root, ...run]);
  const [user = NaN, system = NaN] = (stderr.split('\n').at(-1) ?? '').split(' ').map(Number);
  return (user + system) * 1000;
}

/** The peak memory of a command in MB (10^6 bytes), as the kernel reports it. */
async function peakMemory({ run }: Command): Promise<number> {
  const report = "process.on('exit', () => console.error(process.resourceUsage().maxRSS));";
  await writeFile(join(root, 'tmp/report-memory.cjs'), report);
  const env = { NODE_OPTIONS: '--require=/tmp/report-memory.cjs' };
  const { stderr } = await execa({ env })('chroot', [root, ...run]);
  return (Number(stderr.trim().split('\n').at(-1)) * 1024) / 1e6;
}
