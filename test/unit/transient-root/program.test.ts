import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execaSync } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareRootCases } from './prepare-root-cases.ts';

const program = join(
  import.meta.dirname,
  '../../../modules/nix/files/initramfs/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root/transient-root',
);
const fedora = '[composefs]\nenabled = yes\n[sysroot]\nreadonly = true\n';
const vendor = '/usr/lib/ostree/prepare-root.conf';
const derived = '/etc/ostree/prepare-root.conf';
const native = '/etc/composefs/setup-root-conf.toml';

/** The value that a GKeyFile reader finds for `[root] transient`. */
const transientOf = (text: string): string | undefined => {
  let group = '';
  let value: string | undefined;
  for (const line of text.split('\n')) {
    group = /^\s*\[(.*)\]\s*$/.exec(line)?.[1] ?? group;
    const found = /^\s*transient\s*=\s*(\S*)\s*$/.exec(line)?.[1];
    if (group === 'root' && found !== undefined) value = found;
  }
  return value;
};

const shells = ['dash', 'bash'].filter((shell) => existsSync(`/bin/${shell}`));
test('a shell to test with', () => expect(shells).not.toEqual([]));

describe.each(shells)('the program of the initramfs, in %s', (shell) => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'transient-root-'));
    for (const directory of ['etc/ostree', 'etc/composefs', 'proc'])
      mkdirSync(join(root, directory), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const write = (path: string, text: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const read = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);
  /** Runs the program with nothing but the shell's builtins; gives what it writes to the kernel log. */
  const run = (cmdline: string): string => {
    write('/proc/cmdline', cmdline);
    const { exitCode, stdout, stderr } = execaSync(`/bin/${shell}`, [program, root], {
      env: { PATH: '/nowhere' },
      extendEnv: false,
      reject: false,
    });
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 0, stdout: '' });
    for (const line of stderr.split('\n').filter(Boolean)) expect(line).toMatch(/^<4>transient-root: /);
    return stderr;
  };

  // The values that systemd's parse_boolean accepts.
  const isTrue = ['1', 'yes', 'y', 'true', 't', 'on', 'TRUE', 'Yes', 'oN', 'T', 'Y'];
  const isFalse = ['0', 'no', 'n', 'false', 'f', 'off', 'FALSE', 'No', 'oFF', 'F', 'N'];
  test.each([
    ...isTrue.map((value) => [`root.transient=${value}`, 'true'] as const),
    ...isFalse.map((value) => [`root.transient=${value}`, undefined] as const),
    ['root.transient', 'true'],
    ['quiet', undefined],
    // Other arguments.
    ['root.transient-ro=true', undefined],
    ['rd.root.transient=true', undefined],
    ['root_transient=true', undefined],
    ['xroot.transient=true', undefined],
    ['rootXtransient=true', undefined],
    ['root.transient.x=true', undefined],
    ['root.TRANSIENT=true', undefined],
    // The last one counts.
    ['root.transient=true root.transient=false', undefined],
    ['root.transient=0 root.transient', 'true'],
    ['root.transient root.transient=off quiet', undefined],
    // Quotes, as systemd reads them.
    ['"root.transient=true"', 'true'],
    ["'root.transient=true'", 'true'],
    ['root.transient="true"', 'true'],
    ["root.transient='y'es", 'true'],
    ['"root.transient"', 'true'],
    ['x="a root.transient=true b"', undefined],
    ["x='a root.transient=true b'", undefined],
    [`x="'" root.transient=1 y="'"`, 'true'],
    ['root.transient=1 x="unbalanced root.transient=0', 'true'],
    ['root.transient=1 root.transient="0', undefined],
    // White space.
    ['  root.transient=true  ', 'true'],
    ['a\troot.transient=true\tb', 'true'],
    ['a\nroot.transient=true\nb', 'true'],
    ['*  root.transient=true ?', 'true'],
    ['a=\\ root.transient=true $(reboot) `reboot` ;', 'true'],
  ] as const)('%j: %s', (argument, expected) => {
    write(vendor, fedora);
    expect(run(`BOOT_IMAGE=/x ostree=/ostree/boot.1/lab/x/0 rw ${argument}\n`)).toBe('');
    expect(read(vendor)).toBe(fedora);
    expect(read(derived)).toBe(expected === undefined ? undefined : `${fedora}\n[root]\ntransient = ${expected}\n`);
  });

  test.each(['', 'perhaps', '2', 'tru', 'true false', 'wahr'])('root.transient="%s" is said and ignored', (value) => {
    write(vendor, fedora);
    expect(run(`ostree=/x root.transient=1 "root.transient=${value}"\n`)).toContain(
      `root.transient=${value} is no boolean: it is ignored`,
    );
    expect(read(derived)).toBeUndefined();
  });

  test('a command line of 4096 bytes takes less than a second', () => {
    write(vendor, fedora);
    const started = performance.now();
    run(`ostree=/x ${'"a b" c='.repeat(500)} root.transient\n`);
    expect(transientOf(read(derived) ?? '')).toBe('true');
    expect(performance.now() - started).toBeLessThan(1000);
  });

  describe.each(prepareRootCases)('prepare-root.conf: $name', ({ text, allows, shipped }) => {
    const deployment = '/ostree/boot.1/lab/x/0';
    const image = `/sysroot${deployment}/.ostree.cfs`;

    test.each([
      ['with a composefs image', allows !== 'no'],
      ['without', allows === 'yes'],
    ] as const)('root.transient=true, a deployment %s', (which, allowed) => {
      write(vendor, text);
      if (which !== 'without') write(image, '');
      const said = run(`ostree=${deployment} root.transient=true\n`);
      if (shipped) {
        expect(read(derived)).toBeUndefined();
      } else if (allowed) {
        expect(read(derived)?.startsWith(text)).toBe(true);
        expect(transientOf(read(derived) ?? '')).toBe('true');
      } else {
        expect(read(derived)).toBeUndefined();
        expect(said).toContain('it is ignored');
      }
    });

    test('root.transient=false', () => {
      write(vendor, text);
      expect(run(`ostree=${deployment} root.transient=false\n`)).toBe('');
      if (shipped) expect(transientOf(read(derived) ?? '')).toBe('false');
      else expect(read(derived)).toBeUndefined();
    });
  });

  test("the image's own /etc/ostree/prepare-root.conf replaces the vendor's, as for ostree", () => {
    write(vendor, '[composefs]\nenabled = no\n');
    write(derived, `${fedora}[etc]\ntransient = true\n`);
    expect(run('ostree=/x root.transient=1\n')).toBe('');
    expect(read(derived)).toBe(`${fedora}[etc]\ntransient = true\n\n[root]\ntransient = true\n`);
  });

  // ostree reads the first of these arguments, up to the next space.
  test.each([
    ['ostree.prepare-root.composefs=0 ostree.prepare-root.composefs=1', undefined],
    ['ostree.prepare-root.composefs=no', undefined],
    ['ostree.prepare-root.composefs=maybe', undefined],
    ['ostree.prepare-root.composefs=1', 'true'],
    ['ostree.prepare-root.composefs=signed', 'true'],
  ])('%s overrides the file', (argument, expected) => {
    write(vendor, fedora);
    const said = run(`ostree=/x ${argument} root.transient=1\n`);
    expect(transientOf(read(derived) ?? '')).toBe(expected);
    if (expected === undefined) expect(said).toContain('it is ignored');
  });

  test('without a prepare-root.conf it says so, and leaves it at that', () => {
    expect(run('ostree=/x root.transient=1\n')).toContain('no prepare-root.conf');
    expect(read(derived)).toBeUndefined();
  });

  test('without ostree= it leaves ostree alone', () => {
    write(vendor, fedora);
    expect(run('root.transient=1\n')).toBe('');
    expect(read(derived)).toBeUndefined();
  });

  test.each([
    ['', '\n[root]\ntransient = true\n'],
    ['[etc]\nmount = "bind"\n', '[etc]\nmount = "bind"\n\n[root]\ntransient = true\n'],
    ['[root]\ntransient = false\n[etc]\ntransient = false\n', '[root]\ntransient = true\n[etc]\ntransient = false\n'],
    ['  [ root ]  # why\n  transient=true', '  [ root ]  # why\ntransient = true\n'],
    ['[etc]\ntransient = true\n[root]', '[etc]\ntransient = true\n[root]\ntransient = true\n'],
    ['# [root]\n[root.more]\ntransient = 1\n', '# [root]\n[root.more]\ntransient = 1\n\n[root]\ntransient = true\n'],
  ])("bootc's composefs-native backend: %j", (text, expected) => {
    write(native, text);
    expect(run('composefs=abc rw root.transient\n')).toBe('');
    expect(read(native)).toBe(expected);
    write(native, text);
    expect(run('rw composefs.digest=v1-sha512-12:abc root.transient\n')).toBe('');
    expect(read(native)).toBe(expected);
    expect(read(derived)).toBeUndefined();
  });

  test.each([
    'root = { transient = false }\n',
    'root.transient = false\n',
    '"root" = { transient = false }\n',
    "['root']\ntransient = false\n",
    '[[root]]\n',
    '[root]\n"transient" = false\n',
    '[etc]\nmount = """\n[root]\n"""\n',
  ])('of bootc, what it does not understand is said and left as it is: %j', (text) => {
    write(native, text);
    expect(run('composefs=abc root.transient=1\n')).toContain('it is ignored');
    expect(read(native)).toBe(text);
  });

  test('root.transient=false switches off what the image of bootc ships', () => {
    write(native, '[root]\ntransient = true\n');
    expect(run('composefs=abc root.transient=false\n')).toBe('');
    expect(read(native)).toBe('[root]\ntransient = false\n');
  });
});
