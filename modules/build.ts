/**
 * `npm run build`: puts the program into modules/nix/program/, bundled so that it starts quickly, and with it the Node
 * that runs it on each architecture. Nothing else is needed to run the module in an image.
 */
import { isUtf8 } from 'node:buffer';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { build, type Plugin } from 'rolldown';
import licensePlugin, { type Dependency } from 'rollup-plugin-license';
import { readStaticFiles } from '../src/commands/module.ts';
import { byCodeUnit } from '../src/plan/image-entry.ts';
import { checkCodeCache, makeCodeCache } from './make-code-cache.ts';

const repository = join(import.meta.dirname, '..');
const program = join(repository, 'modules/nix/program');

/** The names that containers use (TARGETARCH), npm's (the package node-linux-NAME of the lock file), and qemu's. */
const architectures = {
  amd64: { cpu: 'x64', machine: 'x86_64' },
  arm64: { cpu: 'arm64', machine: 'aarch64' },
};
type Architecture = (typeof architectures)[keyof typeof architectures];

const byName = (dependencies: Dependency[]) =>
  dependencies.toSorted((one, other) => (`${one.name}@${one.version}` < `${other.name}@${other.version}` ? -1 : 1));

// It exports the function itself, and its types say `default`.
const license = licensePlugin as unknown as typeof licensePlugin.default;

/** Says of the packages that are really bundled what they are, and fails where a license asks for more than a notice. */
const bundledPackages = license({
  cwd: repository,
  thirdParty: {
    multipleVersions: true,
    allow: {
      test: '(MIT OR ISC OR Apache-2.0 OR BSD-2-Clause OR BSD-3-Clause OR BlueOak-1.0.0 OR Zlib OR 0BSD)',
      failOnUnlicensed: true,
      failOnViolation: true,
    },
    output: [
      {
        file: join(program, 'THIRD-PARTY-NOTICES'),
        template: (dependencies) =>
          byName(dependencies)
            .map(notice)
            .join(`\n${'-'.repeat(80)}\n\n`),
      },
      {
        file: join(program, 'packages.json'),
        template: (dependencies) =>
          JSON.stringify(
            byName(dependencies).map(({ name, version }) => ({ name, version })),
            undefined,
            2,
          ),
      },
    ],
  },
}) as unknown as Plugin;

function notice({ name, version, license: terms, licenseText, noticeText }: Dependency): string {
  if (!licenseText) throw new Error(`${name} ${version} comes without the text of its license`);
  return (
    [`${name} ${version} (${terms})`, licenseText.trim(), ...(noticeText ? [noticeText.trim()] : [])].join('\n\n') +
    '\n'
  );
}

async function bundle(input: Record<string, string>, directory: string, ...plugins: Plugin[]): Promise<void> {
  await build({
    input,
    platform: 'node',
    tsconfig: false,
    logLevel: 'warn',
    plugins: [builtinsOfCommander, ...plugins],
    output: {
      dir: directory,
      // Node starts CommonJS in half the time: for a module it also loads its loader, and all that the built-ins export.
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
      minify: true,
      comments: { legal: true, annotation: false, jsdoc: false },
    },
  });
}

/**
 * commander's built-ins as they are, where rolldown would copy every member at each start; but for child processes, a sixth
 * of a bare start, which it loads for commands that are programs of their own: none is.
 */
const builtinsOfCommander: Plugin = {
  name: 'built-ins of commander',
  resolveId: (id, importer) =>
    /^node:(child_process|fs|path|process)$/.test(id) && importer?.includes('/node_modules/commander/')
      ? `\0${id}`
      : undefined,
  load: (id) => {
    if (!id.startsWith('\0node:')) return undefined;
    return id.endsWith('child_process')
      ? 'export default {};'
      : `export default process.getBuiltinModule('${id.slice(1)}');`;
  },
};

