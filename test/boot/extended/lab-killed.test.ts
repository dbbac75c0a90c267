import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { pruneRunDirectories } from '../lab/cache.ts';
import { waitUntil } from '../lab/wait.ts';

/** The command lines of all processes of this machine that contain the text. */
const processesWith = async (text: string): Promise<string[]> => {
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.map((line) => line.replaceAll('\0', ' ')).filter((line) => line.includes(text));
};

const mounts = () => readFile('/proc/mounts', 'utf8');

test('a run that is killed leaves no process and no mount, and its files go with the next run', async () => {
  const mark = randomUUID();
  const run = execa(process.execPath, [join(import.meta.dirname, '../killed-run.ts'), mark], { reject: false });
  const [first] = (await once(run.stdout, 'data')) as [Buffer];
  const directory = first.toString().trim();
  await waitUntil('a machine and a build that are under way', 200, async () => {
    const [machine, build] = [await processesWith(`${directory}/`), await processesWith(`echo ${mark}`)];
    return machine.some((line) => line.includes('qemu-system')) && build.length > 0 ? true : undefined;
  });

  run.kill('SIGKILL');
  await run;
  const own = `/tmp/boot-lab-${run.pid}-`;
  await waitUntil('the end of all that it started', 30, async () =>
    [...(await processesWith(own)), ...(await processesWith(`echo ${mark}`))].length === 0 ? true : undefined,
  );
  expect(await mounts()).not.toContain(own);

  // A view of a disk (disk-contents.ts) may leave a mount behind, because it is not in a mount namespace of its own.
  await mkdir(join(directory, 'view'));
  await execa('mount', ['-t', 'tmpfs', 'view', join(directory, 'view')]);
  await pruneRunDirectories();
  expect(await mounts()).not.toContain(own);
  expect(existsSync(directory)).toBe(false);
}, 300_000);
