import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

const files = join(import.meta.dirname, '../../../modules/nix/files/command/usr');
const read = (path: string) => readFileSync(join(files, path), 'utf8');
/** The commands and the options that they take, from the usage text in their programs. */
const taken = new Map(
  ['status', 'doctor', 'log', 'collect-garbage', 'uninstall'].map((name) => {
    const usage = /usage: bluebuild-nix (.*?)\\n/.exec(read(`libexec/bluebuild/nix/${name}`))?.[1] ?? '';
    return [name, usage.match(/--[a-z-]+/g) ?? []];
  }),
);
const commands = [...taken.keys(), 'move', 'repair'];

test('every program says how it is used', () => {
  for (const [name, options] of taken) expect([name, options.length]).not.toEqual([name, 0]);
});

describe.each([
  ['help', 'share/bluebuild/nix/help', (option: string) => option],
  ['the man page', 'share/man/man8/bluebuild-nix.8', (option: string) => option.replaceAll('-', '\\-')],
  ['the completion of zsh', 'share/zsh/site-functions/_bluebuild-nix', (option: string) => option],
  [
    'the completion of fish',
    'share/fish/vendor_completions.d/bluebuild-nix.fish',
    (option: string) => `-l ${option.slice(2)}`,
  ],
])('%s', (_, path, written) => {
  const text = read(path);
  test.each(commands)('has %s', (name) => {
    expect(text.replaceAll('\\-', '-')).toContain(name);
    for (const option of taken.get(name) ?? []) expect(text).toContain(written(option));
  });
});

test('the first line of help says which of the two programs it is', () => {
  expect(read('share/bluebuild/nix/help')).toMatch(/^bluebuild-nix of a machine: .*The one on npm builds images/);
});

test.each([
  [[''], [...commands, '--help']],
  [['un'], ['uninstall']],
  ...[...taken].map(([name, options]) => [[name, ''], options]),
  [['move', ''], []],
])('bash completes %j', async (words, expected) => {
  const completion = join(files, 'share/bash-completion/completions/bluebuild-nix');
  const script = `. "$1"; shift; COMP_WORDS=(bluebuild-nix "$@") COMP_CWORD=$#; _bluebuild_nix; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execa('bash', ['-euc', script, 'bash', completion, ...words]);
  expect(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .toSorted(),
  ).toEqual(expected.toSorted());
});
