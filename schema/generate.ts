/**
 * One source of truth: modules/nix/nix.tsp. From it come the schema of an entry (nix-v1.json), the schemas that editors
 * read (recipe-v1.json, module-list-v1.json), the types of an entry, its defaults, the precompiled validator, and the
 * tables of keys in the READMEs; and from command-pages.ts what `bluebuild-nix` on the machine says of itself. `npm run
 * generate` writes them; a test compares them with what this file makes.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AnySchema } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { execa } from 'execa';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { format, resolveConfig } from 'prettier';
import { blueBuildKeys } from '../src/config/schema-diagnostics.ts';
import { commandPages } from './command-pages.ts';
import { type KeySchema, keyTable } from './key-table.ts';
import { recipeSchemas } from './recipe-schemas.ts';

const repository = join(import.meta.dirname, '..');
const notice = 'Generated from modules/nix/nix.tsp by `npm run generate`. Do not edit.';

/** The text of every generated file, by its path in the repository. */
export async function generate(): Promise<Map<string, string>> {
  const schema = await compileTypeSpec();
  return new Map([
    ...(await Promise.all(
      [['nix-v1.json', schema] as const, ...recipeSchemas(schema)].map(async ([name, document]) =>
        formatted(`schema/${name}`, JSON.stringify(document, null, 2)),
      ),
    )),
    await formatted('src/config/recipe-entry.ts', await recipeEntryTypes(schema)),
    await formatted('src/config/defaults.ts', defaultsCode(schema as KeySchema)),
    await formatted('src/config/validator.js', validatorCode(schema)),
    ...(await Promise.all(
      pagesWithKeys.map(async (path) => formatted(path, await withKeyTable(path, schema as KeySchema))),
    )),
    ...commandPages(),
  ]);
}

const pagesWithKeys = ['README.md', 'modules/nix/README.md'];
const [tableBegin, tableEnd] = [
  '<!-- keys: generated from modules/nix/nix.tsp by `npm run generate` -->',
  '<!-- /keys -->',
];

/** A page of documentation with its table of keys made again. */
async function withKeyTable(path: string, schema: KeySchema): Promise<string> {
  const [before, table, ...rest] = (await readFile(join(repository, path), 'utf8')).split(tableBegin);
  const [, after] = table?.split(tableEnd) ?? [];
  if (before === undefined || after === undefined || rest.length > 0)
    throw new Error(`${path} needs ${tableBegin} and ${tableEnd}, once`);
  return `${before}${tableBegin}\n\n${keyTable(schema, blueBuildKeys)}\n\n${tableEnd}${after}`;
}

function defaultsCode({ properties, $defs }: KeySchema): string {
  const code = (keys: Record<string, KeySchema> = {}) =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(keys).flatMap(([name, key]) => ('default' in key ? [[name, key.default]] : [])),
      ),
    );
  return `// ${notice}
import type { InstallerSettings, MaintenanceSettings, RecipeEntry } from './recipe-entry.ts';

/** What applies where a recipe entry does not say. */
export const defaults = ${code(properties)} satisfies Omit<RecipeEntry, 'type'>;

/** The same for the settings of \`installer\`. */
export const installerDefaults = ${code($defs?.['InstallerSettings']?.properties)} satisfies InstallerSettings;

/** And for those of \`maintenance\`. */
export const maintenanceDefaults = ${code($defs?.['MaintenanceSettings']?.properties)} satisfies MaintenanceSettings;
`;
}

/** As the repository formats its files, so that a change of the schema can be read in them. */
async function formatted(path: string, text: string): Promise<[path: string, text: string]> {
  const filepath = join(repository, path);
  return [path, await format(text, { ...(await resolveConfig(filepath)), filepath })];
}

async function compileTypeSpec(): Promise<JSONSchema> {
  const output = await mkdtemp(join(tmpdir(), 'nix-schema-'));
  try {
    await execa({ preferLocal: true, localDir: repository, cwd: repository, nodeOptions: [] })('tsp', [
      'compile',
      'modules/nix/nix.tsp',
      '--emit=@typespec/json-schema',
      '--option=@typespec/json-schema.file-type=json',
      '--option=@typespec/json-schema.seal-object-schemas=true',
      `--option=@typespec/json-schema.emitter-output-dir=${output}`,
    ]);
    return JSON.parse(await readFile(join(output, 'NixModuleV1.json'), 'utf8')) as JSONSchema;
  } finally {
    await rm(output, { recursive: true });
  }
}

async function recipeEntryTypes(schema: JSONSchema): Promise<string> {
  // json-schema-to-typescript knows additionalProperties, not the unevaluatedProperties that TypeSpec emits.
  const older = JSON.parse(
    JSON.stringify(schema)
      .replaceAll('"unevaluatedProperties":{"not":{}}', '"additionalProperties":false')
      .replaceAll('"unevaluatedProperties"', '"additionalProperties"'),
  ) as JSONSchema;
  delete older['$id'];
  older.title = 'RecipeEntry';
  return compile(older, 'RecipeEntry', {
    bannerComment: `// ${notice}`,
    style: { singleQuote: true, printWidth: 120 },
  });
}

function validatorCode(schema: JSONSchema): string {
  // unicode: lengths are of ASCII texts alone, and counting characters would need a file of ajv's beside the validator.
  const ajv = new Ajv2020({
    // oxlint-disable-next-line typescript/no-deprecated
    unicode: false,
    logger: false,
    allErrors: true,
    allowUnionTypes: true,
    code: { source: true, esm: true },
  });
  return `// ${notice}\n${standaloneCode.default(ajv, ajv.compile(withoutDescriptions(schema)))}\n`;
}

/** What a schema says to people is not for the validator, which would carry it along. */
function withoutDescriptions(schema: JSONSchema): AnySchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === 'description' && typeof value === 'string' ? undefined : value,
  ) as AnySchema;
}

if (import.meta.main) {
  for (const [path, text] of await generate()) await writeFile(join(repository, path), text);
}
