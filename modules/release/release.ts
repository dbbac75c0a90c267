/**
 * `npm run release -- TAG --registry HOST`: builds the module image and the npm package from a tag, publishes, signs and
 * describes them, and moves the tags that people pull once all of it is verified. Each step looks first at what is there
 * already: a release that was cut off is finished by the same command, and a version that is out is never changed.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { execa } from 'execa';
import { parse } from 'semver';
import packageJson from '../../package.json' with { type: 'json' };
import { type Attestation, attest, isSigned, makeSigner, sign, type Signer, verify } from './signature.ts';
import { makeBillOfMaterials } from './bill-of-materials.ts';
import { publishGithubRelease } from './github-release.ts';
import { type ModuleImage, makeModuleImage } from './module-image.ts';
import { packNpmPackage, publishNpmPackage } from './npm-package.ts';
import { makeProvenance } from './provenance.ts';
import { digestOfTag, movingTags, pushImage, setTag, versionsIn } from './registry.ts';

const repository = join(import.meta.dirname, '../..');

/** Read by editors at releases/latest/download/NAME. */
const schemas = ['nix-v1.json', 'recipe-v1.json', 'module-list-v1.json'];

/** What is released: a commit that a tag names. */
export type Release = {
  /** Without the `v` that its tag starts with. */
  version: string;
  tag: string;
  /** The commit. */
  revision: string;
  /** When it was made, in seconds: SOURCE_DATE_EPOCH. */
  time: number;
  prerelease: boolean;
};

type Options = {
  registry?: string;
  npm?: string;
  github: boolean;
  key?: string;
  output?: string;
  built?: string;
};

const git = async (...args: string[]) => (await execa('git', args, { cwd: repository })).stdout.trim();
const say = (text: string) => void process.stdout.write(`${text}\n`);

/** Finds out whether this checkout is exactly what the tag names, and throws where it is not. */
async function findRelease(tag: string): Promise<Release> {
  const version = parse(tag.replace(/^v/, ''));
  if (!version || `v${version.version}` !== tag) throw new Error(`${tag} is not the tag of a version, like v1.2.3`);
  if (version.version !== packageJson.version)
    throw new Error(
      `the tag is ${tag}, and package.json says ${packageJson.version}: release the commit that has both`,
    );
  const revision = await git('rev-parse', '--verify', '--end-of-options', `refs/tags/${tag}^{commit}`);
  if (revision !== (await git('rev-parse', 'HEAD'))) throw new Error(`check out ${tag} first: HEAD is another commit`);
  const changed = await git('status', '--porcelain');
  if (changed !== '') throw new Error(`only what is committed can be released:\n${changed}`);
  const time = Number(await git('show', '--no-patch', '--format=%ct', 'HEAD'));
  return { version: version.version, tag, revision, time, prerelease: version.prerelease.length > 0 };
}

/** All that is published. Its paths are relative to the directory that holds it. */
type Built = { revision: string; image: ModuleImage; tarball: string; attestations: Attestation[] };

async function build(release: Release, directory: string): Promise<Built> {
  await execa('node', ['modules/build.ts', '--complete'], {
    cwd: repository,
    preferLocal: true,
    stdout: 'inherit',
    stderr: 'inherit',
  });
  const built: Built = {
    revision: release.revision,
    image: await makeModuleImage(directory, release),
    tarball: await packNpmPackage(directory),
    attestations: [
      { type: 'cyclonedx', predicate: await makeBillOfMaterials(directory, release) },
      { type: 'slsaprovenance1', predicate: await makeProvenance(directory, release, process.env) },
    ],
  };
  await writeFile(join(directory, 'built.json'), JSON.stringify(built));
  say(`built ${release.version} from ${release.revision}: ${built.image.digest}`);
  return built;
}

/** What another run has built of this commit, on a machine that need not be allowed to publish. */
async function findBuilt({ revision }: Release, directory: string): Promise<Built> {
  const built = JSON.parse(await readFile(join(directory, 'built.json'), 'utf8')) as Built;
  if (built.revision !== revision)
    throw new Error(`${directory} was built from ${built.revision}, and this is ${revision}`);
  return built;
}

