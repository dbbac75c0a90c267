import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { architectures } from '../../src/config/architecture.ts';
import type { Config } from '../../src/config/config.ts';
import { defaults } from '../../src/config/defaults.ts';
import type { RecipeEntry } from '../../src/config/recipe-entry.ts';
import { releases } from '../../src/config/releases.ts';
import { readStaticFiles } from '../../src/commands/module.ts';
import type { ImageEntry } from '../../src/plan/image-entry.ts';
import { entriesOf as allEntriesOf, makePlan } from '../../src/plan/plan.ts';
import { configurationOf, validEntry } from './arbitrary-entry.ts';
import { needs } from '../support/requirement.ts';

const modules = join(import.meta.dirname, '../../modules/nix/files');
const files = readStaticFiles(modules);
const share = '/usr/share/bluebuild/nix';
const architecture = fc.constantFrom(...architectures);

/** All files whose content depends on the recipe. */
const decided = [
  '/usr/lib/tmpfiles.d/nix.conf',
  '/etc/nix/nix.conf',
  '/etc/xdg/nix/nix.conf',
  '/usr/lib/environment.d/60-nix-telemetry.conf',
  '/etc/determinate/config.json',
  '/usr/lib/systemd/system/nix-install.service.d/50-follow.conf',
  '/usr/lib/systemd/system/nix.mount',
  '/usr/lib/systemd/system/nix-find-store.service',
  '/usr/lib/systemd/system/nix-maintenance.timer',
  ...['install.conf', 'installer-args', 'nix.conf', 'maintenance.conf', 'configuration.yml', 'manifest.json'].map(
    (name) => `${share}/${name}`,
  ),
];

function entriesOf(config: Config): Map<string, ImageEntry> {
  return new Map(allEntriesOf(makePlan(config, files, '1.2.3')).map((entry) => [entry.path, entry]));
}

function textOf(entries: Map<string, ImageEntry>, path: string): string {
  const entry = entries.get(path);
  if (entry?.kind !== 'file') throw new Error(`no file ${path}`);
  return entry.content.toString();
}

test('`native`: a boot of the image starts the service only where another Nix is followed', () => {
  const entries = entriesOf(configurationOf({ type: 'nix', installer: 'native' }));
  const { sha256 } = releases.native;
  expect(textOf(entries, '/usr/lib/systemd/system/nix-install.service.d/50-follow.conf')).toBe(
    `[Unit]\nConditionPathExists=|!/nix/var/bluebuild-nix/follows/${sha256.x86_64}\n`,
  );
  expect(textOf(entries, `${share}/install.conf`)).toContain(`\nsha256=${sha256.x86_64}\n`);
  expect(entries.get('/usr/libexec/bluebuild/nix/nix.tar.xz')).toMatchObject({ kind: 'download', mode: 0o644 });
  expect([...entries.keys()].filter((path) => /determinate|nix-installer|installer-args/.test(path))).toEqual([]);
});

test("`system`: the package's units stay as they are, and are bound to a store that is whole", () => {
  const entries = entriesOf(configurationOf({ type: 'nix', installer: 'system' }));
  const paths = [...entries.keys()];
  expect(paths.filter((path) => /^\/usr\/bin\/nix|\/nix-daemon(\.service|\.socket)?$/.test(path))).toEqual([
    '/usr/lib/systemd/system/sockets.target.wants/nix-daemon.socket',
  ]);
  for (const unit of ['service', 'socket']) {
    const dropIn = textOf(entries, `/usr/lib/systemd/system/nix-daemon.${unit}.d/50-bluebuild-nix.conf`);
    expect(dropIn).toContain('\nConditionPathExists=/nix/var/bluebuild-nix/installed\n');
    expect(dropIn).toContain('\nExecStartPre=/usr/libexec/bluebuild/nix/keep-database\n');
  }
  expect([...entries.values()].filter(({ kind }) => kind === 'download')).toEqual([]);
});

