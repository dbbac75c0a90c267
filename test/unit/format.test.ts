import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { colorsWhere } from '../../src/diagnostic/colors.ts';
import { validate } from '../../src/commands/validate.ts';
import { type Diagnostic, error } from '../../src/diagnostic/diagnostic.ts';
import { formatDiagnostics, formats, outputOf } from '../../src/diagnostic/format.ts';
import { withDirectory } from '../support/diagnostics-of.ts';

const plain = colorsWhere(false);
const forbidden = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\n',
        '\r',
        '\r\n',
        '\0',
        '\u001b[31m',
        '\u001b]0;x\u0007',
        '\u009b2J',
        '\u2028',
        '\u202e',
        '\t',
        '%0A',
      ),
      fc.constantFrom('::error::x', '::add-mask::x', '##[error]', '::', '%', ',', '\ud800', '雪'),
      fc.string({ unit: 'binary', maxLength: 8 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));
const place = fc
  .record({
    file: hostile,
    line: fc.integer({ min: 1, max: 99_999 }),
    column: fc.integer({ min: 1, max: 300 }),
    length: fc.nat(50),
    lines: fc.nat(2),
    lineText: hostile,
  })
  .map(({ length, lines, ...rest }) => ({ ...rest, endLine: rest.line + lines, endColumn: rest.column + length }));
const diagnostic: fc.Arbitrary<Diagnostic> = fc.record(
  {
    severity: fc.constantFrom('error' as const, 'warning' as const),
    message: hostile,
    help: hostile,
    place,
    facts: fc.array(fc.tuple(fc.constantFrom('from', 'expected'), hostile), { maxLength: 2 }),
    related: fc.array(fc.record({ message: hostile, place }), { maxLength: 2 }),
  },
  { requiredKeys: ['severity', 'message'] },
);
const diagnostics = fc.array(diagnostic, { maxLength: 4 });

