import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import packageJson from '../../package.json' with { type: 'json' };

const repository = join(import.meta.dirname, '../..');

/**
 * What is published as the package `bluebuild-nix`: the bundled program, the files that it bakes, and the schema. All
 * that it needs is bundled, so it depends on nothing.
 */
const manifest = {
  name: packageJson.name,
  version: packageJson.version,
  description: packageJson.description,
  keywords: packageJson.keywords,
  homepage: packageJson.homepage,
  bugs: packageJson.bugs,
  repository: packageJson.repository,
  license: packageJson.license,
  engines: packageJson.engines,
  bin: { 'bluebuild-nix': 'bluebuild-nix.cjs' },
};

/** Packs the npm package out of what `npm run build` made, and gives the path of the tarball in `directory`. */
export async function packNpmPackage(directory: string): Promise<string> {
  const staged = join(directory, 'npm-package');
  const program = join(repository, 'modules/nix/program');
  await mkdir(join(staged, 'program'), { recursive: true });
  // cli.cjs is the start with the code cache that the module image has for its own Nodes.
  const chunks = (await readdir(program)).filter((name) => name.endsWith('.cjs') && name !== 'cli.cjs');
  if (!chunks.includes('program.cjs')) throw new Error('modules/nix/program has no program.cjs: run npm run build');
  await Promise.all([
    writeFile(join(staged, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`),
    ...chunks.map((name) => cp(join(program, name), join(staged, 'program', name))),
    cp(join(program, 'THIRD-PARTY-NOTICES'), join(staged, 'THIRD-PARTY-NOTICES')),
    cp(join(import.meta.dirname, 'npm/bluebuild-nix.cjs'), join(staged, 'bluebuild-nix.cjs')),
    cp(join(repository, 'modules/nix/files'), join(staged, 'files'), { recursive: true }),
    cp(join(repository, 'schema/nix-v1.json'), join(staged, 'schema/nix-v1.json')),
    ...['README.md', 'LICENSE'].map((name) => cp(join(repository, name), join(staged, name))),
  ]);
  await chmod(join(staged, 'bluebuild-nix.cjs'), 0o755);
  const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', directory], { cwd: staged });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await checkPacked(join(directory, filename), staged);
  return join(directory, filename);
}

/** npm leaves out what it takes for no part of a package, by names that it knows: a baked file must not be one of them. */
async function checkPacked(tarball: string, staged: string): Promise<void> {
  const { stdout } = await execa('tar', ['-tzf', tarball]);
  const packed = new Set(stdout.split('\n'));
  const files = (await readdir(staged, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const lost = files
    .map(({ parentPath, name }) => join(parentPath, name).replace(staged, 'package'))
    .filter((path) => !packed.has(path));
  if (lost.length > 0) throw new Error(`npm leaves out ${lost.join(', ')}`);
}

/** The digest that npm keeps of a package, `sha512-…`. */
export async function integrityOf(tarball: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-512', await readFile(tarball));
  return `sha512-${Buffer.from(digest).toString('base64')}`;
}
