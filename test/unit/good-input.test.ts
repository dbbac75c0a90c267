import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkRecipe, configurationOf } from '../../src/commands/check-recipe.ts';
import type { Config } from '../../src/config/config.ts';
import { releases } from '../../src/config/releases.ts';
import { withDirectory } from '../support/diagnostics-of.ts';

const digest = '0123456789abcdef'.repeat(4);

function configOf(recipe: string | Uint8Array, files: Record<string, string> = {}, name = 'recipe.yml'): Config {
  const config = withDirectory({ [name]: recipe, ...files }, (directory) =>
    configurationOf(join(directory, name), 'x86_64'),
  );
  if (Array.isArray(config)) throw new Error(JSON.stringify(config, null, 2));
  return config;
}

const entry = (text: string): Config => configOf(`modules:\n  - type: nix\n${text.replace(/^(?=.)/gm, '    ')}`);

test('an entry without keys has every default', () => {
  const { version, sha256 } = releases.determinate;
  expect(entry('')).toEqual({
    architecture: 'x86_64',
    installer: {
      provider: 'determinate',
      version,
      url: `https://install.determinate.systems/nix/tag/v${version}/nix-installer-x86_64-linux`,
      sha256: sha256.x86_64,
      embed: true,
      args: [],
    },
    persistence: '/var/lib/nix',
    transientRoot: 'karg',
    selinux: 'auto',
    telemetry: 'off',
    maintenance: 'off',
    nixConf: { 'experimental-features': ['nix-command', 'flakes'] },
  });
});

describe('values', () => {
  test('everything set', () => {
    const text = `
source: ghcr.io/example/bluebuild-nix:latest
no-cache: true
env: {A: b, C: 1, D: true}
secrets: [{type: env, name: TOKEN}]
installer:
  provider: nixos
  version: 2.34.0
  url: https://example.org/{version}/{arch}
  sha256: {x86_64: ${digest}, aarch64: ${'f'.repeat(64)}}
  embed: false
  args: [--verbose, '--proxy=http://a b', --logger, full]
persistence: /var/home/nix
transient-root: off
selinux: on
telemetry: off
maintenance: {schedule: daily, older-than: 90d, verify: false}
nix-conf: {cores: 4, experimental-features: nix-command, extra-substituters: [https://a, https://b], sandbox: true}
`;
    expect(entry(text)).toEqual({
      architecture: 'x86_64',
      installer: {
        provider: 'nixos',
        version: '2.34.0',
        url: 'https://example.org/2.34.0/x86_64',
        sha256: digest,
        embed: false,
        args: ['--verbose', '--proxy=http://a b', '--logger', 'full'],
      },
      persistence: '/var/home/nix',
      transientRoot: 'off',
      selinux: 'on',
      telemetry: 'off',
      maintenance: { schedule: 'daily', olderThan: '90d', optimise: true, verify: false },
      nixConf: {
        'experimental-features': 'nix-command',
        cores: 4,
        'extra-substituters': ['https://a', 'https://b'],
        sandbox: true,
      },
    });
  });
  test('`off` is the word in YAML 1.2, and stays it where the text says 1.1', () => {
    expect(configOf('%YAML 1.1\n---\nmodules:\n  - {type: nix, transient-root: off}\n').transientRoot).toBe('off');
  });
  test('200 characters of persistence', () => {
    const path = `/var${'/nix'.repeat(49)}`;
    expect(entry(`persistence: ${path}`).persistence).toBe(path);
  });
  test('a provider alone, and a digest without the other architecture', () => {
    const { installer } = entry('installer: nixos');
    expect([installer.provider, installer.version]).toEqual(['nixos', releases.nixos.version]);
    const settings = `{url: https://example.org/i, sha256: {x86_64: ${digest}}}`;
    expect(entry(`installer: ${settings}`).installer.sha256).toBe(digest);
  });
  test('a Nix of the distribution has no version, url or digest', () => {
    expect(entry('installer: system').installer).toEqual({ provider: 'system' });
    expect(entry('installer: {provider: system}').installer).toEqual({ provider: 'system' });
  });
  test('the digest that is built in, written out', () => {
    const { sha256 } = entry('').installer;
    expect(entry(`installer: {sha256: ${sha256}}`).installer.sha256).toBe(sha256);
    expect(entry(`installer: {sha256: {x86_64: ${sha256}}}`).installer.sha256).toBe(sha256);
  });
  test('numbers up to the largest that is exact', () => {
    expect(entry('nix-conf: {a: 9007199254740991, b: -9007199254740991, c: 0.5}').nixConf).toMatchObject({
      ...{ a: 9007199254740991, b: -9007199254740991, c: 0.5 },
    });
  });
  test('a file of the project, with an escape in its name', () => {
    const url = 'file:///tmp/files/nix%20installer';
    expect(entry(`installer: {url: '${url}', sha256: ${digest}}`).installer).toMatchObject({ url, embed: true });
  });
  test('64 KiB of settings', () => {
    const list = [...Array.from({ length: 4 }, () => 'x'.repeat(9_999)), 'x'.repeat(64 * 1024 - 40_001)];
    expect(entry(`nix-conf: {a: ${JSON.stringify(list)}}`).nixConf['a']).toEqual(list);
  });
  test('64 KiB of arguments', () => {
    const args = [`--proxy=${'x'.repeat(64 * 1024 - 8)}`];
    expect(entry(`installer: {args: ${JSON.stringify(args)}}`).installer.args).toEqual(args);
  });
  test('a large number in quotes', () => {
    expect(entry('nix-conf: {max-free: "9223372036854775807"}').nixConf['max-free']).toBe('9223372036854775807');
  });
});

