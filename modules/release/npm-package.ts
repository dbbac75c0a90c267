import { createHash } from 'node:crypto';
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

/** Packs the npm package out of what `npm run build` made, and gives the name of the tarball in `directory`. */
export async function packNpmPackage(directory: string): Promise<string> {
  const staged = join(directory, 'npm-package');
  const program = join(repository, 'modules/nix/program');
  await mkdir(join(staged, 'program'), { recursive: true });
  // cli.cjs is the start with the code cache that the module image has for its own Nodes.
  const chunks = (await readdir(program)).filter((name) => /\.cjs$|^files\.json$/.test(name) && name !== 'cli.cjs');
  if (!chunks.includes('program.cjs')) throw new Error('modules/nix/program has no program.cjs: run npm run build');
  await Promise.all([
    writeFile(join(staged, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`),
    ...chunks.map((name) => cp(join(program, name), join(staged, 'program', name))),
    cp(join(program, 'THIRD-PARTY-NOTICES'), join(staged, 'THIRD-PARTY-NOTICES')),
    cp(join(import.meta.dirname, 'npm/bluebuild-nix.cjs'), join(staged, 'bluebuild-nix.cjs')),
    cp(join(repository, 'schema/nix-v1.json'), join(staged, 'schema/nix-v1.json')),
    ...['README.md', 'LICENSE'].map((name) => cp(join(repository, name), join(staged, name))),
  ]);
  await chmod(join(staged, 'bluebuild-nix.cjs'), 0o755);
  const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', directory], { cwd: staged });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await checkPacked(join(directory, filename), staged);
  return filename;
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

export type Standing = {
  /** No higher version is out. */
  newest: boolean;
  prerelease: boolean;
};

/** Publishes the tarball where its version is not out yet. Gives what was done; throws where it is out as another one. */
export async function publishNpmPackage(
  tarball: string,
  registry: string,
  { newest, prerelease }: Standing,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const name = `${packageJson.name}@${packageJson.version}`;
  const integrity = `sha512-${createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')}`;
  const out = await publishedIntegrity(name, registry);
  if (out === integrity) return `${name} is in the npm registry already`;
  if (out !== undefined) throw new Error(`${name} is out as ${out}, and this checkout makes ${integrity}`);
  const tag = prerelease ? 'next' : newest ? 'latest' : `release-${packageJson.version.split('.', 2).join('.')}`;
  // npm asks GitHub for the token that it signs the provenance with.
  const provenance = environment['GITHUB_ACTIONS'] === 'true' ? ['--provenance'] : [];
  await execa('npm', ['publish', tarball, '--registry', registry, '--access', 'public', '--tag', tag, ...provenance]);
  return `published ${name}`;
}

async function publishedIntegrity(name: string, registry: string): Promise<string | undefined> {
  const args = ['view', name, 'dist.integrity', '--json', '--prefer-online', '--registry', registry];
  const { exitCode, stdout, stderr } = await execa('npm', args, { reject: false });
  // A package of which another version is out gives nothing at all.
  const answer: unknown = stdout === '' ? undefined : JSON.parse(stdout);
  if (exitCode === 0) return typeof answer === 'string' ? answer : undefined;
  const { error } = answer as { error?: { code?: string } };
  if (error?.code === 'E404') return undefined;
  throw new Error(`npm does not say whether ${name} is out:\n${stderr}`);
}
