import { execa } from 'execa';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packNpmPackage } from '../../modules/release/npm-package.ts';
import { addImage, makeLayout, tag } from '../layer/base-image.ts';
import { makeProject, type Project } from '../layer/project.ts';
import { run } from '../layer/tools.ts';

const examples = join(import.meta.dirname, '../../examples');

type Step = { name?: string; run?: string; uses?: string; env?: Record<string, string> };
const workflowOf = (example: string) => readFileSync(join(examples, example, '.github/workflows/build.yml'), 'utf8');
const stepsOf = (example: string, job: string) => {
  const { jobs } = parse(workflowOf(example)) as { jobs: Record<string, { steps: Step[] }> };
  return jobs[job]?.steps ?? [];
};
const append = stepsOf('workflow-append', 'append');
const validate = stepsOf('workflow', 'validate');

let project: Project;
let tarball: string;
beforeAll(async () => {
  project = makeProject();
  tarball = project.path(await packNpmPackage(project.directory));
});
afterAll(() => project.remove());

/** Makes a checkout of an example's repository in which `npx bluebuild-nix@1` finds the package as it is published. */
async function makeCheckout(name: string): Promise<string> {
  const checkout = project.path(name);
  mkdirSync(checkout);
  await execa('npm', ['install', '--offline', '--no-save', tarball], { cwd: checkout });
  return checkout;
}

const shell = (script: string, cwd: string, env: Record<string, string> = {}) =>
  execa('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd,
    env: {
      npm_config_offline: 'true',
      PATH: [join(process.execPath, '..'), process.env['PATH']].join(delimiter),
      ...env,
    },
    reject: false,
  });

test.each(['workflow', 'workflow-append'])('GitHub’s own parser has nothing to say against %s', async (example) => {
  const file = { name: 'build.yml', content: workflowOf(example) };
  const { context, value } = parseWorkflow(file, new NoOperationTraceWriter());
  if (!value) throw new Error('the workflow is empty');
  const template = await convertWorkflowTemplate(context, value);
  expect([...context.errors.getErrors(), ...(template.errors ?? [])]).toEqual([]);
});

test.each(['workflow', 'workflow-append'])('the recipe of %s is valid', async (example) => {
  const recipe = join(examples, example, 'recipes/recipe.yml');
  expect(await project.run(['validate', recipe])).toMatchObject({ exitCode: 0 });
});

test('workflow/: its command finds the error of a recipe, as an annotation', async () => {
  const checkout = await makeCheckout('workflow');
  cpSync(join(examples, 'workflow/recipes'), join(checkout, 'recipes'), { recursive: true });
  const [{ run: command = '' } = {}] = validate.filter((step) => step.run !== undefined);
  expect(await shell(command, checkout)).toMatchObject({ exitCode: 0, stdout: '' });
  const recipe = join(checkout, 'recipes/recipe.yml');
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace('installer: nixos', 'installer: nixoss'));
  expect(await shell(command, checkout)).toMatchObject({
    exitCode: 1,
    stdout: expect.stringMatching(/^::error file=recipes\/recipe\.yml,line=9,endLine=9,col=16,.*did you mean `nixos`/),
  });
});

test('workflow-append/: its steps make an image with Nix out of a base, and take it to where it shall be', async () => {
  const base = makeLayout(project.path('registry'));
  base.writeIndex([await addImage(base, {}, tag('stable'))]);
  const checkout = await makeCheckout('append');
  // The example's own recipe would download the real installer.
  cpSync(project.path('recipes'), join(checkout, 'recipes'), { recursive: true });
  cpSync(project.path('files'), join(checkout, 'files'), { recursive: true });
  const target = `oci:${project.path('pushed')}:stable`;
  const env = {
    BASE: `oci:${base.directory}:stable`,
    TARGET: target,
    GITHUB_REPOSITORY: 'owner/image',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123abc',
  };
  // Without `Log in`, because a layout needs no password.
  const names = ['Get the base', 'Append Nix', 'Push'];
  const named = append.flatMap(({ name }) => name ?? []);
  expect(named).toEqual([names[0], names[1], 'Log in', names[2]]);
  for (const { run: script = '' } of append.filter(({ name = '' }) => names.includes(name))) {
    const { exitCode, stderr } = await shell(script, checkout, env);
    expect(exitCode, stderr).toBe(0);
  }
  const inspected = JSON.parse(await run('skopeo', 'inspect', target)) as { Labels: object };
  expect(inspected.Labels).toEqual({
    'containers.bootc': '1',
    'ostree.bootable': 'true',
    'org.opencontainers.image.title': 'owner/image',
    'org.opencontainers.image.source': 'https://github.com/owner/image',
    'org.opencontainers.image.revision': '0123abc',
  });
});

test('shellcheck has nothing to say against their steps', async () => {
  for (const { run: script = '' } of [...append, ...validate])
    await execa('shellcheck', ['--shell=bash', '-'], { input: script });
});