describe('texts', () => {
  test('a byte order mark', () => expect(configOf('\ufeffmodules:\n  - type: nix\n').persistence).toBe('/var/lib/nix'));
  test('CRLF', () => {
    expect(configOf('modules:\r\n  - type: nix\r\n    persistence: /var/nix\r\n').persistence).toBe('/var/nix');
  });
  test('a first document marker and a last', () => {
    expect(configOf('---\nmodules:\n  - type: nix\n...\n').persistence).toBe('/var/lib/nix');
  });
  test('JSON', () => expect(configOf('{"modules":[{"type":"nix"}]}').persistence).toBe('/var/lib/nix'));
  test('anchors and aliases', () => {
    const text =
      'x: &conf {cores: 2}\nd: &d /var/nix\nmodules:\n  - &m {type: nix, persistence: *d, nix-conf: *conf}\n';
    expect(configOf(text)).toMatchObject({ persistence: '/var/nix', nixConf: { cores: 2 } });
  });
  test('one anchor, a thousand aliases', () => {
    const modules = Array.from({ length: 1000 }, () => '  - {type: files, files: *f}\n').join('');
    expect(configOf(`f: &f [{source: a, destination: b}]\nmodules:\n  - type: nix\n${modules}`)).toBeDefined();
  });
  test('the same key in two mappings', () => {
    expect(configOf('modules:\n  - type: nix\n  - type: files\n').persistence).toBe('/var/lib/nix');
  });
});

describe('recipes', () => {
  test('version 2, with other modules', () => {
    const text = 'version: 2\nname: x\nbase-image: y\nmodules:\n  - type: files\n    files: []\n  - type: nix@v1\n';
    expect(configOf(text).persistence).toBe('/var/lib/nix');
  });
  test('from-file, nested, from recipes/, whatever folder the recipe is in', () => {
    const files = {
      'recipes/common/all.yml': 'modules:\n  - from-file: common/nix.yml\n',
      'recipes/common/nix.yml': 'type: nix\npersistence: /var/nix\n',
    };
    const recipe = 'modules:\n  - from-file: common/all.yml\n';
    expect(configOf(recipe, files, 'recipes/recipe.yml').persistence).toBe('/var/nix');
    expect(configOf(recipe, files, 'recipes/desktop/recipe.yml').persistence).toBe('/var/nix');
  });
  test('a file that a recipe names twice, but not in a circle', () => {
    const files = { 'a.yml': 'type: files\n' };
    expect(configOf('modules:\n  - from-file: a.yml\n  - from-file: a.yml\n  - type: nix\n', files)).toBeDefined();
  });
  test('one entry in the image and one in a stage: the image is what is baked', () => {
    const text = `stages:
  - name: build
    modules: [{type: nix, persistence: /var/stage}]
modules: [{type: nix, persistence: /var/image}]
`;
    expect(configOf(text).persistence).toBe('/var/image');
    const checked = withDirectory({ 'r.yml': text }, (directory) => checkRecipe(join(directory, 'r.yml'), 'x86_64'));
    expect(checked.configs.map(({ config, stage }) => [config.persistence, stage])).toEqual([
      ['/var/stage', 'build'],
      ['/var/image', undefined],
    ]);
  });
  test('stages from a file, with modules from a file', () => {
    const files = {
      's.yml': 'stages:\n  - name: one\n    modules:\n      - from-file: n.yml\n',
      'n.yml': 'type: nix\n',
    };
    const checked = withDirectory({ 'r.yml': 'stages:\n  - from-file: s.yml\n', ...files }, (directory) =>
      checkRecipe(join(directory, 'r.yml'), 'x86_64'),
    );
    expect(checked).toMatchObject({ diagnostics: [], configs: [{ stage: 'one' }] });
  });
});
