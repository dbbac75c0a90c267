import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import moduleListSchema from '../../schema/module-list-v1.json' with { type: 'json' };
import recipeSchema from '../../schema/recipe-v1.json' with { type: 'json' };
import { startOwnInternet } from '../support/own-internet.ts';
import { exampleRecipes } from './examples.ts';
import { type Editor, startEditor } from './language-server.ts';
import { blueBuildSchemas } from './schemas.ts';
import { startWebsite, type Website } from './website.ts';

const published = [recipeSchema, moduleListSchema];
const languageServer = join(import.meta.dirname, '../../node_modules/yaml-language-server/bin/yaml-language-server');

let internet: Awaited<ReturnType<typeof startOwnInternet>>;
let website: Website;
let editor: Editor;
beforeAll(async () => {
  internet = await startOwnInternet();
  website = await startWebsite(await internet.site(['github.com', 'schema.blue-build.org']));
  for (const [path, schema] of await blueBuildSchemas())
    website.files.set(`https://schema.blue-build.org${path}`, schema);
  for (const schema of published) website.files.set(schema.$id, Buffer.from(JSON.stringify(schema)));
  const run = await internet.connect(internet.names);
  const env = { NODE_EXTRA_CA_CERTS: internet.path('ca.crt') };
  editor = await startEditor(run(process.execPath, [languageServer, '--stdio'], { env, reject: false }));
});
afterAll(() => {
  editor?.stop();
  website?.stop();
  internet?.stop();
});

const entryLine = (recipe: string) => recipe.split('\n').findIndex((line) => line.includes('type: nix')) + 1;
/** The recipe with one more line in its nix entry. */
const withKey = (recipe: string, line: string) => recipe.replace('- type: nix\n', `- type: nix\n    ${line}\n`);

describe.each([...exampleRecipes])('%s in an editor', (_, recipe) => {
  test('names a schema that a release has, which finds nothing wrong', async () => {
    const [, schema] = /^# yaml-language-server: \$schema=(.*)\n/.exec(recipe) ?? [];
    expect(published.map(({ $id }) => $id)).toContain(schema);
    expect(await editor.problems(recipe)).toEqual([]);
    expect(website.asked).toContain(schema);
  });

  test('what is wrong with its nix entry is underlined', async () => {
    const line = entryLine(recipe) + 1;
    expect(await editor.problems(withKey(recipe, 'instaler: nixos'))).toEqual([
      `${line}: Property instaler is not allowed.`,
    ]);
    expect(await editor.problems(withKey(recipe, 'selinux: maybe'))).toEqual([
      `${line}: Value is not accepted. Valid values: "auto", "on", "off".`,
    ]);
    expect(await editor.problems(withKey(recipe, 'persistence: /opt/nix'))).toEqual([
      expect.stringContaining(`${line}: String does not match the pattern`),
    ]);
  });

  test('its nix entry is completed and explained', async () => {
    expect(await editor.offers(withKey(recipe, '|'))).toEqual(
      expect.arrayContaining(['persistence', 'transient-root', 'selinux', 'telemetry']),
    );
    expect(await editor.offers(withKey(recipe, 'transient-root: |'))).toEqual(['karg', 'initramfs', '"off"']);
    expect(await editor.shows(withKey(recipe, 'persis|tence: /var/lib/nix'))).toContain('holds the store');
  });
});

describe.each([
  [
    'a recipe',
    `# yaml-language-server: $schema=${recipeSchema.$id}
name: image
description: An image
base-image: ghcr.io/ublue-os/bazzite
image-version: stable
`,
  ],
  ['a file of modules', `# yaml-language-server: $schema=${moduleListSchema.$id}\n`],
])('%s', (_, before) => {
  const start = `${before}modules:
  - type: nix
    source: local
    installer: nixos
`;
  const next = start.split('\n').length;

  test('may have other modules, files and stages beside the entry', async () => {
    const others = `  - type: files
    files:
      - source: system
        destination: /
  - type: another
    source: local
    any: thing
  - from-file: more.yml
stages:
  - name: stage
    from: debian
    modules:
      - type: nix
        source: local
  - from-file: stages.yml
`;
    expect(await editor.problems(start + others)).toEqual([]);
  });

  test('has BlueBuild’s own errors, completion and explanations everywhere else', async () => {
    expect(await editor.problems(`${start}nam: image\n`)).toEqual([`${next}: Property nam is not allowed.`]);
    expect(await editor.problems(`${start}  - type: files\n    file: []\n`)).toEqual(
      expect.arrayContaining([`${next + 1}: Property file is not allowed.`]),
    );
    expect(await editor.problems(`${start}  - type: systemd\n    system: 3\n`)).not.toEqual([]);
    const inFiles = await editor.offers(`${start}  - type: files\n    |\n`);
    expect(inFiles).toContain('files');
    expect(inFiles).not.toContain('persistence');
    expect(await editor.offers(`${start}  - type: |\n`)).toEqual(expect.arrayContaining(['files', 'script', 'nix']));
    expect(await editor.shows(`${start}  - type: systemd\n    sys|tem: {}\n`)).toContain('System unit configuration');
    expect(await editor.offers(`${start}|\n`)).toContain('stages');
  });

  test('has its errors in the entries of stages, too', async () => {
    const stage = `stages:
  - name: stage
    from: debian
    modules:
      - type: nix
        source: local
        telemetry: maybe
`;
    expect(await editor.problems(start + stage)).toEqual([
      expect.stringContaining(`${next + 6}: Value is not accepted`),
    ]);
  });
});

test('BlueBuild needs to be told where the module comes from', async () => {
  const [[, recipe] = ['', '']] = [...exampleRecipes].filter(([, text]) => text.includes('source: ghcr.io'));
  const without = recipe.replace(/\n *source: .*/, '');
  expect(await editor.problems(without)).toContain(`${entryLine(without)}: Missing property "source".`);
});

test('an editor reads what it shows from us and from BlueBuild alone', () => {
  expect([...new Set(website.asked.filter((url) => !website.files.has(url)))]).toEqual([]);
});
