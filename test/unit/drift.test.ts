import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { commandPages } from '../../schema/command-pages.ts';
import { generate } from '../../schema/generate.ts';
import schema from '../../schema/nix-v1.json' with { type: 'json' };
import { findModule } from '../../src/commands/module.ts';
import { architectures } from '../../src/config/architecture.ts';
import { releases } from '../../src/config/releases.ts';
import { configurationOf } from './arbitrary-entry.ts';

const repository = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(repository, path), 'utf8');

type Schema = {
  type?: string;
  description?: string;
  default?: unknown;
  $ref?: string;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
};
const top: Schema & { $defs: Record<string, Schema> } = schema;

test('what is generated is up to date', { timeout: 60_000 }, async () => {
  const generated = await generate();
  expect([...generated.keys()].toSorted()).toEqual(
    [
      'README.md',
      'modules/nix/README.md',
      ...commandPages().map(([path]) => path),
      'schema/module-list-v1.json',
      'schema/nix-v1.json',
      'schema/recipe-v1.json',
      'src/config/defaults.ts',
      'src/config/recipe-entry.ts',
      'src/config/validator.js',
    ].toSorted(),
  );
  for (const [path, text] of generated) expect(text, `${path}: run npm run generate`).toBe(read(path));
});

describe('schema/nix-v1.json', () => {
  test('says of every key what it is', () => {
    const silent = [['', top] as const, ...Object.entries(top.$defs)].flatMap(([name, { properties = {} }]) =>
      Object.entries(properties)
        .filter(([, { description = '' }]) => !/^[A-Z`].*[.)]$/s.test(description))
        .map(([key]) => `${name}.${key}`),
    );
    expect(silent).toEqual([]);
  });

  test('is valid for an editor, and takes the recipe entries of the examples', () => {
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true, validateSchema: true }).compile(schema);
    const examples = ['examples/bazzite/recipes/recipe.yml'].flatMap(
      (path) => (parse(read(path)) as { modules: { type?: string }[] }).modules,
    );
    const entries = examples.filter(({ type }) => type?.startsWith('nix'));
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) expect([validate(entry), validate.errors]).toEqual([true, null]);
    expect(validate({ type: 'nix', instaler: 'nixos' })).toBe(false);
  });
});

describe('releases', () => {
  const all = Object.entries(releases).flatMap(([provider, release]) =>
    architectures.map((architecture) => ({ provider, architecture, ...release, digest: release.sha256[architecture] })),
  );
  test.each(all)('$provider $version for $architecture', ({ provider, architecture, version, url, digest }) => {
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(url).toMatch(/^https:\/\/[!-~]*\{version\}[!-~]*\{arch\}/);
    const config = configurationOf({ type: 'nix', installer: provider as 'nixos' }, architecture);
    expect(config.installer).toMatchObject({ sha256: digest, version });
    expect(URL.canParse(config.installer.url ?? '')).toBe(true);
    expect(config.installer.url).not.toMatch(/[{}]/);
  });
  test.each(Object.entries(releases))('the digests of %s were seen in two places', (_, { seen }) => {
    expect(new Set(seen.filter((place) => URL.canParse(place))).size).toBeGreaterThanOrEqual(2);
  });
  test('no digest appears twice', () => {
    expect(new Set(all.map(({ digest }) => digest)).size).toBe(all.length);
  });
});

test('the users are those of the installers: 32, from 30001 on, in the group 30000', () => {
  const lines = read('modules/nix/files/first-boot/usr/lib/bluebuild/nix/sysusers.conf')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const users = Array.from({ length: 32 }, (_, index) => index + 1);
  expect(lines).toEqual([
    'g nixbld 30000',
    ...users.flatMap((number) => [
      `u nixbld${number} ${30_000 + number}:30000 "Nix build user ${number}" /var/empty /usr/sbin/nologin`,
      `m nixbld${number} nixbld`,
    ]),
  ]);
});

test('the version is that of the package', () => {
  expect(findModule(join(repository, 'src')).version).toBe(packageJson.version);
  expect(packageJson.version).toMatch(/^\d+\.\d+\.\d+$/);
});