describe('whatever diagnostics hold', () => {
  test.each(formats)('%s has no control characters', (format) => {
    fc.assert(
      fc.property(diagnostics, (some) => {
        expect(formatDiagnostics(some, format, plain)).not.toMatch(forbidden);
      }),
    );
  });

  test('github has one workflow command for each, in a line of its own', () => {
    fc.assert(
      fc.property(diagnostics, (some) => {
        const lines = formatDiagnostics(some, 'github', plain).split('\n');
        expect(lines.pop()).toBe('');
        expect(lines).toHaveLength(some.length);
        for (const [index, line] of lines.entries()) {
          expect(line.startsWith(`::${some[index]?.severity}`)).toBe(true);
          // Properties end at the first `::`, so they must not contain it.
          const properties = /^::(?:error|warning)(?: ([^:]*))?::/.exec(line);
          expect(properties).not.toBeNull();
          const keys = (properties?.[1] ?? '').split(',').map((property) => property.split('=')[0]);
          const place = ['file', 'line', 'endLine', 'col', ...(keys.length === 5 ? ['endColumn'] : [])];
          expect(keys).toEqual(some[index]?.place ? place : ['']);
        }
      }),
    );
  });

  test('text begins no line with a workflow command', () => {
    fc.assert(
      fc.property(diagnostics, (some) => {
        for (const line of formatDiagnostics(some, 'text', plain).split('\n'))
          expect(line).not.toMatch(/^\s*(::|##\[)/);
      }),
    );
  });

  test('json gives back all of them', () => {
    fc.assert(
      fc.property(diagnostics, (some) => {
        expect(JSON.parse(formatDiagnostics(some, 'json', plain))).toEqual(
          JSON.parse(JSON.stringify({ diagnostics: some })),
        );
      }),
    );
  });
});

describe('the look of text', () => {
  const at = (lineText: string, line: number, column: number, endColumn: number, endLine = line) => ({
    file: 'recipe.yml',
    ...{ line, column, endLine, endColumn, lineText },
  });
  const text = (diagnostic: Diagnostic, colors = plain) => formatDiagnostics([diagnostic], 'text', colors);

  test('the value underlined, with help', () => {
    expect(text(error('wrong', at('  a: bcd', 7, 6, 9), 'do right'))).toBe(`error: wrong
 --> recipe.yml:7:6
  |
7 |   a: bcd
  |      ^^^
  = do right

`);
  });
  test('related places, and line numbers of different width', () => {
    const related = [{ message: 'the first', place: at('a: 1', 9, 1, 2) }];
    expect(text({ ...error('twice', at('a: 2', 10, 1, 2)), related })).toBe(`error: twice
  --> recipe.yml:10:1
   |
10 | a: 2
   | ^
  --> recipe.yml:9:1
   |
 9 | a: 1
   | ^ the first

`);
  });
  const facts = [
    ['from', 'https://example.org'],
    ['expected', 'sha256 0'],
  ] as const;
  test('facts, each on a line of its own, before the help', () => {
    expect(text({ ...error('wrong', undefined, 'do right'), facts })).toBe(`error: wrong
  - from:     https://example.org
  - expected: sha256 0
  = do right

`);
    expect(formatDiagnostics([{ ...error('wrong', undefined, 'do right'), facts }], 'github', plain)).toBe(
      '::error::wrong%0Afrom: https://example.org%0Aexpected: sha256 0%0Ado right\n',
    );
  });
  test('tabs stay, so that the underline is under the value', () => {
    expect(text(error('x', at('a:\tb', 1, 4, 5)))).toContain('1 | a:\tb\n  |   \t^\n');
  });
  test('characters that cannot be shown keep their place', () => {
    expect(text(error('x', at('"\u001b[31m": b', 1, 10, 11)))).toContain('1 | "\ufffd[31m": b\n  |          ^\n');
  });
  test('of several lines, the first to its end', () => {
    expect(text(error('x', at('a: |', 1, 4, 2, 3)))).toContain('1 | a: |\n  |    ^\n');
  });
  test('a long line is cut around the value', () => {
    const found = text(error('x', at(`${'x'.repeat(1000)}value${'y'.repeat(1000)}`, 1, 1001, 1006)));
    const [, , , line = '', underline = ''] = found.split('\n');
    expect(line.length).toBeLessThan(180);
    expect(line.slice(underline.indexOf('^'), underline.lastIndexOf('^') + 1)).toBe('value');
  });
  test('colours, where they are wanted', () => {
    expect(text(error('wrong', at('a', 1, 1, 2), 'help'), colorsWhere(true))).toMatch(/\u001b\[31merror:/);
  });
});

test('what a program of an image printed has its name before each line', () => {
  expect(outputOf('dracut', 'one\n::warning::two\n\u001b[31mthree\n\n')).toBe(
    'dracut: one\ndracut: ::warning::two\ndracut: \ufffd[31mthree\n',
  );
});

test('nothing of a whole recipe reaches the terminal or a workflow log as a command', () => {
  const some = hostile.map((text) => JSON.stringify(text));
  fc.assert(
    fc.property(some, some, some, some, fc.constantFrom(...formats), (key, value, type, stage, format) => {
      const recipe = `stages:
  - name: ${stage}
    modules:
      - type: nix
modules:
  - type: ${type}
  - type: nix
    ${key}: ${value}
    persistence: ${value}
    installer: {args: [${value}], version: ${value}, ${key}: ${value}}
    nix-conf: {${key}: ${value}}
`;
      let written = '';
      const write = (text: string) => void (written += text);
      const output = {
        out: write,
        err: write,
        outColors: plain,
        errColors: plain,
        isTerminal: false,
        columns: () => 80,
      };
      for (const text of [recipe, recipe.replace(/ {2}- type: nix\n {4}.*/s, '')]) {
        withDirectory({ 'recipe.yml': text }, (directory) =>
          validate([join(directory, 'recipe.yml')], { architecture: 'x86_64', format }, output),
        );
      }
      expect(written).not.toMatch(forbidden);
      const commands = written.split('\n').filter((line) => /^\s*(::|##\[)/.test(line));
      for (const line of commands) expect(line).toMatch(format === 'github' ? /^::error / : /^never$/);
    }),
  );
});