async function publishImage(name: string, image: ModuleImage, layout: string, version: string): Promise<void> {
  const out = await digestOfTag(`${name}:${version}`);
  if (out !== undefined && out !== image.digest) {
    const message = `${name}:${version} is out as ${out}, and this checkout makes ${image.digest}`;
    throw new Error(`${message}: a version that is out is never changed, release another one`);
  }
  await pushImage(name, image.digest, layout);
  say(`pushed ${name}@${image.digest}`);
}

async function signImage(name: string, image: ModuleImage, attestations: Attestation[], signer: Signer): Promise<void> {
  for (const digest of [image.digest, ...image.images]) {
    if (!(await isSigned(`${name}@${digest}`, signer))) await sign(`${name}@${digest}`, signer);
  }
  say(`signed ${name}@${image.digest} and the images in it`);
  for (const attestation of attestations) {
    await attest(`${name}@${image.digest}`, attestation, signer);
    say(`attested ${attestation.type}`);
  }
  for (const digest of [image.digest, ...image.images]) await verify(`${name}@${digest}`, signer);
  say(`verified ${name}@${image.digest}`);
}

async function release(tag: string, options: Options): Promise<void> {
  const found = await findRelease(tag);
  if (options.registry === undefined && options.output === undefined)
    throw new Error('say where it goes: --registry, or --output to build only');
  const directory = resolve(
    options.built ?? options.output ?? (await mkdtemp(join(tmpdir(), 'bluebuild-nix-release-'))),
  );
  try {
    const built = options.built === undefined ? await build(found, directory) : await findBuilt(found, directory);
    if (options.registry !== undefined) await publish(found, built, directory, options.registry, options);
  } finally {
    if (options.built === undefined && options.output === undefined) await rm(directory, { recursive: true });
  }
}

async function publish(
  found: Release,
  { image, tarball, attestations }: Built,
  directory: string,
  registry: string,
  options: Options,
): Promise<void> {
  const inDirectory = (path: string) => join(directory, path);
  const name = `${registry}/${packageJson.repository.url.replace(/^.*github\.com\/|\.git$/g, '')}`;
  const signer = await makeSigner(directory, options.key, process.env);
  const statements = attestations.map(({ type, predicate }) => ({ type, predicate: inDirectory(predicate) }));
  await publishImage(name, image, inDirectory(image.layout), found.version);
  await signImage(name, image, statements, signer);
  await setTag(name, image.digest, found.version);
  say(`tagged ${name}:${found.version}`);

  const moving = movingTags(found.version, await versionsIn(name));
  const newest = moving.includes('latest');
  if (options.npm !== undefined) {
    const standing = { newest, prerelease: found.prerelease };
    say(await publishNpmPackage(inDirectory(tarball), options.npm, standing, process.env));
  }
  if (options.github) {
    const files = [tarball, ...attestations.map(({ predicate }) => predicate)].map(inDirectory);
    const contents = {
      image: `${name}@${image.digest}`,
      files: [...files, ...schemas.map((name) => join(repository, 'schema', name))],
      newest,
    };
    say(await publishGithubRelease(found, directory, contents));
  }
  // Last, so that nobody is moved to a version of which a part is still missing.
  for (const one of moving) {
    await setTag(name, image.digest, one);
    say(`tagged ${name}:${one}`);
  }
  say(`released ${found.version}`);
}

const program = new Command('npm run release --')
  .description('Publishes the module image and the npm package of a tag.')
  .argument('<tag>', 'the tag of this checkout, like v1.2.3')
  .option('--registry <host>', 'where the image goes: ghcr.io, or another that has its name')
  .option('--npm <url>', 'the npm registry that the package goes to')
  .option('--github', 'make the release on GitHub, with the program gh', false)
  .option('--key <file>', 'sign with this key of cosign; otherwise keyless, as the GitHub workflow that runs this')
  .option('--output <directory>', 'keep what is built here; without --registry, build only')
  .option('--built <directory>', 'publish what an earlier run has built with --output')
  .action(release);

await program.parseAsync().catch((cause: unknown) => {
  process.stderr.write(`error: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exitCode = 1;
});
