import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { packNpmPackage } from '../../modules/release/npm-package.ts';
import { addImage, makeLayout, tag } from '../layer/base-image.ts';
import { makeProject, type Project } from '../layer/project.ts';
import { tree } from '../layer/tree.ts';
import { otherNode } from './other-node.ts';

const oldest = packageJson.engines.node.replace('>=', '');
let project: Project;
let tarball: string;
let folder: string;

beforeAll(async () => {
  project = makeProject();
  tarball = project.path(await packNpmPackage(project.directory));
  folder = project.path('empty');
  mkdirSync(folder);
  await execa('npm', ['install', '--offline', tarball], { cwd: folder });
});
afterAll(() => project.remove());

/** Runs the command that npm installed in the folder, with this version of Node. */
async function run(version: string, args: readonly string[]) {
  const path = [dirname(await otherNode(version)), process.env['PATH']].join(delimiter);
  const env = { PATH: path, NO_COLOR: '1', OS_ARCH: 'x86_64' };
  const command = join(folder, 'node_modules/.bin/bluebuild-nix');
  const { exitCode, stdout, stderr } = await execa(command, args, { cwd: project.directory, env, reject: false });
  return { exitCode, stdout, stderr };
}

test('it comes alone: no other package, no tests, no TypeScript, no Node', () => {
  const installed = join(folder, 'node_modules');
  expect(readdirSync(installed).filter((name) => !name.startsWith('.'))).toEqual(['bluebuild-nix']);
  const files = Object.keys(tree(join(installed, 'bluebuild-nix')));
  expect(files.filter((path) => /test|\.ts$|node-|\.map$/.test(path))).toEqual([]);
  expect(readFileSync(join(installed, 'bluebuild-nix/THIRD-PARTY-NOTICES'), 'utf8')).toContain('commander');
});

test('on the oldest Node that it names it does what the checkout does', async () => {
  expect(await run(oldest, ['--version'])).toMatchObject({ exitCode: 0, stdout: packageJson.version });
  expect(await run(oldest, ['validate', project.recipe])).toMatchObject({ exitCode: 0 });
  const plan = ['plan', project.recipe, '--json'];
  expect(await run(oldest, plan)).toEqual(await project.run(plan));

  const [ours, theirs] = [project.path('baked'), project.path('baked-by-checkout')];
  expect(await run(oldest, ['bake', project.recipe, '--root', ours])).toMatchObject({ exitCode: 0 });
  expect(await project.run(['bake', project.recipe, '--root', theirs])).toMatchObject({ exitCode: 0 });
  expect(Object.keys(tree(ours))).not.toHaveLength(0);
  expect(tree(ours)).toEqual(tree(theirs));

  const layers = ['one.tar.gz', 'two.tar.gz'].map((name) => project.path(name)) as [string, string];
  expect(await run(oldest, ['layer', project.recipe, '-o', layers[0]])).toMatchObject({ exitCode: 0 });
  expect(await project.run(['layer', project.recipe, '-o', layers[1]])).toMatchObject({ exitCode: 0 });
  expect(readFileSync(layers[0]).equals(readFileSync(layers[1]))).toBe(true);

  const layout = makeLayout(project.path('layout'));
  layout.writeIndex([await addImage(layout, {}, tag('base'))]);
  const append = (name: string) => [
    ...['append', project.recipe, '--base', `oci:${layout.directory}:base`],
    ...['-o', `oci:${layout.directory}:${name}`],
  ];
  expect(await run(oldest, append('ours'))).toMatchObject({ exitCode: 0 });
  expect(await project.run(append('theirs'))).toMatchObject({ exitCode: 0 });
  expect(layout.tagged('ours').digest).toBe(layout.tagged('theirs').digest);
});

test('what is wrong with a recipe stands where it is', async () => {
  writeFileSync(project.path('recipes/wrong.yml'), 'modules:\n  - type: nix\n    instaler: nixos\n');
  const { exitCode, stdout, stderr } = await run(oldest, ['validate', '--format', 'github', 'recipes/wrong.yml']);
  expect([exitCode, `${stdout}${stderr}`]).toEqual([1, expect.stringMatching(/^::error file=[^:]*wrong\.yml,line=3/m)]);
});

test.each(['20.20.2', '12.22.12'])('Node %s is told which one it needs', async (version) => {
  expect(await run(version, ['validate', project.recipe])).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining(`bluebuild-nix needs Node ${oldest} or later, and this is v${version} (`),
  });
});
