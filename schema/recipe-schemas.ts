/* oxlint-disable unicorn/no-thenable -- a keyword of JSON Schema */
import type { JSONSchema } from 'json-schema-to-typescript';
import packageJson from '../package.json' with { type: 'json' };

const published = `${packageJson.homepage.replace(/#.*/, '')}/releases/latest/download`;
const blueBuild = 'https://schema.blue-build.org';

/**
 * The schemas for editors, by their file name, which is BlueBuild's own name for them: `recipe-v1.json` for a recipe and
 * `module-list-v1.json` for a file with a list of modules. Each is BlueBuild's schema, read from BlueBuild, and ours for
 * the nix entries in it.
 */
export function recipeSchemas(entrySchema: JSONSchema): Map<string, JSONSchema> {
  const { $schema, $id: _, $defs = {}, ...entry } = forEditors(entrySchema);
  // The definitions stay where the entry's references expect them: at the top of the document.
  const definitions = { NixEntry: entry, ...$defs };
  const isNix = { properties: { type: { type: 'string', pattern: '^nix(@|$)' } }, required: ['type'] };
  // Accepts every type, and offers ours.
  const offered = { properties: { type: { anyOf: [{ $ref: '#/$defs/ModuleType' }, { type: 'string' }] } } };
  const ofStage = { properties: { modules: { $ref: '#/$defs/Modules' } } };

  const recipe = {
    allOf: [
      { $ref: `${blueBuild}/recipe-v1.json` },
      { properties: { modules: { $ref: '#/$defs/Modules' }, stages: { items: ofStage } } },
    ],
    $defs: {
      Modules: {
        items: { ...offered, if: isNix, then: { $ref: '#/$defs/NixEntry', required: ['source'] } },
      },
      ...definitions,
    },
  };
  // Outside of BlueBuild such a file has no `source`, which BlueBuild's own schema for it demands.
  const moduleList = {
    type: 'object',
    properties: {
      modules: { $ref: '#/$defs/Modules' },
      stages: {
        type: 'array',
        items: { ...ofStage, anyOf: [{ $ref: `${blueBuild}/stage-v1.json` }, { $ref: `${blueBuild}/import-v1.json` }] },
      },
    },
    additionalProperties: false,
    $defs: {
      Modules: {
        type: 'array',
        items: {
          ...offered,
          if: isNix,
          then: { $ref: '#/$defs/NixEntry' },
          else: { anyOf: [{ $ref: `${blueBuild}/module-v1.json` }, { $ref: `${blueBuild}/import-v1.json` }] },
        },
      },
      ...definitions,
    },
  };
  return new Map(
    Object.entries({ 'recipe-v1.json': recipe, 'module-list-v1.json': moduleList }).map(([name, schema]) => [
      name,
      { $schema, $id: `${published}/${name}`, ...schema } as JSONSchema,
    ]),
  );
}

/**
 * The entry's schema as the language server for YAML shows it best: it names a wrong key only where
 * `additionalProperties` forbids it, and shows the description of a key only where its values have none of their own.
 */
function forEditors(schema: JSONSchema) {
  const text = JSON.stringify(schema).replaceAll('"unevaluatedProperties":{"not":{}}', '"additionalProperties":false');
  const edited = JSON.parse(text) as JSONSchema & { $defs?: Record<string, JSONSchema> };
  for (const definition of Object.values(edited.$defs ?? {})) delete definition.description;
  return edited;
}
