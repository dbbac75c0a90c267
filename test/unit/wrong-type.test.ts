/** Every key with every type of value that it does not take, and other inputs that a table of examples cannot cover. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkEntry } from '../../src/config/check.ts';
import { findEntries } from '../../src/recipe/entries.ts';
import { asText } from '../support/diagnostics-of.ts';

function entry(text: string): string[] {
  const recipe = Buffer.from(`modules:\n  - type: nix\n    ${text}\n`);
  const { entries, diagnostics } = findEntries('recipe.yml', () => recipe);
  const wrong = entries.flatMap((one) => {
    const result = checkEntry(one, 'x86_64');
    return Array.isArray(result) ? result : [];
  });
  return [...diagnostics, ...wrong].map((one) => asText(one, '/'));
}

const text = fc.string({ unit: 'grapheme', maxLength: 10 });
const kinds = {
  string: text,
  number: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  boolean: fc.boolean(),
  null: fc.constant(null),
  list: fc.array(fc.oneof(text, fc.integer(), fc.constant(null), fc.constant({})), { maxLength: 3 }),
  mapping: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.oneof(text, fc.boolean()), { maxKeys: 3 }),
};
type Kind = keyof typeof kinds;

const provider = '`determinate`, `nixos`, `native` or `system`';
const setting = 'a string, a number, `true`, `false` or a list (each item: a string or a number)';

/** Each key, its YAML (`§` is the value), what the value must be, and the kinds of values that the key takes. */
const keys: [key: string, yaml: string, must: string, takes: Kind[]][] = [
  ['source', 'source: §', 'a string', ['string']],
  ['no-cache', 'no-cache: §', '`true` or `false`', ['boolean']],
  ['env', 'env: §', 'a mapping', ['mapping']],
  ['env.A', 'env: {A: §}', 'a string, a number, `true` or `false`', ['string', 'number', 'boolean']],
  ['secrets', 'secrets: §', 'a list (each item: a mapping)', ['list']],
  ['secrets[0]', 'secrets: [§]', 'a mapping', ['mapping']],
  [
    'installer',
    'installer: §',
    `\`determinate\`, \`nixos\`, \`native\`, \`system\` or a mapping with \`provider\`, \`version\`, \`url\`, \`sha256\`, \`embed\` or \`args\``,
    ['mapping'],
  ],
  ['installer.provider', 'installer: {provider: §}', provider, []],
  ['installer.version', 'installer: {version: §}', 'a string', ['string']],
  ['installer.url', 'installer: {url: §}', 'a string', ['string']],
  [
    'installer.sha256',
    'installer: {sha256: §}',
    'a string or a mapping with `x86_64` or `aarch64`',
    ['string', 'mapping'],
  ],
  ['installer.sha256.x86_64', 'installer: {sha256: {x86_64: §}}', 'a string', ['string']],
  ['installer.embed', 'installer: {embed: §}', '`true` or `false`', ['boolean']],
  ['installer.args', 'installer: {args: §}', 'a list (each item: a string)', ['list']],
  ['installer.args[0]', 'installer: {args: [§]}', 'a string', ['string']],
  ['persistence', 'persistence: §', 'a string', ['string']],
  ['transient-root', 'transient-root: §', '`karg`, `initramfs` or `off`', []],
  ['nix-conf', 'nix-conf: §', 'a mapping', ['mapping']],
  ['nix-conf.cores', 'nix-conf: {cores: §}', setting, ['string', 'number', 'boolean', 'list']],
  ['nix-conf.cores[0]', 'nix-conf: {cores: [§]}', 'a string or a number', ['string', 'number']],
  ['selinux', 'selinux: §', '`auto`, `on` or `off`', []],
];

test.each(keys)(
  '%s: a value of a wrong type is told once, at its place, with what it must be',
  (key, yaml, must, takes) => {
    const wrong = (Object.keys(kinds) as Kind[]).filter((kind) => !takes.includes(kind));
    const value = fc.oneof(...wrong.map((kind) => fc.tuple(fc.constant(kind), kinds[kind])));
    fc.assert(
      fc.property(value, ([kind, some]) => {
        // JSON is YAML.
        const [said = '', ...more] = entry(yaml.replace('§', () => JSON.stringify(some)));
        expect(more).toEqual([]);
        const shown = kind === 'list' || kind === 'mapping' ? `a ${kind}` : `\`${JSON.stringify(some)}\``;
        const sentence = kind === 'null' ? `is empty, and must be ${must}` : `must be ${must}, not ${shown}`;
        const expected = `3:${5 + yaml.indexOf('§')} \`${key}\` ${sentence}`;
        expect(said.slice(0, expected.length)).toBe(expected);
        const inQuotes = must.startsWith('a string') && (kind === 'number' || kind === 'boolean');
        const hint = /^(; did you mean `[^`]+`(, with(out)? quotes)?\?)?/.exec(said.slice(expected.length))?.[0] ?? '';
        expect(said.slice(expected.length + hint.length)).toBe(inQuotes ? ' = put it in quotes' : '');
      }),
      { numRuns: 30 },
    );
  },
);

test.each(['yes', 'on', 'true', 'no', 'off', 'false', 'False', 'YES'])('`embed: "%s"`: a boolean was meant', (word) => {
  const meant = /^(yes|on|true)$/i.test(word);
  const quotes = String(meant) === word.toLowerCase() ? ', without quotes' : '';
  expect(entry(`installer: {embed: "${word}"}`)).toEqual([
    `3:24 \`installer.embed\` must be \`true\` or \`false\`, not \`"${word}"\`; did you mean \`${meant}\`${quotes}?`,
  ]);
});

const plainPath = /^\/var(\/[A-Za-z0-9_][A-Za-z0-9._+-]*)+$/;
const notReserved = 'x.y+z-1_';

test('persistence: whatever else than a plain path under /var is refused, and said to be where it is', () => {
  const part = fc.oneof(
    fc.constantFrom('/', '/var', '.', '..', notReserved, '-', ' ', '%', '`', '\\', '"', "'", '\r', '\n', '\0', '$(id)'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => `/var/${notReserved}/${parts.join('')}`);
  fc.assert(
    fc.property(fc.oneof(path, part), (some) => {
      const said = entry(`persistence: ${JSON.stringify(some)}`);
      if (plainPath.test(some)) expect(said).toEqual([]);
      else
        expect(said).toEqual([
          expect.stringMatching(/^3:18 `persistence`( is empty|: .* (is|contains|has) ).* = (use|write) /),
        ]);
    }),
  );
});
