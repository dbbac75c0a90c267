import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeRootfs } from '../../src/rootfs/rootfs.ts';
import { readStaticFiles } from '../../src/commands/module.ts';
import { entriesOf, makePlan } from '../../src/plan/plan.ts';
import { configurationOf } from './arbitrary-entry.ts';
import { needs } from '../support/requirement.ts';

const modules = join(import.meta.dirname, '../../modules/nix/files');
const files = readStaticFiles(modules);
const statics = [...files].flatMap(([part, inPart]) =>
  [...inPart].map(([path, content]) => ({ name: `${part}${path}`, path, text: content.toString() })),
);
const providers = [...files.keys()].filter((part) => files.get(part)?.has('/usr/libexec/bluebuild/nix/provider.sh'));
const units = statics.filter(({ path }) =>
  /^\/usr\/lib\/systemd\/system\/[^/]+\.(service|socket|mount|path)$/.test(path),
);
const planOf = (entry: Parameters<typeof configurationOf>[0]) =>
  entriesOf(makePlan(configurationOf(entry), files, '0.0.0'));
const entries = planOf({ type: 'nix', persistence: '/var/nix', installer: { embed: false }, maintenance: 'on' });
const embedded = planOf({ type: 'nix' });
const native = planOf({ type: 'nix', installer: 'native' });
const system = planOf({ type: 'nix', installer: 'system' });
const planned = new Set([...entries, ...embedded, ...native, ...system].map(({ path }) => path));

/** The units that ours name and every system with systemd has (bootup(7)). */
const systemUnits = [
  ...['basic', 'local-fs', 'multi-user', 'network-online', 'paths', 'shutdown', 'sockets', 'sysinit', 'timers'].map(
    (name) => `${name}.target`,
  ),
  'systemd-remount-fs.service',
  'systemd-sysusers.service',
  'systemd-tmpfiles-setup.service',
  'systemd-update-done.service',
  // On systems where /var/home is a separate file system.
  'var-home.mount',
];

/** The only program of the base that our units start. */
const systemctl = '/usr/bin/systemctl';

type Unit = [section: string, key: string, value: string][];

/** Parses a unit file (systemd.syntax(7)); throws if a line is not valid. */
function parseUnit(text: string): Unit {
  let section = '';
  return text.split('\n').flatMap((line): Unit => {
    if (line === '' || line.startsWith('#')) return [];
    const header = /^\[([A-Z][A-Za-z]+)\]$/.exec(line);
    if (header) {
      section = header[1] ?? '';
      return [];
    }
    const [, key, value] = /^([A-Z][A-Za-z]+)=(.*\S)?$/.exec(line) ?? [];
    if (key === undefined || section === '') throw new Error(`not a line of a unit: ${line}`);
    return [[section, key, value ?? '']];
  });
}

test('every kind of installer has its provider.sh', () => expect(providers).toEqual(['installer', 'native', 'system']));

// Except what runs a daemon, whose hooks and builds use the machine's locale, and what dracut reads in a build.
const programs = statics.filter(
  ({ path, text }) => text.startsWith('#!') && !/\/(nix-daemon|module-setup\.sh)$/.test(path),
);
test.each(programs)("$name does not depend on the machine's locale", ({ text }) => {
  expect(text).toMatch(/^(export )?LC_ALL=C$/m);
});

describe('units', () => {
  test.each(units)('$name: what it starts is in the image', ({ text }) => {
    const programs = parseUnit(text).filter(([, key]) => key.startsWith('Exec'));
    for (const [, , command] of programs) {
      expect([...planned, systemctl]).toContain(command.split(' ')[0]?.replace(/^-/, ''));
    }
  });

  test.each(units)('$name: what it names is in the image or in every image', ({ text }) => {
    const known = new Set([...units.map(({ path }) => path.split('/').at(-1) ?? ''), ...systemUnits]);
    const keys = [
      'After',
      'Before',
      'Wants',
      'Requires',
      'Conflicts',
      'BindsTo',
      'PartOf',
      'WantedBy',
      'Service',
      'OnSuccess',
    ];
    const named = parseUnit(text).filter(([, key]) => keys.includes(key));
    for (const unit of named.flatMap(([, , value]) => value.split(' '))) expect(known).toContain(unit);
  });

  test('links that enable lead to a unit of the image, which says the same', () => {
    const links = entries.filter((entry) => entry.kind === 'symlink').filter(({ path }) => path.includes('.wants/'));
    expect(links).toHaveLength(8);
    for (const { path, target } of links) {
      const [unit, wants] = [normalize(join(dirname(path), target)), path.split('/').at(-2)];
      expect(planned).toContain(unit);
      expect(unit.split('/').at(-1)).toBe(path.split('/').at(-1));
      const installed = parseUnit(units.find((one) => one.path === unit)?.text ?? '').filter(
        ([section]) => section === 'Install',
      );
      for (const [, , wantedBy] of installed) expect(wants).toBe(`${wantedBy}.wants`);
    }
  });

  test('drop-ins belong to a unit of the image', () => {
    for (const path of [...planned].filter((path) => path.includes('.d/') && path.startsWith('/usr/lib/systemd'))) {
      expect(planned).toContain(dirname(path).replace(/\.d$/, ''));
    }
  });

  describe('systemd-analyze verify finds nothing wrong with', () => {
    let root: string;
    beforeAll(async () => {
      root = fs.mkdtempSync(join(tmpdir(), 'nix-units-'));
      const options = { modificationTime: 0, ownedByRoot: false, downloaded: new Map<string, string>() };
      for (const plan of [entries, system]) await writeRootfs({ entries: plan }, root, options);
      fs.mkdirSync(join(root, dirname(systemctl)), { recursive: true });
      fs.writeFileSync(join(root, systemctl), '#!/bin/sh\n', { mode: 0o755 });
      for (const unit of systemUnits) {
        const text = unit.endsWith('.service')
          ? '[Service]\nExecStart=/usr/libexec/bluebuild/nix/nix-daemon\n'
          : unit.endsWith('.mount')
            ? '[Mount]\nWhat=/dev/disk/by-label/home\nWhere=/var/home\n'
            : '[Unit]\n';
        fs.writeFileSync(join(root, 'usr/lib/systemd/system', unit), text);
      }
    });
    afterAll(() => fs.rmSync(root, { recursive: true }));

    for (const { path } of units) {
      const unit = path.split('/').at(-1) ?? '';
      test(unit, (context) => {
        needs(context, 'systemd');
        const { status, stderr } = spawnSync('systemd-analyze', ['verify', `--root=${root}`, '--man=no', unit], {
          encoding: 'utf8',
        });
        // systemd 254 added these keys; an older one uses a fixed time instead. test/image checks with a newer systemd.
        const newer =
          /: Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)' in section '?\[?Service\]?'?, ignoring\.$/;
        expect(stderr.split('\n').filter((line) => line !== '' && !newer.test(line))).toEqual([]);
        expect(status).toBe(0);
      });
    }
  });
});
