/** What README.md tells a person to run is run: here, or by what is named here. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const readme = readFileSync(join(repository, 'README.md'), 'utf8');

/** The commands in blocks of shell, and those that a sentence names. */
const inBlocks = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) =>
  block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/ +# .*$/, ''))
    .flatMap((line) => line.split(' && '))
    .filter((command) => command !== ''),
);
const inSentences = [...readme.matchAll(/`((?:npm|npx|node) [^`]+)`/g)].map(([, command = '']) => command);
const commands = [...new Set([...inBlocks, ...inSentences])];

/** Run here, with what must be in the output. */
const here: Record<string, RegExp> = {
  'npm run bluebuild-nix -- bake --root rootfs examples/bazzite/recipes/recipe.yml': /Baked \d+ entries into rootfs/,
  'npm run bluebuild-nix -- validate recipes/recipe.yml': /recipes\/recipe\.yml: valid/,
  'npm run bluebuild-nix -- validate --format github recipes/recipe.yml': /^/,
  'npm run bluebuild-nix -- plan recipes/recipe.yml': /nix\.mount/,
  'npm run bluebuild-nix -- plan recipes/recipe.yml --show /usr/lib/systemd/system/nix.mount': /^\[Mount\]$/m,
};

/** Run by something else: the file that runs it, and a text that says so. */
const elsewhere: Record<string, [file: string, text: string]> = {
  'npm ci': ['.ci/run', '\nnpm ci\n'],
  'npm cit': ['.ci/run', "\nnpm ci\n\nstep 'Unit tests'\nnpm test\n"],
  'npm run generate': ['test/unit/drift.test.ts', 'await generate()'],
  'npm run build': ['test/image/setup.ts', "'modules/build.ts'"],
  'npm run test:boot': ['.ci/run', '\nnpm run test:boot -- core\n'],
  'npm run test:boot -- NAME': ['.ci/run', '\nnpm run test:boot -- core\n'],
  'npm run bench': ['.ci/run', '\nBENCH=short npm run bench\n'],
  'npm run bench:boot': ['.ci/run', '\nnpm run bench:boot -- --short'],
  'node test/bench/boot-cost.ts': ['.ci/run', '\nnpm run bench:boot -- --short boot-cost\n'],
  // Too long for CI; they only use of the lab what the scenarios use.
  'node test/bench/first-boot.ts': ['test/bench/boot.ts', "'first-boot'"],
  'node test/bench/selinux.ts': ['test/bench/boot.ts', "'selinux'"],
  'node test/bench/transient-root.ts': ['test/bench/boot.ts', "'transient-root'"],
  // The example's workflow does the same three steps, from a layout in place of a registry.
  'skopeo copy docker://ghcr.io/ublue-os/bluefin:stable oci:image:base': [
    'test/layer/workflow.test.ts',
    'Get the base',
  ],
  'npm run -s bluebuild-nix -- append recipes/recipe.yml --base oci:image:base -o oci:image:nix': [
    'test/layer/workflow.test.ts',
    'Append Nix',
  ],
  'skopeo copy oci:image:nix docker://ghcr.io/OWNER/bluefin:stable': ['test/layer/workflow.test.ts', "'Push'"],
};

let checkout: string;
beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), 'nix-readme-'));
  for (const name of ['node_modules', 'package.json', 'src', 'modules', 'examples']) {
    symlinkSync(join(repository, name), join(checkout, name));
  }
  mkdirSync(join(checkout, 'recipes'));
  cpSync(join(repository, 'examples/bazzite/recipes'), join(checkout, 'recipes'), { recursive: true });
});
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

test('every command is accounted for, and nothing that README.md does not say', () => {
  expect([...commands].toSorted()).toEqual([...Object.keys(here), ...Object.keys(elsewhere)].toSorted());
});

test.each(Object.entries(here))('%s', async (command, output) => {
  const { stdout } = await execa('bash', ['-euc', command], { cwd: checkout, env: { NO_COLOR: '1' } });
  expect(stdout).toMatch(output);
});

test.each(Object.entries(elsewhere))('%s: is run elsewhere', (_, [file, text]) => {
  expect(existsSync(join(repository, file))).toBe(true);
  expect(readFileSync(join(repository, file), 'utf8')).toContain(text);
});
