import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlannedEntry, standIn } from '../image/project.ts';
import { readTree } from '../image/tree.ts';
import { makeWorld, type World } from './world.ts';

const [examples, projects] = [join(import.meta.dirname, '../../examples'), join(import.meta.dirname, 'projects')];
const recipe = 'recipes/recipe.yml';

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(async () => {
  await world?.stop();
});

/** Copies a repository for BlueBuild to build from; gives a function that returns the path of a file in the copy. */
async function makeProject(source: string, name = source.split('/').at(-1) ?? ''): Promise<(file: string) => string> {
  const directory = world.path('projects', name);
  await cp(source, directory, { recursive: true });
  return (file) => join(directory, file);
}

async function rename(project: (file: string) => string, name: string): Promise<void> {
  const text = await readFile(project(recipe), 'utf8');
  await writeFile(project(recipe), text.replace(/^name: .*$/m, `name: ${name}`));
}

async function build(project: (file: string) => string, engine = 'buildah', run = world.run, env = {}) {
  const options = { cwd: project('.'), env, all: true, reject: false };
  const { exitCode, all } = await run('bluebuild', ['build', '--build-driver', engine, recipe], options);
  return { exitCode, log: all ?? '' };
}

/** The entries that the released module plans to bake for a recipe. */
async function planOf(file: string): Promise<PlannedEntry[]> {
  const args = ['src/cli.ts', 'plan', '--json', file, '--without', 'selinux'];
  const { stdout } = await execa('node', args, { cwd: world.checkout, preferLocal: true, localDir: world.checkout });
  return (JSON.parse(stdout) as { entries: PlannedEntry[] }).entries;
}

/** Expects an image to match the plan: the kind, mode, owner and content of every entry. */
async function expectPlanIn(image: string, plan: PlannedEntry[]): Promise<void> {
  expect(plan.length).toBeGreaterThan(20);
  const tree = await world.readImage(image, async (root) => readTree(root));
  const expected = plan.map(({ path, kind, mode, sha256, target, download }) => ({
    path,
    kind: kind === 'download' ? 'file' : kind,
    mode: mode ?? '0777',
    owner: '0:0',
    content: sha256 ?? download?.sha256 ?? target ?? '',
  }));
  const found = plan.map(({ path }) => {
    const { modified: _, ...rest } = tree.get(path) ?? {};
    return { path, ...rest };
  });
  expect(found).toEqual(expected);
}

describe.each(['bazzite', 'workflow', 'workflow-append'])('examples/%s', (example) => {
  const image = `localhost/my-${{ bazzite: 'bazzite', workflow: 'aurora' }[example] ?? 'bluefin'}:latest`;

  test('is valid and builds as it stands, and its image holds what the recipe says', async () => {
    const project = await makeProject(join(examples, example));
    const { exitCode, log } = await build(project);
    expect(exitCode, log).toBe(0);
    // Every build starts with the check that `bluebuild validate` makes.
    expect(log).toContain(`Recipe ${recipe} is valid`);
    const plan = await planOf(project(recipe));
    expect(log).toContain(`Baked ${plan.length} entries into /.`);
    await expectPlanIn(image, plan);
  });
});

