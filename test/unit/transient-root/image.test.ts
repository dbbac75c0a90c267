import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/diagnostic/user-error.ts';
import { initramfs } from '../../../src/plan/initramfs.ts';
import { parsePrepareRoot } from '../../../src/plan/prepare-root.ts';
import { lookAtRoot } from '../../../src/rootfs/image-root.ts';
import { configurationOf } from '../arbitrary-entry.ts';
import { prepareRootCases } from './prepare-root-cases.ts';

const { step } = initramfs.make(configurationOf({ type: 'nix', 'transient-root': 'initramfs' }), new Map());
const conf = '/usr/lib/ostree/prepare-root.conf';
const complete = {
  '/usr/lib/modules/6.19.1/vmlinuz': 'kernel',
  '/usr/lib/modules/6.19.1/initramfs.img': 'old',
  '/usr/bin/dracut': '',
  '/usr/bin/lsinitrd': '',
  '/usr/lib/dracut/modules.d/50ostree/module-setup.sh': '',
  '/usr/lib/ostree/ostree-prepare-root': '',
  [conf]: '[composefs]\nenabled = yes\n',
};

const ofBootc = {
  '/usr/lib/dracut/modules.d/51bootc/module-setup.sh': '',
  '/usr/lib/bootc/initramfs-setup': '',
};
const withoutOstree = Object.fromEntries(Object.entries(complete).filter(([path]) => !path.includes('ostree')));

