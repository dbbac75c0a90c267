/** The parts of a JSON Schema that a table of its keys shows. */
export type KeySchema = {
  $ref?: string;
  $defs?: Record<string, KeySchema>;
  type?: string;
  enum?: string[];
  anyOf?: KeySchema[];
  items?: KeySchema;
  properties?: Record<string, KeySchema>;
  default?: unknown;
  description?: string;
};

/** The keys of a schema as a Markdown table, those of a mapping below their own; keys in `omitted` are left out. */
export function keyTable(schema: KeySchema, omitted: readonly string[]): string {
  const keys = Object.entries(schema.properties ?? {}).filter(([name]) => !omitted.includes(name));
  const rows = keys.flatMap(([name, key]) => {
    const inner = members(key, schema).find((member) => member.type === 'object')?.properties ?? {};
    return [
      row(name, key, schema),
      ...Object.entries(inner).map(([key, inside]) => row(`${name}.${key}`, inside, schema)),
    ];
  });
  return ['| key | values | default | what it does |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function row(name: string, key: KeySchema, top: KeySchema): string {
  const { description = '' } = key;
  const cells = [code(name), values(key, top), shown(key.default), description.replaceAll('\n', ' ')];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function values(key: KeySchema, top: KeySchema): string {
  const found = members(key, top).flatMap((member) => {
    if (member.enum) return member.enum.map(code);
    if (member.type === 'boolean') return ['`true`', '`false`'];
    if (member.type === 'array')
      return [`list of ${member.items?.anyOf ? 'value' : (members(member.items ?? {}, top)[0]?.type ?? 'value')}s`];
    return [member.type === 'object' ? 'mapping' : (member.type ?? 'value')];
  });
  return [...new Set(found)].join(', ');
}

/** The members of a union, or the schema alone; references followed. */
function members(schema: KeySchema, top: KeySchema): KeySchema[] {
  if (schema.$ref) return members(top.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? {}, top);
  return schema.anyOf ? schema.anyOf.flatMap((member) => members(member, top)) : [schema];
}

function shown(value: unknown): string {
  return value === undefined ? '' : code(flow(value));
}

/** As it is written in a recipe, in one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(', ')}}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
