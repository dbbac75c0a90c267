import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/diagnostic/user-error.ts';
import { selinux } from '../../../src/plan/selinux.ts';
import { lookAtRoot } from '../../../src/rootfs/image-root.ts';
import { configurationOf } from '../arbitrary-entry.ts';

const config = '/etc/selinux/config';
const semanage = '/etc/selinux/semanage.conf';
const complete = {
  [config]: '# comment\nSELINUX=enforcing\nSELINUXTYPE=targeted \n',
  [semanage]: 'module-store = direct\nstore-root=/etc/selinux\n',
  '/etc/selinux/targeted/policy/policy.35': 'policy',
  '/etc/selinux/targeted/active/modules/100/base/cil': 'module',
  '/usr/sbin/semodule': '',
};

describe('an image whose policy is to get the labels of /nix', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'selinux-image-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));
  const { step } = selinux.make(
    configurationOf({ type: 'nix', selinux: 'auto' }),
    new Map([['selinux', new Map<string, Buffer>()]]),
  );
  const prepare = (files: Record<string, string>) => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return step?.prepare({ ...lookAtRoot(root), canRun: true });
  };
  const without = (...missing: string[]) =>
    Object.fromEntries(Object.entries(complete).filter(([path]) => !missing.includes(path)));

  test('is taken: Fedora Atomic, with the modules beside the policy', () => {
    expect(prepare(complete)).toBeTypeOf('function');
  });

  test("is taken: libselinux' and libsemanage's own places, where the files do not say", () => {
    const files = {
      ...without(semanage, '/etc/selinux/targeted/active/modules/100/base/cil'),
      [config]: 'SELINUX=permissive\n',
      '/var/lib/selinux/targeted/active/modules/100/base/cil': 'module',
    };
    expect(prepare(files)).toBeTypeOf('function');
  });

  test.each([
    ['nothing of SELinux', {}, 'no /etc/selinux/config'],
    ['a configuration alone', { [config]: complete[config] }, 'no /etc/selinux/targeted/policy/policy.*'],
    [
      'the policy of another name',
      { ...complete, [config]: 'SELINUXTYPE=mls\n' },
      'no /etc/selinux/mls/policy/policy.*',
    ],
    [
      'SELinux disabled',
      { ...complete, [config]: ' SELINUX = Disabled\nSELINUXTYPE=targeted\n' },
      'SELinux is disabled',
    ],
  ] as const)('has none in use, and this says why: %s', (_, files, reason) => {
    expect(prepare(files)).toEqual(expect.stringContaining(reason));
  });

  test.each([
    ['no semodule', without('/usr/sbin/semodule'), 'it has no semodule', 'install policycoreutils'],
    [
      'its modules lost with /var',
      without(semanage),
      'are missing (/var/lib/selinux/targeted/active/modules)',
      'store-root=/etc/selinux',
    ],
    [
      'a name that is a path',
      { ...complete, [config]: 'SELINUXTYPE=../../etc\n' },
      'SELINUXTYPE in /etc/selinux/config is not the name of a policy',
      'correct that file',
    ],
    [
      'a store that is no path',
      { ...complete, [semanage]: 'store-root = ../var\n' },
      'store-root in /etc/selinux/semanage.conf is not a path',
      'correct that file',
    ],
  ] as const)('is refused: %s', (_, files, message, whatToDo) => {
    const refused = () => prepare(files);
    expect(refused).toThrow(`the SELinux policy of this image cannot take the labels of /nix: `);
    expect(refused).toThrow(message);
    try {
      refused();
    } catch (cause) {
      expect(cause).toBeInstanceOf(UserError);
      expect((cause as UserError).help).toContain(whatToDo);
      expect((cause as UserError).help).toContain('`selinux: off`');
    }
  });
});
