import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** The boot lab's cache: everything slow to make, outside the repository. */
export const cacheRoot = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bluebuild-nix', 'boot');

/** A hash of all the given texts in their order, as sixteen hexadecimal digits. */
export const keyOf = (...parts: string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);

/** A key for everything in a file or directory: names, modes, link targets and contents; without what `isPart` rejects. */
export const keyOfTree = async (path: string, isPart: (name: string) => boolean = () => true): Promise<string> => {
  const parts: string[] = [];
  const visit = async (entry: string, name: string): Promise<void> => {
    if (!isPart(name)) return;
    const status = await lstat(entry);
    parts.push(name, status.mode.toString(8));
    if (status.isDirectory()) {
      for (const child of (await readdir(entry)).sort()) await visit(join(entry, child), `${name}/${child}`);
    } else if (status.isSymbolicLink()) parts.push(await readlink(entry));
    else
      parts.push(
        createHash('sha256')
          .update(await readFile(entry))
          .digest('hex'),
      );
  };
  await visit(path, '');
  return keyOf(...parts);
};

const removePartial = async (directory: string): Promise<void> => {
  // ostree marks the roots of deployments immutable.
  if (existsSync(directory)) await execa('chattr', ['-R', '-f', '-i', directory], { reject: false });
  await rm(directory, { recursive: true, force: true });
};

/**
 * The directory `KIND/KEY` of the cache, made by `make` if it does not exist yet.
 * `make` fills a temporary directory, which is renamed only after `make` has returned, so a killed run leaves no
 * partial entry. Two runs at once may both make it; the first one's stays.
 */
export const cached = async (
  kind: string,
  key: string,
  make: (directory: string) => Promise<void>,
): Promise<string> => {
  const kindDirectory = join(cacheRoot, kind);
  const finished = join(kindDirectory, key);
  if (existsSync(finished)) {
    const now = new Date();
    await utimes(finished, now, now);
    return finished;
  }
  await mkdir(kindDirectory, { recursive: true });
  const partial = join(kindDirectory, `.partial-${process.pid}-${randomUUID().slice(0, 8)}`);
  await mkdir(partial);
  const started = performance.now();
  process.stderr.write(`boot lab: making ${kind} ${key} …\n`);
  try {
    await make(partial);
    await rename(partial, finished).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await removePartial(partial);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`boot lab: made ${kind} ${key} in ${seconds} s\n`);
  return finished;
};

/** Whether a process with this id runs on this machine. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

// Work on another branch may have made an entry and need it again.
const keptHours = 6;

/**
 * Removes the partial entries that killed runs left, and from each kind the entries that have not been used for some
 * hours, except for the most recently used ones, whose number `keep` gives.
 */
export const pruneCache = async (keep: Record<string, number>): Promise<void> => {
  for (const [kind, count] of Object.entries(keep)) {
    const kindDirectory = join(cacheRoot, kind);
    if (!existsSync(kindDirectory)) continue;
    const finished: { path: string; used: number }[] = [];
    for (const name of await readdir(kindDirectory)) {
      const path = join(kindDirectory, name);
      const owner = /^\.partial-(\d+)-/.exec(name)?.[1];
      if (owner === undefined) finished.push({ path, used: (await stat(path)).mtimeMs });
      else if (!isRunning(Number(owner))) await removePartial(path);
    }
    const oldest = Date.now() - keptHours * 3_600_000;
    for (const { path, used } of finished.sort((a, b) => b.used - a.used).slice(count)) {
      if (used < oldest) await removePartial(path);
    }
  }
};

const runDirectoryPrefix = 'boot-lab-';

/** A new directory for the files of one scenario, below /tmp so that the paths of unix sockets in it are short. */
export const makeRunDirectory = (): Promise<string> => mkdtemp(`/tmp/${runDirectoryPrefix}${process.pid}-`);

/** Removes the directories of killed runs. */
export const pruneRunDirectories = async (): Promise<void> => {
  for (const name of await readdir('/tmp')) {
    const owner = name.startsWith(runDirectoryPrefix)
      ? /^(\d+)-/.exec(name.slice(runDirectoryPrefix.length))?.[1]
      : undefined;
    if (owner === undefined || isRunning(Number(owner))) continue;
    const directory = join('/tmp', name);
    // The view of a disk (disk-contents.ts) that the run was reading may still be mounted.
    const { stdout } = await execa('findmnt', ['--noheadings', '--list', '--output', 'TARGET'], { reject: false });
    for (const mount of stdout.split('\n').filter((path) => path.startsWith(`${directory}/`)))
      await execa('umount', ['--lazy', mount]);
    await rm(directory, { recursive: true, force: true });
  }
};