test('telemetry is off for units, sessions and determinate-nixd, unless the recipe names who gets it', () => {
  const environment = '/usr/lib/environment.d/60-nix-telemetry.conf';
  for (const entry of [{}, { telemetry: 'off' as const }, { installer: 'nixos' as const }]) {
    const entries = entriesOf(configurationOf({ type: 'nix', ...entry }));
    expect(textOf(entries, environment)).toContain('\nDETSYS_IDS_TELEMETRY=disabled\n');
    const { telemetry } = JSON.parse(textOf(entries, '/etc/determinate/config.json'));
    expect(telemetry).toEqual({ sentry: { endpoint: null } });
    for (const unit of ['nix-install.service', 'nix-daemon.service']) {
      expect(textOf(entries, `/usr/lib/systemd/system/${unit}`)).toContain(`\nEnvironmentFile=${environment}\n`);
    }
  }
  const on = entriesOf(configurationOf({ type: 'nix', telemetry: 'determinate-systems' }));
  expect(textOf(on, environment)).not.toMatch(/^[^#]/m);
  expect(on.has('/etc/determinate/config.json')).toBe(false);
});

test('what is valid plans, in order, each path once, under /nix and /usr, and a file or two in /etc', () => {
  fc.assert(
    fc.property(validEntry, architecture, (entry, arch) => {
      const paths = allEntriesOf(makePlan(configurationOf(entry, arch), files, '1.2.3')).map(({ path }) => path);
      expect(paths).toEqual([...new Set(paths)].toSorted((one, other) => (one < other ? -1 : 1)));
      const inEtc = paths.filter((path) => !/^(\/nix|\/usr(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+)$/.test(path));
      const { provider } = configurationOf(entry, arch).installer;
      const isSilent = (entry.telemetry ?? 'off') === 'off';
      const silence = isSilent ? ['/etc/determinate/config.json'] : [];
      const wanted = {
        native: ['/etc/nix/nix.conf', '/etc/profile.d/nix.sh'],
        system: ['/etc/profile.d/nix-profiles.sh', '/etc/xdg/nix/nix.conf'],
        ...{ determinate: silence, nixos: silence },
      };
      expect(inEtc).toEqual(wanted[provider]);
    }),
  );
});

test('a recipe decides what is in a few small files, whether parts are there, and nothing else', () => {
  const wanted =
    /^\.\.\/(nix\.mount|nix-(install|users|first-store)\.service|nix-daemon\.socket|determinate-nixd\.socket|nix-maintenance\.timer|nix-label\.(path|service))$/;
  fc.assert(
    fc.property(validEntry, (value) => {
      for (const [path, entry] of entriesOf(configurationOf(value))) {
        if (decided.includes(path)) continue;
        if (entry.kind === 'file') {
          const texts = [...files.values()].flatMap((part) => part.get(path) ?? []);
          expect(
            texts.some((text) => entry.content.equals(text)),
            path,
          ).toBe(true);
        } else if (path.startsWith('/usr/bin/')) {
          expect(entry).toMatchObject({
            kind: 'symlink',
            target: path.replace('/usr', '/nix/var/nix/profiles/default'),
          });
        } else if (entry.kind === 'symlink') expect(entry.target).toMatch(wanted);
        else expect(path).toMatch(entry.kind === 'directory' ? /^\/nix$/ : /^\/usr\/libexec\/bluebuild\/nix\/nix/);
      }
    }),
  );
});

describe('every value comes back from where it lies as it was', () => {
  test('persistence from the units and tmpfiles.d', () => {
    fc.assert(
      fc.property(validEntry, (value) => {
        const config = configurationOf(value);
        const entries = entriesOf(config);
        // It has nothing that systemd unquotes, expands or splits: systemd.syntax(7), tmpfiles.d(5).
        const plain = '(/[A-Za-z0-9._+-]+)+';
        const line = new RegExp(`^d (?<path>${plain}) 0755 root root - -\n$`);
        expect(line.exec(textOf(entries, '/usr/lib/tmpfiles.d/nix.conf'))?.groups?.['path']).toBe(config.persistence);
        const lines: [unit: string, key: string, value: string][] = [
          ['nix.mount', 'What', config.persistence],
          ['nix-find-store.service', 'ConditionPathExists', `|!${config.persistence}/var/bluebuild-nix/installed`],
          ['nix-find-store.service', 'RequiresMountsFor', config.persistence],
          [
            'nix-find-store.service',
            'ConditionDirectoryNotEmpty',
            config.persistence === '/var/home/nix' ? '|/var/lib/nix/store' : '|/var/home/nix/store',
          ],
        ];
        for (const [name, key, value] of lines) {
          const path = `/usr/lib/systemd/system/${name}`;
          const withoutLines = (text: string) =>
            text.replace(/^(What|ConditionPathExists|ConditionDirectoryNotEmpty|RequiresMountsFor)=.*$/gm, '');
          expect(textOf(entries, path).split('\n')).toContain(`${key}=${value}`);
          const shipped = files.get('mount-point')?.get(path)?.toString() ?? '';
          expect(withoutLines(textOf(entries, path))).toBe(withoutLines(shipped));
        }
        // A drop-in would also apply to the machine's own nix.mount.
        expect([...entries.keys()].filter((path) => path.includes('/nix.mount.d'))).toEqual([]);
      }),
    );
  });

  test('the default persistence is that of the static unit', () => {
    expect(textOf(entriesOf(configurationOf({ type: 'nix' })), '/usr/lib/systemd/system/nix.mount')).toContain(
      `\nWhat=${defaults.persistence}\n`,
    );
  });

  test('nix.conf, split as Nix splits it', () => {
    fc.assert(
      fc.property(validEntry, (value) => {
        const config = configurationOf(value);
        const isSystem = config.installer.provider === 'system';
        const found = textOf(entriesOf(config), isSystem ? '/etc/xdg/nix/nix.conf' : `${share}/nix.conf`)
          .split('\n')
          .slice(0, -1)
          // As Config::applyConfig in Nix's src/libutil/config.cc: cut at #, split at blanks; the second token is `=`.
          .map((line) => (line.split('#')[0] ?? '').split(/[ \t\r]+/).filter((token) => token !== ''));
        const wanted = Object.entries(config.nixConf).map(([name, setting]) => {
          const tokens = Array.isArray(setting) ? setting.map(String) : String(setting).split(/[ \t\r]+/);
          return [name, '=', ...tokens.filter((token) => token !== '')];
        });
        if (isSystem) {
          // A default that the recipe does not set is added to the package's own setting.
          if (!('experimental-features' in (value['nix-conf'] ?? {}))) {
            expect(found).toContainEqual(['extra-experimental-features', '=', 'nix-command', 'flakes']);
            wanted.splice(0, 1, ['extra-experimental-features', '=', 'nix-command', 'flakes']);
          }
          wanted.push(['!include', '/etc/nix/nix.custom.conf']);
        }
        if (config.installer.provider === 'native') {
          wanted.push(['!include', 'nix.custom.conf']);
          expect(textOf(entriesOf(config), '/etc/nix/nix.conf')).toBe(textOf(entriesOf(config), `${share}/nix.conf`));
        }
        expect(found).toEqual(wanted);
      }),
    );
  });

  test('configuration.yml is a recipe entry that gives the same again', () => {
    fc.assert(
      fc.property(validEntry, architecture, (value, arch) => {
        const config = configurationOf(value, arch);
        const text = textOf(entriesOf(config), `${share}/configuration.yml`);
        expect(configurationOf(parse(text) as RecipeEntry, arch)).toEqual(config);
      }),
    );
  });

  test('manifest.json', () => {
    fc.assert(
      fc.property(validEntry, (value) => {
        const config = configurationOf(value);
        const entries = entriesOf(config);
        const manifest = JSON.parse(textOf(entries, `${share}/manifest.json`)) as { installer: object; files: object };
        const { provider, version, url, sha256, embed } = config.installer;
        expect(manifest).toMatchObject({
          module: { name: 'bluebuild-nix', version: '1.2.3' },
          architecture: 'x86_64',
          persistence: config.persistence,
        });
        expect(manifest.installer).toEqual({ provider, version, url, sha256, embedded: embed });
        const others = [...entries.keys()].filter((path) => !/(configuration\.yml|manifest\.json)$/.test(path));
        expect(Object.keys(manifest.files)).toEqual(others);
      }),
    );
  });

  describe.each(['dash', 'bash'] as const)('install.conf and installer-args, by %s', (shell) => {
    test('with the lines of the first-boot program', (context) => {
      needs(context, shell);
      const program = fs.readFileSync(join(modules, 'first-boot/usr/libexec/bluebuild/nix/store.sh'), 'utf8');
      const readConfiguration = /^read_configuration\(\) \{\n.*?^\}\n/ms.exec(program)?.[0];
      const provider = fs.readFileSync(join(modules, 'installer/usr/libexec/bluebuild/nix/provider.sh'), 'utf8');
      const readArguments = /^    while IFS= read -r argument; do\n.*?^    done <.*?\n/ms.exec(provider)?.[0];
      const names = ['provider', 'version', 'persistence', 'embedded', 'url', 'sha256'];
      const script = [
        'set -eu',
        readConfiguration,
        'for share in "$@"; do',
        `printf '%s\\0' CONFIGURATION`,
        ...names.map((name) => `${name}=''`),
        'read_configuration',
        ...names.map((name) => `printf '%s\\0' "$${name}"`),
        'set --',
        readArguments,
        `for argument in "$@"; do printf '%s\\0' "$argument"; done`,
        'done',
      ].join('\n');
      const directory = fs.mkdtempSync(join(tmpdir(), 'nix-plan-'));
      try {
        const configs = fc.sample(validEntry, 100).map((value) => configurationOf(value));
        const folders = configs.map((config, index) => {
          const folder = join(directory, String(index));
          const entries = entriesOf(config);
          fs.mkdirSync(folder);
          fs.writeFileSync(join(folder, 'install.conf'), textOf(entries, `${share}/install.conf`));
          const args =
            config.installer.args === undefined || config.installer.provider === 'native'
              ? ''
              : textOf(entries, `${share}/installer-args`);
          fs.writeFileSync(join(folder, 'installer-args'), args);
          return folder;
        });
        const output = execFileSync(shell, ['-c', script, shell, ...folders], { encoding: 'utf8' });
        const read = output
          .split('CONFIGURATION\0')
          .slice(1)
          .map((fields) => fields.split('\0').slice(0, -1));
        const wanted = configs.map(
          ({ persistence, installer: { provider, version, embed, url, sha256, args = [] } }) => [
            ...[provider, version ?? '', persistence, String(embed ?? ''), embed ? '' : (url ?? ''), sha256 ?? ''],
            ...args,
          ],
        );
        expect(read).toEqual(wanted);
      } finally {
        fs.rmSync(directory, { recursive: true });
      }
    });
  });
});
