/** Every command that our pages tell a user to run is run, here or by a file that is named here. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const pages = ['README.md', 'modules/nix/README.md', '.github/CONTRIBUTING.md'];
const text = pages.map((page) => readFileSync(join(repository, page), 'utf8')).join('\n');

/** The commands in shell blocks and in sentences. */
const inBlocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) =>
  block
    .replaceAll('\\\n', ' ')
    .replaceAll(/^(\w+)=\(.*?\)$/gms, '$1')
    .split('\n')
    .map((line) => line.replace(/ +# .*$/, '')),
);
const inSentences = [...text.matchAll(/`((?:npm|npx|node) [^`]+)`/g)].map(([, command = '']) => command);
const all = [...inBlocks, ...inSentences].flatMap((line) => line.split(' && ')).filter((command) => command !== '');
const commands = [...new Set(all)];

/** Replaces the released program with this checkout's; test/release runs the one that npm installs. */
const inCheckout = (command: string) => command.replace('npx bluebuild-nix@1', 'npm run -s bluebuild-nix --');

/** The commands that run here, with what their output must contain. */
const here: Record<string, RegExp> = {
  'npm run bluebuild-nix -- bake --root rootfs examples/bazzite/recipes/recipe.yml': /Baked \d+ entries into rootfs/,
  'npx bluebuild-nix@1 validate recipes/recipe.yml': /recipes\/recipe\.yml: valid/,
  'npx bluebuild-nix@1 validate --format github recipes/recipe.yml': /^/,
  'npx bluebuild-nix@1 plan recipes/recipe.yml': /nix\.mount/,
  'npx bluebuild-nix@1 plan recipes/recipe.yml --show /usr/lib/systemd/system/nix.mount': /^\[Mount\]$/m,
};

const rehearsal = 'test/release/rehearsal.test.ts';
const workflow = 'test/release/example-workflows.test.ts';

/** The commands that run elsewhere, each with the file that runs it and a text from this file that shows it. */
const elsewhere: Record<string, [file: string, text: string]> = {
  'npm ci': ['.ci/run', '\nnpm ci\n'],
  'npm cit': ['.ci/run', "    step 'Unit tests'\n    npm test\n"],
  'npm test': ['.ci/run', "    step 'Unit tests'\n    npm test\n"],
  'npx vitest run --config test/unit/vitest.config.ts input plan drift': [
    '.ci/run',
    'test/unit/vitest.config.ts cli rootfs',
  ],
  'node src/cli.ts plan RECIPE --show PATH': ['package.json', '"bluebuild-nix": "node src/cli.ts"'],
  'npm run check': ['package.json', 'test/unit/vitest.config.ts && npm run check"'],
  'npm run generate': ['test/unit/drift.test.ts', 'await generate()'],
  'npm run build': ['.ci/run', '\nnpm run build -- --complete\n'],
  'npm run test:histories': ['.ci/run', 'npm run -s test:histories'],
  'npm run test:image': ['.ci/run', '    npm run test:image\n'],
  'npm run test:layer': ['.ci/run', '    npm run test:layer\n'],
  'npm run test:release': ['.ci/run', '    npm run test:release\n'],
  'npm run test:bluebuild': ['.ci/run', '    npm run test:bluebuild\n'],
  'npm run test:boot': ['.ci/run', '    npm run test:boot -- core\n'],
  'npm run test:boot -- NAME': ['.ci/run', '    npm run test:boot -- core\n'],
  'npm run test:boot -- core': ['.ci/run', '    npm run test:boot -- core\n'],
  'npm run test:boot -- extended': ['.ci/run', '    npm run test:boot\n'],
  // Run by hand.
  'npm run test:mutation': ['package.json', '"test:mutation": "stryker run'],
  'npm run bench': ['.ci/run', '    BENCH=short npm run bench\n'],
  'npm run bench:boot': ['.ci/run', '    npm run bench:boot -- --short\n'],
  // These boot machines and run at night, through test/bench/boot.ts.
  'node test/bench/boot-cost.ts': ['test/bench/boot.ts', "'boot-cost'"],
  'node test/bench/first-boot.ts': ['test/bench/boot.ts', "'first-boot'"],
  'node test/bench/selinux.ts': ['test/bench/boot.ts', "'selinux'"],
  'node test/bench/transient-root.ts': ['test/bench/boot.ts', "'transient-root'"],
  // The example's workflow has the same three steps. Its test runs them with a layout in place of a registry.
  'skopeo copy docker://ghcr.io/ublue-os/bluefin:stable oci:image:base': [workflow, 'Get the base'],
  'npx bluebuild-nix@1 append recipes/recipe.yml --base oci:image:base -o oci:image:nix': [workflow, 'Append Nix'],
  'skopeo copy oci:image:nix docker://ghcr.io/OWNER/bluefin:stable': [workflow, "'Push'"],
  'npx bluebuild-nix@1': ['test/release/npm-package.test.ts', 'validate'],
  // The rehearsal uses a key in place of a workflow's identity.
  signer: [rehearsal, 'const publicKey'],
  'cosign verify "${signer[@]}" ghcr.io/bluebuild-nix/bluebuild-nix:v1': [rehearsal, "['verify', "],
  'cosign verify-attestation --type cyclonedx "${signer[@]}" ghcr.io/bluebuild-nix/bluebuild-nix:v1': [
    rehearsal,
    "['verify-attestation', '--type', type",
  ],
  'cosign verify-attestation --type slsaprovenance1 "${signer[@]}" ghcr.io/bluebuild-nix/bluebuild-nix:v1': [
    rehearsal,
    "['verify-attestation', '--type', type",
  ],
  "skopeo inspect --format '{{.Digest}}' docker://ghcr.io/bluebuild-nix/bluebuild-nix:v1": [rehearsal, "'inspect'"],
  'npm run pictures': ['.ci/run', '    npm run -s pictures -- --check\n'],
  'npm run pins': ['test/unit/pins.test.ts', 'modules/pins/pins.ts'],
  'npm run release': [rehearsal, 'startRelease'],
  'npm run release -- v1.2.3 --output out': [rehearsal, "'--output'"],
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

test('every command is accounted for, and nothing that our pages do not say', () => {
  expect([...commands].toSorted()).toEqual([...Object.keys(here), ...Object.keys(elsewhere)].toSorted());
});

test.each(Object.entries(here))('%s', async (command, output) => {
  const { stdout } = await execa('bash', ['-euc', inCheckout(command)], { cwd: checkout, env: { NO_COLOR: '1' } });
  expect(stdout).toMatch(output);
});

test.each(Object.entries(elsewhere))('%s: is run elsewhere', (_, [file, text]) => {
  expect(existsSync(join(repository, file))).toBe(true);
  expect(readFileSync(join(repository, file), 'utf8')).toContain(text);
});
