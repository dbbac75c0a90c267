/** What an image with Universal Blue's `ujust` gets, with the real just. test/image tests it in an image build. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readStaticFiles } from '../../src/commands/module.ts';
import { entriesOf, forImage, makePlan } from '../../src/plan/plan.ts';
import { lookAtRoot } from '../../src/rootfs/image-root.ts';
import { needs } from '../support/requirement.ts';
import { configurationOf } from './arbitrary-entry.ts';

const folder = '/usr/share/ublue-os/just';
const [custom, ours] = [`${folder}/60-custom.just`, `${folder}/65-nix.just`];
const files = readStaticFiles(join(import.meta.dirname, '../../modules/nix/files'));
const whole = makePlan(configurationOf({ type: 'nix' }), files, '1.2.3');
const line = `import? "${ours}"\n`;

let root: string;
beforeEach(() => (root = fs.mkdtempSync(join(tmpdir(), 'nix-ujust-'))));
afterEach(() => fs.rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  fs.mkdirSync(join(root, path, '..'), { recursive: true });
  fs.writeFileSync(join(root, path), text);
}

/** The justfile of a Universal Blue image: settings, a recipe that lists the recipes, and imports. */
const justfile = `set allow-duplicate-recipes := true
set ignore-comments := true

_default:
    @just --list

import? "${custom}"
`;

/** The text of each file below /usr/share/ublue-os in the plan for the root, by path. */
function planned(): Record<string, string> {
  const entries = entriesOf(forImage(whole, lookAtRoot(root)));
  return Object.fromEntries(
    entries.flatMap((entry) =>
      entry.kind === 'file' && entry.path.startsWith('/usr/share/ublue-os/')
        ? [[entry.path, entry.content.toString()]]
        : [],
    ),
  );
}

for (const main of ['/usr/share/ublue-os/justfile', `${folder}/00-entry.just`]) {
  test(`${main}: the recipes, and a line in the file for those of a custom image`, () => {
    write(main, justfile);
    expect(Object.keys(planned())).toEqual([custom, ours]);
    expect(planned()[custom]).toBe(line);
    write(custom, '# mine, without an end');
    expect(planned()[custom]).toBe(`# mine, without an end\n${line}`);
    write(custom, `${line}import "/usr/share/bluebuild/justfiles/mine.just"\n`);
    expect(planned()[custom]).toBe(`${line}import "/usr/share/bluebuild/justfiles/mine.just"\n`);
  });
}

test('an image without ujust, one whose justfile imports something else, or that has a link there, gets nothing', () => {
  expect(planned()).toEqual({});
  write('/usr/share/ublue-os/justfile', 'mine:\n    true\n');
  expect(planned()).toEqual({});
  write('/usr/share/ublue-os/justfile', justfile);
  fs.mkdirSync(join(root, folder));
  fs.symlinkSync('elsewhere.just', join(root, custom));
  expect(planned()).toEqual({});
});

test('what is recorded is the recipes and that the file was edited, so that the next bake does not take it for its own', () => {
  write('/usr/share/ublue-os/justfile', justfile);
  const entry = entriesOf(forImage(whole, lookAtRoot(root))).find(({ path }) => path.endsWith('/manifest.json'));
  const manifest = JSON.parse(entry?.kind === 'file' ? entry.content.toString() : '') as Record<string, object>;
  expect(Object.keys(manifest['files'] ?? {}).filter((path) => path.startsWith(folder))).toEqual([ours]);
  expect(manifest['steps']).toMatchObject({ ujust: custom });
});

test('the real just: the recipes are formatted as it wants them, listed and chosen under Nix, and run the command', (context) => {
  needs(context, 'just');
  const just = (...args: string[]) =>
    execFileSync('just', args, { encoding: 'utf8', env: { ...process.env, PATH: `${root}:${process.env['PATH']}` } });
  for (const name of ['bluebuild-nix', 'sudo']) {
    write(name, '#!/bin/sh\necho "${0##*/} $*"\n');
    fs.chmodSync(join(root, name), 0o755);
  }
  const recipes = join(root, 'nix.just');
  fs.writeFileSync(recipes, [...(files.get('ujust')?.values() ?? [])].join(''));
  just('--unstable', '--fmt', '--check', '--justfile', recipes);
  const main = join(root, 'justfile');
  fs.writeFileSync(main, justfile.replace(custom, recipes));
  const names = ['status', 'doctor', 'repair', 'collect-garbage', 'uninstall'].map((name) => `nix-${name}`);
  const listed = just('--justfile', main, '--list');
  expect(listed).toMatch(/\[Nix\]/);
  expect(
    listed
      .match(/^ +nix-[a-z-]+/gm)
      ?.map((name) => name.trim())
      .toSorted(),
  ).toEqual(names.toSorted());
  // The chooser gets the recipes that `--choose` offers on its standard input.
  expect(just('--justfile', main, '--choose', '--chooser', `cat >${root}/offered; echo nix-status`)).toBe(
    'bluebuild-nix status\n',
  );
  expect(fs.readFileSync(join(root, 'offered'), 'utf8')).toContain('nix-uninstall');
  expect(just('--justfile', main, 'nix-doctor', '--all')).toBe('bluebuild-nix doctor --all\n');
  expect(just('--justfile', main, 'nix-repair')).toBe('sudo bluebuild-nix repair\n');
  expect(just('--justfile', main, 'nix-collect-garbage', '--older-than', '30d')).toBe(
    'sudo bluebuild-nix collect-garbage --older-than 30d\n',
  );
  expect(just('--justfile', main, 'nix-uninstall', '--keep-out')).toBe('sudo bluebuild-nix uninstall --keep-out\n');
});
