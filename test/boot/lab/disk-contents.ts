import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { waitUntil } from './wait.ts';

const debugfs = async (raw: string, command: string): Promise<void> => {
  await execa('debugfs', ['-R', command, raw]);
};

/**
 * Copies files and directories out of a switched-off qcow2 disk with one ext4 file system. First replays the file
 * system's journal, as the next boot would, so this works after a power cut too. The disk is not changed.
 * `paths` are absolute in the file system; each becomes `DIRECTORY/its last component`, and missing ones are left out.
 */
export const copyFromDisk = async (disk: string, paths: string[], directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(directory, '.view-'));
  const overlay = join(work, 'overlay.qcow2');
  const raw = join(work, 'raw');
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', disk, overlay]);
  await writeFile(raw, '');
  let ended: string | undefined;
  const view = execa(
    'setpriv',
    [
      ...['--pdeathsig', 'TERM', 'qemu-storage-daemon'],
      ...['--blockdev', `driver=file,node-name=file,filename=${overlay}`],
      ...['--blockdev', 'driver=qcow2,node-name=disk,file=file'],
      ...['--export', `type=fuse,id=view,node-name=disk,mountpoint=${raw},writable=on`],
    ],
    { reject: false, all: true },
  );
  void view.then(({ all }) => (ended = all));
  try {
    await waitUntil(
      `a view of ${disk}`,
      20,
      async () => {
        if (ended !== undefined) throw new Error(`no view of ${disk}: ${ended}`);
        return (await stat(raw)).size > 0 ? true : undefined;
      },
      0.02,
    );
    await execa('e2fsck', ['-E', 'journal_only', '-p', raw], { reject: false });
    for (const path of paths) await debugfs(raw, `rdump "${path}" "${directory}"`);
  } finally {
    view.kill('SIGTERM');
    await view;
    await execa('umount', ['--lazy', raw], { reject: false });
    await rm(work, { recursive: true, force: true });
  }
};

/** A boot entry that ostree wrote (Boot Loader Specification): kernel and initramfs relative to /boot, arguments. */
export type BootEntry = { version: number; linux: string; initrd: string; options: string };

const parseBootEntry = (text: string): BootEntry => {
  const field = (name: string): string => {
    const value = new RegExp(`^${name}\\s+(.*)$`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`a boot entry on the disk has no ${name}:\n${text}`);
    return value;
  };
  return {
    version: Number(field('version')),
    linux: field('linux'),
    initrd: field('initrd'),
    options: field('options'),
  };
};

/** What a boot loader boots from this disk by default; copies the files of /boot to `directory`. */
export const bootFilesOf = async (
  disk: string,
  directory: string,
): Promise<{ kernel: string; initrd: string; options: string }> => {
  const boot = join(directory, 'boot');
  await rm(boot, { recursive: true, force: true });
  await copyFromDisk(disk, ['/boot'], directory);
  // ostree makes /boot/loader a link to loader.0 or loader.1; the other one does not exist or is older.
  const loader = join(boot, 'loader', 'entries');
  if (!existsSync(loader)) throw new Error(`no boot entries on ${disk}: is anything deployed there?`);
  const entries = await Promise.all(
    (await readdir(loader)).map(async (name) => parseBootEntry(await readFile(join(loader, name), 'utf8'))),
  );
  entries.sort((a, b) => b.version - a.version);
  const [entry] = entries;
  if (entry === undefined) throw new Error(`no boot entries on ${disk}: is anything deployed there?`);
  return {
    kernel: join(boot, entry.linux),
    initrd: join(boot, entry.initrd),
    options: entry.options,
  };
};