describe('other recipes', () => {
  const read = (image: string, file: string) =>
    world.readImage(image, async (root) => readFile(join(root, file), 'utf8'));

  test.each(['buildah', 'podman'])('modules before and after, from-file and a stage, with %s', async (engine) => {
    const project = await makeProject(join(projects, 'everything'), engine);
    // A separate name, so that the build reuses no layer of the other engine's build.
    await rename(project, `everything-${engine}`);
    const { exitCode, log } = await build(project, engine);
    expect(exitCode, log).toBe(0);
    const image = `localhost/everything-${engine}:latest`;
    const plan = await planOf(project(recipe));
    expect(log).toContain(`Baked ${plan.length} entries into /.`);
    await expectPlanIn(image, plan);
    expect(await read(image, 'usr/share/before')).toBe('before\n');
    expect(JSON.parse(await read(image, 'usr/share/after.json'))).toMatchObject({ type: 'after', of: 'nix' });
    expect(await read(image, 'usr/share/configuration-of-stage.yml')).toContain('persistence: /var/lib/other\n');
  });

  test('`source: local`, in a recipe of version 2', async () => {
    const project = await makeProject(join(projects, 'local'));
    for (const directory of ['modules', 'files']) await mkdir(project(directory), { recursive: true });
    await cp(join(world.checkout, 'modules/nix'), project('modules/nix'), { recursive: true });
    await writeFile(project(`files/${standIn.name}-x86_64`), standIn.text);
    await writeFile(project(recipe), (await readFile(project(recipe), 'utf8')).replace('STAND-IN', standIn.sha256));
    // BlueBuild's own validation does not know version 2 recipes.
    const { exitCode, log } = await build(project, 'buildah', world.run, { BB_SKIP_VALIDATION: 'true' });
    expect(exitCode, log).toBe(0);
    await expectPlanIn('localhost/local:latest', await planOf(project(recipe)));
  });

  test('what is wrong with an entry is in the log of the build, and there is no image', async () => {
    const project = await makeProject(join(projects, 'everything'), 'wrong');
    await rename(project, 'wrong');
    const entry = await readFile(project('recipes/nix.yml'), 'utf8');
    await writeFile(project('recipes/nix.yml'), entry.replace('persistence:', 'persistance:'));
    const { exitCode, log } = await build(project);
    expect(exitCode).not.toBe(0);
    expect(log).toContain('`persistance` is not a key of the nix module; did you mean `persistence`?');
    const { stdout } = await world.run('buildah', ['images', '--format', '{{.Name}}']);
    expect(stdout.split('\n')).not.toContain('localhost/wrong');
  });

  test('what is wrong elsewhere is found by BlueBuild', async () => {
    const project = await makeProject(join(projects, 'everything'), 'invalid');
    const text = await readFile(project(recipe), 'utf8');
    await writeFile(project(recipe), text.replace('snippets:', 'snippet:'));
    const options = { cwd: project('.'), all: true, reject: false };
    const { exitCode, all } = await world.run('bluebuild', ['validate', recipe], options);
    expect([exitCode, all]).toEqual([1, expect.stringContaining('failed to validate')]);
  });
});

describe('examples/company, where there is nothing but the company', () => {
  // The images that BlueBuild pulls for itself also come from the company's registry. Its schemas are not available.
  const buildInCompany = async (project: (file: string) => string) => {
    const registries = world.path('registries.conf');
    await writeFile(registries, '[[registry]]\nprefix = "ghcr.io"\nlocation = "registry.example.com"\n');
    const env = { CONTAINERS_REGISTRIES_CONF: registries, BB_SKIP_VALIDATION: 'true' };
    return build(project, 'buildah', world.runInCompany, env);
  };
  const mirror = 'https://mirror.example.com/nix-installer/3.21.9/nix-installer-x86_64-linux';

  test('is valid for BlueBuild', async () => {
    const { stderr, stdout } = await world.run('bluebuild', ['validate', recipe], { cwd: join(examples, 'company') });
    expect(`${stdout}${stderr}`).toContain('is valid');
  });

  test('takes from the mirror what has the digest in the recipe, and nothing else', async () => {
    world.website.files.set(mirror, Buffer.from(standIn.text));
    const project = await makeProject(join(examples, 'company'));
    const text = await readFile(project(recipe), 'utf8');
    const [digest = ''] = /(?<=x86_64: )[0-9a-f]{64}/.exec(text) ?? [];
    const refused = await buildInCompany(project);
    expect(refused.exitCode).not.toBe(0);
    // The mirror has a stand-in, because the vendor's installer is not available here.
    expect(refused.log).toContain(digest);
    expect(refused.log).toContain(standIn.sha256);

    await writeFile(project(recipe), text.replaceAll(/[0-9a-f]{64}/g, standIn.sha256));
    const { exitCode, log } = await buildInCompany(project);
    expect(exitCode, log).toBe(0);
    await expectPlanIn('localhost/company-aurora:latest', await planOf(project(recipe)));
  });
});