describe('an image whose initramfs is to be rebuilt', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'initramfs-image-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const write = (files: Record<string, string | Buffer>) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  };
  const prepare = () => step?.prepare({ ...lookAtRoot(root), canRun: true });
  const refusal = (): { message: string; help: string | undefined } => {
    try {
      prepare();
    } catch (cause) {
      if (cause instanceof UserError) return { message: cause.message, help: cause.help };
      throw cause;
    }
    throw new Error('it was taken');
  };

  test('is taken with every kernel that it has, by its wrapped dracut', async () => {
    write(complete);
    write({ '/usr/lib/modules/6.20.0/vmlinuz': '', '/usr/lib/modules/5.0.0/modules.dep': 'a kernel that was removed' });
    const ran = async () => {
      const commands: string[] = [];
      const carryOut = prepare();
      if (typeof carryOut !== 'function') throw new Error('no use for it');
      const run = (command: string, args: readonly string[]) => {
        commands.push([command, ...args].join(' '));
        return Promise.resolve({ exitCode: command.endsWith('dracut') ? 0 : 1, stdout: '', all: '', seconds: 0 });
      };
      const work = { ...lookAtRoot(root), size: () => 1, say: () => {}, workDirectory: () => '/work', run };
      await expect(carryOut(work as unknown as Parameters<typeof carryOut>[0])).rejects.toThrow('lsinitrd');
      return commands.find((command) => command.includes('dracut'));
    };
    expect(await ran()).toMatch(/^\/usr\/bin\/dracut --kver 6\.19\.1 /);
    write({ '/usr/libexec/rpm-ostree/wrapped/dracut': '' });
    expect(await ran()).toMatch(/^\/usr\/libexec\/rpm-ostree\/wrapped\/dracut --kver 6\.19\.1 /);
  });

  /** The modules that dracut is told to add if lsinitrd finds these units in the existing initramfs. */
  const added = async (...units: string[]) => {
    const commands: string[][] = [];
    const carryOut = prepare();
    if (typeof carryOut !== 'function') throw new Error('no use for it');
    const stdout = units.map((unit) => `-rw-r--r-- 1 root root 1 usr/lib/systemd/system/${unit}`).join('\n');
    const run = (command: string, args: readonly string[]) => {
      commands.push([command, ...args]);
      return Promise.resolve({ exitCode: 0, stdout, all: stdout, seconds: 0 });
    };
    const work = { ...lookAtRoot(root), size: () => 1, say: () => {}, workDirectory: () => '/work', run };
    await expect(carryOut(work as unknown as Parameters<typeof carryOut>[0])).rejects.toThrow('the new initramfs');
    const dracut = commands.find(([command]) => command === '/usr/bin/dracut') ?? [];
    return dracut[dracut.indexOf('--add') + 1];
  };
  test("bootc's composefs-native backend alone is taken; beside ostree it stays in an initramfs that has it", async () => {
    write({ ...withoutOstree, ...ofBootc });
    expect(await added()).toBe('bootc bluebuild-nix-transient-root');
    write({ '/usr/lib/dracut/modules.d/50ostree/module-setup.sh': '', '/usr/lib/ostree/ostree-prepare-root': '' });
    expect(await added()).toBe('bootc bluebuild-nix-transient-root');
    expect(await added('ostree-prepare-root.service')).toBe('ostree bootc bluebuild-nix-transient-root');
    write(complete);
    expect(await added()).toBe('ostree bluebuild-nix-transient-root');
    expect(await added('bootc-root-setup.service')).toBe('ostree bootc bluebuild-nix-transient-root');
  });

  const without = (missing: string) =>
    Object.fromEntries(Object.entries(complete).filter(([path]) => path !== missing));
  test.each([
    [
      'no kernel',
      without('/usr/lib/modules/6.19.1/vmlinuz'),
      'the image has no kernel (no /usr/lib/modules/*/vmlinuz)',
    ],
    ['an empty image', {}, 'the image has no kernel'],
    ['no dracut', without('/usr/bin/dracut'), 'it has no dracut'],
    ['no lsinitrd', without('/usr/bin/lsinitrd'), 'it has no lsinitrd'],
    [
      'no ostree module of dracut',
      without('/usr/lib/dracut/modules.d/50ostree/module-setup.sh'),
      'no ostree for its initramfs (no /usr/lib/dracut/modules.d/*ostree)',
    ],
    [
      'no ostree-prepare-root',
      without('/usr/lib/ostree/ostree-prepare-root'),
      'no ostree for its initramfs (no /usr/lib/ostree/ostree-prepare-root)',
    ],
    [
      'a backend of bootc without its program',
      { ...withoutOstree, '/usr/lib/dracut/modules.d/51bootc/module-setup.sh': '' },
      'no ostree for its initramfs (no /usr/lib/dracut/modules.d/*ostree), ' +
        'and no composefs-native backend of bootc (no /usr/lib/bootc/initramfs-setup)',
    ],
    [
      "a unified kernel image for bootc's backend",
      { ...withoutOstree, ...ofBootc, '/boot/EFI/Linux/bootc.efi': '' },
      '/boot/EFI/Linux/bootc.efi is a unified kernel image',
    ],
    [
      "composefs off for ostree, beside bootc's backend",
      { ...complete, ...ofBootc, [conf]: '[composefs]\nenabled = no\n' },
      `composefs is off in ${conf}`,
    ],
    ['no prepare-root.conf', without(conf), 'composefs is off (there is no /usr/lib/ostree/prepare-root.conf)'],
    ['composefs off', { ...complete, [conf]: '[composefs]\nenabled = no\n' }, `composefs is off in ${conf}`],
    [
      'composefs off in /etc alone',
      { ...complete, '/etc/ostree/prepare-root.conf': '[sysroot]\nreadonly = true\n' },
      'composefs is off in /etc/ostree/prepare-root.conf',
    ],
    [
      'root.transient-ro',
      { ...complete, [conf]: '[composefs]\nenabled = yes\n[root]\ntransient-ro = 1\n' },
      `${conf} sets \`[root] transient-ro\``,
    ],
    [
      'a prepare-root.conf that nobody can read',
      { ...complete, [conf]: '[composefs]\nenabled: yes\n' },
      `${conf} cannot be read: line 2 is no \`key = value\`: enabled: yes`,
    ],
    [
      'a prepare-root.conf that is no text',
      { ...complete, [conf]: Buffer.from([0xff, 0xfe]) },
      `${conf} cannot be read: it is not UTF-8`,
    ],
    [
      'a unified kernel image beside the kernel',
      { ...complete, '/usr/lib/modules/6.19.1/6.19.1.efi': '' },
      '/usr/lib/modules/6.19.1/6.19.1.efi is a unified kernel image',
    ],
    [
      'a unified kernel image in /boot',
      { ...complete, '/boot/EFI/Linux/fedora.efi': '' },
      '/boot/EFI/Linux/fedora.efi is a unified kernel image',
    ],
  ] as const)('is refused: %s', (_, files, message) => {
    write(files);
    const { message: said, help } = refusal();
    expect(said).toContain('`transient-root: initramfs` is not possible in this image: ');
    expect(said).toContain(message);
    expect(help).toContain('use `transient-root: karg` or `off`: /nix exists either way');
  });
});

describe('prepare-root.conf, read when the image is built', () => {
  test.each(prepareRootCases)('$name', ({ text, allows }) => {
    const { composefs, transientReadOnly } = parsePrepareRoot(Buffer.from(text));
    expect(transientReadOnly ? 'no' : { on: 'yes', off: 'no', maybe: 'maybe' }[composefs]).toBe(allows);
  });

  // ostree refuses to boot with these files.
  test.each([
    ['enabled = yes\n', 'line 1 is in no [group]'],
    ['[composefs]\nenabled = yes # for now\n', '`[composefs] enabled` cannot be `yes # for now`'],
    ['[composefs]\nenabled = on\n', '`[composefs] enabled` cannot be `on`'],
    ['[composefs]\nenabled =\n', '`[composefs] enabled` cannot be ``'],
    ['[composefs]\nenabled = yes\n[root]\ntransient = yes\n', '`[root] transient` cannot be `yes`'],
    ['[composefs]\nenabled = yes\n[root]\ntransient-ro = off\n', '`[root] transient-ro` cannot be `off`'],
    ['[composefs\nenabled = yes\n', 'line 1 is in no [group]'],
    ['[composefs]\n= yes\n', 'line 2 is no `key = value`'],
  ])('%j is an error', (text, message) => {
    expect(() => parsePrepareRoot(Buffer.from(text))).toThrow(message);
  });
});
