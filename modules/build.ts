/**
 * `npm run build`: puts the program into modules/nix/program/, bundled so that it starts quickly, and with it the Node
 * that runs it on each architecture. Nothing else is needed to run the module in an image.
 */
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { build } from 'rolldown';

const repository = join(import.meta.dirname, '..');
const program = join(repository, 'modules/nix/program');

/** The names that containers use (TARGETARCH), and npm's: the package node-linux-NAME of the lock file. */
const architectures = { amd64: 'x64', arm64: 'arm64' };

async function bundle(): Promise<void> {
  await build({
    input: join(repository, 'src/cli.ts'),
    platform: 'node',
    tsconfig: false,
    logLevel: 'warn',
    output: {
      dir: program,
      // Node starts CommonJS in half the time: for a module it also loads its loader, and all that the built-ins export.
      format: 'cjs',
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name].cjs',
      minify: true,
      comments: { legal: true, annotation: false, jsdoc: false },
    },
  });
}

/** Node from its npm package. npm installs only this machine's own: `npm ci` in another folder, told of the other
 * architecture, gets either and checks it against the lock file. */
async function placeNode(name: string, cpu: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bluebuild-nix-node-'));
  try {
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(join(repository, file), join(directory, file));
    const options = ['--os=linux', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--loglevel=error'];
    await execa({ cwd: directory, stderr: 'inherit' })('npm', ['ci', `--cpu=${cpu}`, ...options]);
    const node = join(program, `node-${name}`);
    await copyFile(join(directory, `node_modules/node-linux-${cpu}/bin/node`), node);
    await chmod(node, 0o755);
    await copyFile(join(directory, `node_modules/node-linux-${cpu}/LICENSE`), join(program, 'LICENSE.node'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

await rm(program, { recursive: true, force: true });
await mkdir(program);
await Promise.all([bundle(), ...Object.entries(architectures).map(([name, cpu]) => placeNode(name, cpu))]);
