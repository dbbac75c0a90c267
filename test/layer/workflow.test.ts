import { execa } from 'execa';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { addImage, makeLayout, tag } from './base-image.ts';
import { makeProject, type Project } from './project.ts';
import { run } from './tools.ts';

const repository = join(import.meta.dirname, '../..');
const example = join(repository, 'examples/workflow-append');
const workflow = readFileSync(join(example, '.github/workflows/build.yml'), 'utf8');

type Step = { name?: string; run?: string; env?: Record<string, string> };
const { jobs } = parse(workflow) as { jobs: { append: { steps: Step[] } } };
const { steps } = jobs.append;

let project: Project;
beforeAll(() => {
  project = makeProject();
});
afterAll(() => project.remove());

test('GitHub’s own parser has nothing to say against the workflow', async () => {
  const { context, value } = parseWorkflow({ name: 'build.yml', content: workflow }, new NoOperationTraceWriter());
  if (!value) throw new Error('the workflow is empty');
  const template = await convertWorkflowTemplate(context, value);
  expect([...context.errors.getErrors(), ...(template.errors ?? [])]).toEqual([]);
});

test('its recipe is valid', async () => {
  expect(await project.run(['validate', join(example, 'recipes/recipe.yml')])).toMatchObject({ exitCode: 0 });
});

test('its steps make an image with Nix out of a base, and take it to where it shall be', async () => {
  const base = makeLayout(project.path('registry'));
  base.writeIndex([await addImage(base, {}, tag('stable'))]);
  const checkout = project.path('checkout');
  mkdirSync(checkout);
  // The example's own recipe would download the real installer.
  cpSync(project.path('recipes'), join(checkout, 'recipes'), { recursive: true });
  cpSync(project.path('files'), join(checkout, 'files'), { recursive: true });
  symlinkSync(repository, join(checkout, '.bluebuild-nix'));
  const target = `oci:${project.path('pushed')}:stable`;
  const env = {
    BASE: `oci:${base.directory}:stable`,
    TARGET: target,
    GITHUB_REPOSITORY: 'owner/image',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123abc',
  };
  // Installed already, and a layout asks for no password.
  const names = ['Get the base', 'Append Nix', 'Push'];
  expect(steps.flatMap(({ name }) => name ?? [])).toEqual([
    'Install bluebuild-nix',
    names[0],
    names[1],
    'Log in',
    names[2],
  ]);
  for (const { run: script = '' } of steps.filter(({ name = '' }) => names.includes(name))) {
    await execa('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd: checkout, env });
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

test('shellcheck has nothing to say against its steps', async () => {
  for (const { run: script = '' } of steps) await execa('shellcheck', ['--shell=bash', '-'], { input: script });
});
