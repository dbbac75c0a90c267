import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { labBase } from './base.ts';
import { copyFromDisk } from './disk-contents.ts';
import type { Qemu } from './qemu.ts';
import { within } from './wait.ts';

/**
 * The journal of the last boot, which is also written to `file`. It comes from the guest if that still answers,
 * otherwise from the guest's disk, read with the base's own journalctl.
 */
export const readJournal = async (
  qemu: Qemu | undefined,
  disk: string,
  varDirectory: string,
  work: string,
  file: string,
): Promise<string> => {
  const fromGuest = async (): Promise<string | undefined> => {
    if (qemu?.isRunning() !== true) return undefined;
    const show = 'journalctl --boot --no-pager --output=short-monotonic; systemctl --failed --no-pager';
    const result = await within(5, 'no control service', qemu.control.ready)
      .then(() => qemu.control.run(show, 60))
      .catch(() => undefined);
    return result?.code === 0 ? result.stdout : undefined;
  };
  const fromDisk = async (): Promise<string> => {
    if (qemu?.isRunning() === true) await qemu.kill();
    await copyFromDisk(disk, [`${varDirectory}/log/journal`], work);
    const { root } = await labBase();
    const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
    const { stdout, stderr } = await execa(
      join(root, 'usr/lib64/ld-linux-x86-64.so.2'),
      [
        ...['--library-path', `${libraries}:${libraries}/systemd`, join(root, 'usr/bin/journalctl')],
        ...['--directory', join(work, 'journal'), '--boot', '--no-pager', '--output=short-monotonic'],
      ],
      { reject: false },
    );
    return stdout === '' ? stderr : stdout;
  };
  const text = (await fromGuest()) ?? (await fromDisk());
  await writeFile(file, text);
  return text;
};