/** The files of the module as one: `findModule` finds it beside the program. */
async function placeFiles(): Promise<void> {
  const files = readStaticFiles(join(repository, 'modules/nix/files'));
  const sorted = <Value>(map: ReadonlyMap<string, Value>) =>
    [...map].toSorted(([one], [other]) => byCodeUnit(one, other));
  const text = ([path, content]: [string, Buffer]) => {
    if (!isUtf8(content)) throw new Error(`modules/nix/files: ${path} is not text`);
    return [path, content.toString()] as const;
  };
  const parts = sorted(files).map(([part, found]) => [part, Object.fromEntries(sorted(found).map(text))] as const);
  await writeFile(join(program, 'files.json'), JSON.stringify(Object.fromEntries(parts)));
}

/** Node from its npm package. npm installs only this machine's own: `npm ci` in another folder, told of the other
 * architecture, gets either and checks it against the lock file. */
async function placeNode(name: string, { cpu }: Architecture): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bluebuild-nix-node-'));
  try {
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(join(repository, file), join(directory, file));
    const options = ['--os=linux', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--loglevel=error'];
    await execa({ cwd: directory, stderr: 'inherit' })('npm', ['ci', `--cpu=${cpu}`, ...options]);
    const node = join(program, `node-${name}`);
    await copyFile(join(directory, `node_modules/node-linux-${cpu}/bin/node`), node);
    await chmod(node, 0o755);
    await strip(node);
    await copyFile(join(directory, `node_modules/node-linux-${cpu}/LICENSE`), join(program, 'LICENSE.node'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Removes the symbols, a seventh of the file. elfutils' strip knows the programs of every architecture. */
async function strip(node: string): Promise<void> {
  const { failed, code, stderr } = await execa('eu-strip', [node], { reject: false });
  if (code === 'ENOENT') throw new Error('eu-strip is missing: install the package elfutils');
  if (failed) throw new Error(`eu-strip ${node}: ${stderr}`);
}

/** Makes V8's code cache of the program with the Node that will use it; gives whether that Node runs here. */
async function placeCodeCache(name: string, architecture: Architecture): Promise<boolean> {
  await mkdir(join(program, `cache-${name}`));
  const command = await runnable(join(program, `node-${name}`), architecture);
  if (!command) return false;
  await makeCodeCache(command, program);
  await checkCodeCache(command, program);
  return true;
}

/** The command that runs a Node here: itself, where the kernel can, or qemu with a C library of its architecture. */
async function runnable(node: string, { machine }: Architecture): Promise<string[] | undefined> {
  const commands = [[node], [`qemu-${machine}-static`, '-L', `/usr/${machine}-linux-gnu`, node]];
  for (const [command = '', ...before] of commands) {
    const { failed } = await execa(command, [...before, '--version'], { reject: false });
    if (!failed) return [command, ...before];
  }
  return undefined;
}

await rm(program, { recursive: true, force: true });
await mkdir(program);
const scratch = await mkdtemp(join(tmpdir(), 'bluebuild-nix-build-'));
try {
  await Promise.all([
    bundle({ program: join(repository, 'src/cli.ts') }, program, bundledPackages),
    bundle({ cli: join(repository, 'modules/cli.ts') }, scratch),
    placeFiles(),
    ...Object.entries(architectures).map(([name, architecture]) => placeNode(name, architecture)),
  ]);
  await copyFile(join(scratch, 'cli.cjs'), join(program, 'cli.cjs'));
  for (const [name, architecture] of Object.entries(architectures)) {
    if (await placeCodeCache(name, architecture)) continue;
    const packages = `qemu-user-static, libc6-${name}-cross and libstdc++6-${name}-cross`;
    const message = `no code cache for ${name}, whose Node does not run here: on Debian, install ${packages}`;
    if (process.argv.includes('--complete')) throw new Error(message);
    process.stderr.write(`${message}. The module works without it; its start takes longer there.\n`);
  }
} finally {
  await rm(scratch, { recursive: true });
}
