/**
 * `npm run release -- TAG --registry HOST`: builds the module image and the npm package from a tag, publishes, signs and
 * describes them, and moves the tags that people pull once all of it is verified. Each step looks first at what is there
 * already: a release that was cut off is finished by the same command, and a version that is out is never changed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
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
  registry: string;
  npm?: string;
  github: boolean;
  key?: string;
  output?: string;
  dryRun: boolean;
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

async function build(release: Release, directory: string) {
  await execa('node', ['modules/build.ts', '--complete'], {
    cwd: repository,
    preferLocal: true,
    stdout: 'inherit',
    stderr: 'inherit',
  });
  const image = await makeModuleImage(join(directory, 'image'), release);
  const tarball = await packNpmPackage(directory);
  const attestations: Attestation[] = [
    { type: 'cyclonedx', predicate: await makeBillOfMaterials(directory, release) },
    { type: 'slsaprovenance1', predicate: await makeProvenance(directory, release, process.env) },
  ];
  return { image, tarball, attestations };
}

async function publishImage(name: string, image: ModuleImage, version: string): Promise<void> {
  const out = await digestOfTag(`${name}:${version}`);
  if (out !== undefined && out !== image.digest) {
    const message = `${name}:${version} is out as ${out}, and this checkout makes ${image.digest}`;
    throw new Error(`${message}: a version that is out is never changed, release another one`);
  }
  await pushImage(name, image);
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
  const directory = options.output ? resolve(options.output) : await mkdtemp(join(tmpdir(), 'bluebuild-nix-release-'));
  try {
    const { image, tarball, attestations } = await build(found, directory);
    say(`built ${found.version} from ${found.revision}: ${image.digest}`);
    if (options.dryRun) return;

    const name = `${options.registry}/${packageJson.repository.url.replace(/^.*github\.com\/|\.git$/g, '')}`;
    const signer = await makeSigner(directory, options.key, process.env);
    await publishImage(name, image, found.version);
    await signImage(name, image, attestations, signer);
    await setTag(name, image, found.version);
    say(`tagged ${name}:${found.version}`);

    const moving = movingTags(found.version, await versionsIn(name));
    if (options.npm !== undefined) {
      const newest = moving.includes('latest');
      say(await publishNpmPackage(tarball, options.npm, { newest, prerelease: found.prerelease }, process.env));
    }
    if (options.github) {
      const files = [
        tarball,
        ...attestations.map(({ predicate }) => predicate),
        join(repository, 'schema/nix-v1.json'),
      ];
      say(
        await publishGithubRelease(found, directory, {
          image: `${name}@${image.digest}`,
          files,
          newest: moving.includes('latest'),
        }),
      );
    }
    // Last, so that nobody is moved to a version of which a part is still missing.
    for (const one of moving) {
      await setTag(name, image, one);
      say(`tagged ${name}:${one}`);
    }
    say(`released ${found.version}`);
  } finally {
    if (!options.output) await rm(directory, { recursive: true });
  }
}

const program = new Command('npm run release --')
  .description('Publishes the module image and the npm package of a tag.')
  .argument('<tag>', 'the tag of this checkout, like v1.2.3')
  .requiredOption('--registry <host>', 'where the image goes: ghcr.io, or another that has its name')
  .option('--npm <url>', 'the npm registry that the package goes to')
  .option('--github', 'make the release on GitHub, with the program gh', false)
  .option('--key <file>', 'sign with this key of cosign; otherwise keyless, as the GitHub workflow that runs this')
  .option('--output <directory>', 'keep what is built here')
  .option('--dry-run', 'build only', false)
  .action(release);

await program.parseAsync().catch((cause: unknown) => {
  process.stderr.write(`error: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exitCode = 1;
});
