import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

const program = join(
  import.meta.dirname,
  '../../../modules/nix/files/initramfs/usr/lib/dracut/modules.d/99bluebuild-nix-transient-root/transient-root-mounts',
);

// Lines of a kernel's mountinfo in the initramfs: mount ID, parent ID, device, root, mount point, …
const disk = '31 1 254:0 / /sysroot rw,relatime - ext4 /dev/vda rw';
const image = '47 31 0:40 / /sysroot ro,relatime - overlay composefs:b5 ro';
const inMemory = '52 47 0:41 / /sysroot rw,relatime - overlay transient rw';
const on = (id: number, name: string) =>
  `6${name.length} ${id} 254:0 /state/${name} /sysroot/${name} rw - ext4 /dev/vda rw`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'transient-root-mounts-'));
  writeFileSync(join(directory, 'umount'), `#!/bin/sh\necho "$@" >${directory}/unmounted\n`, { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ["ostree's, which has /etc and /var later", [disk, '40 31 0:40 / /sysroot rw - overlay composefs rw'], true],
  ['bootc since 1.16', [disk, image, inMemory, on(52, 'etc'), on(52, 'var')], true],
  ['bootc since 1.16, in another order', [on(52, 'etc'), inMemory, on(52, 'var'), image, disk], true],
  [
    'mounts of both, of which those on top are seen',
    [disk, image, on(47, 'etc'), on(47, 'var'), inMemory, on(52, 'etc'), on(52, 'var')],
    true,
  ],
  ['mounts of both, but no /var on top', [disk, image, on(47, 'etc'), on(47, 'var'), inMemory, on(52, 'etc')], false],
  ['bootc before 1.16', [disk, image, on(47, 'etc'), on(47, 'var'), inMemory], false],
  ['bootc before 1.16, in another order', [disk, image, inMemory, on(47, 'etc'), on(47, 'var')], false],
  ['bootc before 1.16, with an /etc of its own in memory', [disk, image, inMemory, on(47, 'var')], false],
  ['no mounts of its own', [disk, image, inMemory], true],
])('what is over a new root: %s', (_, lines, stays) => {
  const mountinfo = join(directory, 'mountinfo');
  writeFileSync(mountinfo, `20 1 0:5 / /dev rw - devtmpfs devtmpfs rw\n${lines.join('\n')}\n`);
  rmSync(join(directory, 'unmounted'), { force: true });
  const options = { env: { PATH: directory }, extendEnv: false, reject: false } as const;
  const { exitCode, stderr } = execaSync('/bin/sh', [program, mountinfo], options);
  expect(exitCode, stderr).toBe(stays ? 0 : 1);
  expect(existsSync(join(directory, 'unmounted'))).toBe(!stays);
  if (stays) expect(stderr).toBe('');
  else
    expect(stderr).toMatch(
      /^<4>transient-root: .* \(before 1\.16\) hides \/etc and \/var .*: root\.transient is ignored$/,
    );
});
