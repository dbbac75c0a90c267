/**
 * Compares, in one run, `append` on a base of 4 GB in 60 layers with buildah and umoci, and `layer` with GNU tar. Needs
 * buildah, umoci, zstd, root and 12 GB of free space; everything is made in a temporary directory and removed.
 */
import { createCipheriv, createHash, randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { writeLayer } from '../../src/oci/layer-file.ts';
import { isShort } from './short.ts';

const megabyte = 1_000_000;
const installerBytes = 73_234_640;
const repository = join(import.meta.dirname, '../..');
// In lower case, because buildah takes the path of a layout for the name of a repository.
const directory = join(tmpdir(), `bench-append-${randomUUID()}`);
const path = (...names: string[]) => join(directory, ...names);

type Measured = { seconds: number; megabytesPeak: number; megabytesWritten: number };

/** Time, peak memory and bytes written to the file system, for a process and those it waited for. */
async function measure(program: string, ...args: string[]): Promise<Measured> {
  const { stderr } = await execa('/usr/bin/time', ['-f', 'measured %e %M %O', program, ...args], { cwd: directory });
  const [, seconds, peak, blocks] = /measured ([\d.]+) (\d+) (\d+)/.exec(stderr) ?? [];
  return {
    seconds: Number(seconds),
    megabytesPeak: (Number(peak) * 1024) / megabyte,
    megabytesWritten: (Number(blocks) * 512) / megabyte,
  };
}

/** The best of several runs: other load on the machine only ever makes them slower. */
async function best(times: number, once: () => Promise<Measured>): Promise<Measured> {
  const runs: Measured[] = [];
  for (let i = 0; i < (isShort ? 1 : times); i += 1) runs.push(await once());
  return {
    seconds: Math.min(...runs.map(({ seconds }) => seconds)),
    megabytesPeak: Math.max(...runs.map(({ megabytesPeak }) => megabytesPeak)),
    megabytesWritten: Math.max(...runs.map(({ megabytesWritten }) => megabytesWritten)),
  };
}

function add(...parts: readonly Measured[]): Measured {
  return {
    seconds: parts.reduce((sum, { seconds }) => sum + seconds, 0),
    megabytesPeak: Math.max(...parts.map(({ megabytesPeak }) => megabytesPeak)),
    megabytesWritten: parts.reduce((sum, { megabytesWritten }) => sum + megabytesWritten, 0),
  };
}

function line(name: string, { seconds, megabytesPeak, megabytesWritten }: Measured, remark = ''): void {
  const columns = [
    name.padEnd(44),
    `${seconds.toFixed(2)} s`.padStart(10),
    `${megabytesPeak.toFixed(0)} MB`.padStart(8),
    `${megabytesWritten.toFixed(0)} MB`.padStart(9),
    remark,
  ];
  console.log(columns.join('  ').trimEnd());
}

const noise = (bytes: number, key: number) =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, key), Buffer.alloc(16)).update(Buffer.alloc(bytes));

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Writes a layout with an image of `count` gzip layers of 67 MB each, the size of Fedora's large ones. */
async function makeBase(name: string, count: number): Promise<void> {
  const blobs = path(name, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const layers: object[] = [];
  const diffIds: string[] = [];
  for (let layer = 0; layer < count; layer += 1) {
    const content = noise(67 * megabyte, layer);
    const entries = Array.from({ length: 32 }, (_, index) => ({
      kind: 'file' as const,
      path: `/usr/lib/base-${layer}/${index}`,
      mode: 0o644,
      content: content.subarray((index * content.length) / 32, ((index + 1) * content.length) / 32),
    }));
    const options = { compression: 'gzip', downloaded: new Map(), modificationTime: 0 } as const;
    const written = await writeLayer({ entries }, path('layer'), options);
    renameSync(path('layer'), join(blobs, written.digest.slice('sha256:'.length)));
    const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
    layers.push({ mediaType, digest: written.digest, size: written.bytes });
    diffIds.push(written.diffId);
  }
  const document = (value: object, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(value));
    writeFileSync(join(blobs, digestOf(bytes).slice('sha256:'.length)), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const config = {
    created: '2026-01-01T00:00:00Z',
    architecture: process.arch === 'x64' ? 'amd64' : 'arm64',
    os: 'linux',
    config: { Labels: { 'containers.bootc': '1' } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map(() => ({ created_by: 'bench' })),
  };
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: document(config, 'application/vnd.oci.image.config.v1+json'),
    layers,
  };
  const annotations = { 'org.opencontainers.image.ref.name': 'base' };
  writeFileSync(path(name, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const index = { schemaVersion: 2, manifests: [{ ...document(manifest, mediaType), annotations }] };
  writeFileSync(path(name, 'index.json'), JSON.stringify(index));
}

/** Builds the program as the module ships it; gives the command that runs it with the module's Node. */
async function makeProgram(): Promise<string[]> {
  await execa({ cwd: repository, preferLocal: true })('node', ['modules/build.ts']);
  const program = join(repository, 'modules/nix/program');
  const node = `node-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return [join(program, node), '--max-semi-space-size=1', join(program, 'cli.cjs')];
}

/** Writes a recipe with an installer as large as the real one; as in the real one, most of it is an archive. */
function makeRecipe(): void {
  mkdirSync(path('recipes'));
  mkdirSync(path('files'));
  const machineCode = Buffer.alloc(20 * megabyte, 'call mov lea jmp ret push pop ');
  const code = noise(10 * megabyte, 99);
  // Every other 64 bytes are noise, so that the code takes a compressor some work.
  for (let at = 0; at + 128 <= machineCode.length; at += 128) code.copy(machineCode, at, at / 2, at / 2 + 64);
  const installer = Buffer.concat([machineCode, noise(installerBytes - machineCode.length, 100)]);
  writeFileSync(path('files/installer'), installer);
  const settings = { version: '1.0.0', url: 'file:///tmp/files/installer', sha256: digestOf(installer).slice(7) };
  const modules = [{ type: 'nix', source: 'local', installer: settings }];
  writeFileSync(
    path('recipes/recipe.yml'),
    JSON.stringify({ name: 'bench', description: '', 'base-image': 'x', 'image-version': 'x', modules }),
  );
}

async function benchLayer(program: string[]): Promise<void> {
  const [node = '', ...script] = program;
  console.log(`\nlayer, with an installer of 73 MB${' '.repeat(17)}time    memory    written`);
  const ours = (file: string) =>
    best(5, () => measure(node, ...script, 'layer', path('recipes/recipe.yml'), '-o', path(file)));
  await ours('nix.tar');
  mkdirSync(path('tree'));
  await execa('tar', ['-xpf', path('nix.tar'), '-C', path('tree')]);
  const tar = (...args: string[]) => best(5, () => measure('tar', ...args, '-C', path('tree'), '.'));
  const hashing = `tar -cf - -C "$0" . | tee "$1" | sha256sum`;
  const comparisons: [string, string, () => Promise<Measured>][] = [
    [
      'nix.tar',
      'tar -c, and its digest',
      () => best(5, () => measure('sh', '-c', hashing, path('tree'), path('gnu.tar'))),
    ],
    ['nix.tar.gz', 'tar -cz', () => tar('-czf', path('gnu.tar.gz'))],
    ['nix.tar.zst', 'tar -c --zstd', () => tar('--zstd', '-cf', path('gnu.tar.zst'))],
  ];
  for (const [file, name, theirs] of comparisons) {
    const [gnu, own] = [await theirs(), await ours(file)];
    line(name, gnu);
    line(`bluebuild-nix layer -o ${file}`, own, `${(own.seconds / gnu.seconds).toFixed(2)} × the time`);
  }
}

async function benchAppend(program: string[]): Promise<void> {
  const [node = '', ...script] = program;
  const started = performance.now();
  const layers = isShort ? 8 : 60;
  await makeBase('base', layers);
  await makeBase('small', 6);
  const { stdout } = await execa('du', ['-sm', path('base')]);
  const made = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    `\nappend to ${layers} layers, ${stdout.split('\t')[0]} MiB (made in ${made} s)${' '.repeat(6)}time    memory    written`,
  );
  const recipe = path('recipes/recipe.yml');
  const append = (base: string, output: string, ...more: string[]) =>
    best(3, () =>
      measure(node, ...script, 'append', recipe, '--base', `oci:${path(base)}:base`, '-o', output, ...more),
    );
  const own = await append('base', `oci:${path('base')}:nix`);
  line('bluebuild-nix append, gzip', own);
  const zstd = await append('base', `oci:${path('base')}:zstd`, '--compression', 'zstd');
  line('bluebuild-nix append, zstd', zstd);
  const small = await append('small', `oci:${path('small')}:nix`);
  line(
    'bluebuild-nix append, to 6 layers',
    small,
    `the large base takes ${(own.seconds / small.seconds).toFixed(2)} × its time`,
  );
  const compared = ({ seconds }: Measured) =>
    `append is ${(seconds / own.seconds).toFixed(1)} × faster, with zstd ${(seconds / zstd.seconds).toFixed(1)} ×`;
  await execa('umoci', ['tag', '--image', `${path('base')}:base`, 'umoci']);
  const insert = await measure('umoci', 'insert', '--image', `${path('base')}:umoci`, path('tree'), '/');
  line('umoci insert', insert, compared(insert));
  const storage = ['--root', path('storage'), '--runroot', path('run'), '--storage-driver', 'overlay'];
  const buildah = (...args: string[]) => measure('buildah', ...storage, ...args);
  const from = await buildah('from', '--name', 'bench', `oci:${path('base')}:base`);
  const added = await buildah('add', 'bench', path('nix.tar'), '/');
  const committed = await buildah('commit', 'bench', 'bench');
  const pushed = await buildah('push', 'bench', `oci:${path('base')}:buildah`);
  const all = add(from, added, committed);
  line('buildah from', from);
  line('buildah add', added);
  line('buildah commit, into its storage', committed);
  line('buildah from + add + commit', all, compared(all));
  line('the same, and buildah push to a layout', add(all, pushed), compared(add(all, pushed)));
  console.log(`memory of append: ${Math.max(own.megabytesPeak, zstd.megabytesPeak).toFixed(0)} MB (aim: 150)`);
  await execa('buildah', [...storage, 'rm', '--all']);
}

mkdirSync(directory);
try {
  makeRecipe();
  const program = await makeProgram();
  await benchLayer(program);
  await benchAppend(program);
} finally {
  // buildah leaves its overlay mounted if it fails.
  await execa('umount', [path('storage/overlay')], { reject: false });
  rmSync(directory, { recursive: true, force: true });
}
