import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ImageEntry, Plan } from '../plan/image-entry.ts';
import { UserError } from '../diagnostic/user-error.ts';

/** What became of a root. */
export type Baked = {
  /** Paths in the image that were made or changed. */
  changed: string[];
  /** Paths that were as the plan wants them. */
  unchanged: string[];
};

export type RootfsOptions = {
  /** The modification time of everything written, in seconds since 1970 (SOURCE_DATE_EPOCH; ostree sets 0 anyway). */
  modificationTime: number;
  /** Whether files are given to root. Only root can; for anybody else they stay the caller's. */
  ownedByRoot: boolean;
  /** Where the checked file of a download is, by its SHA-256. */
  downloaded: ReadonlyMap<string, string>;
};

/** A root in which a plan's entries lie: how a step changes more of it. What it did is undone if a step fails. */
export type WrittenRoot = {
  path: string;
  /** Makes a directory in a directory of the image, for work in progress. Gives its path in the image; it goes again. */
  workDirectory: (parent: string) => string;
  /** Makes a directory of the image, whose parent is there, as one of the plan's. */
  makeDirectory: (path: string, mode: number) => void;
  /** Moves a finished file (both paths in the image) to its place, as one of the plan's: to root, and with its time. */
  moveIntoPlace: (from: string, to: string, mode: number) => void;
};

/** A write that is under way: how to undo what was done so far, and what is left for the end. */
type Writing = {
  root: string;
  options: RootfsOptions;
  /** The end of every temporary name; no other run has it. */
  suffix: string;
  undo: (() => void)[];
  cleanUp: (() => void)[];
  /** When directories were modified, in seconds: what is put into them changes it, and it is set again at the end. */
  directoryTimes: Map<string, number>;
};

/**
 * Writes a plan's entries into the root filesystem at `root`. No symbolic link of the root is ever followed: a link where a
 * directory is needed is an error. Everything is written beside its place first and moved there at the end; what fails
 * is undone, and a `UserError` says what it was. Directories that were there keep their modification time.
 */
export function writeRootfs(plan: Plan, root: string, options: RootfsOptions): Baked {
  const writing = begin(root, options);
  try {
    const baked = writeEntries(plan, writing);
    end(writing);
    return baked;
  } catch (cause) {
    throw explained(cause, root, undo(writing));
  }
}

/** Writes a plan's entries as `writeRootfs` does, and then lets `carryOut` do its steps; what fails undoes both. */
export async function writeRootfsWithSteps(
  plan: Plan,
  root: string,
  options: RootfsOptions,
  carryOut: (written: WrittenRoot) => Promise<string[]>,
): Promise<Baked> {
  const writing = begin(root, options);
  try {
    const baked = writeEntries(plan, writing);
    const changed = await carryOut(writtenRoot(writing));
    end(writing);
    return { changed: [...baked.changed, ...changed], unchanged: baked.unchanged };
  } catch (cause) {
    throw explained(cause, root, undo(writing));
  }
}

function begin(root: string, options: RootfsOptions): Writing {
  const suffix = `.bluebuild-nix-${randomBytes(6).toString('hex')}`;
  return { root, options, suffix, undo: [], cleanUp: [], directoryTimes: new Map() };
}

function writeEntries(plan: Plan, writing: Writing): Baked {
  const { root, options } = writing;
  const baked: Baked = { changed: [], unchanged: [] };
  if (!fs.existsSync(root)) makeDirectory(writing, root, 0o755);
  const toWrite = plan.entries.filter((entry) => {
    checkParents(root, entry.path);
    const same = isAsPlanned(root, entry, options);
    (same ? baked.unchanged : baked.changed).push(entry.path);
    return !same;
  });
  const staged = toWrite.map((entry) => ({ entry, path: stage(writing, entry) }));
  for (const { entry, path } of staged) if (path) moveIntoPlace(writing, entry.path, path);
  return baked;
}

function end(writing: Writing): void {
  for (const step of writing.cleanUp) step();
  setDirectoryTimes(writing);
}

function writtenRoot(writing: Writing): WrittenRoot {
  const { root, options, suffix, undo, cleanUp } = writing;
  return {
    path: root,
    workDirectory: (parent) => {
      const path = join(parent, suffix);
      checkParents(root, path);
      makeParents(writing, join(root, parent));
      // Retried: what was interrupted may still be writing there.
      const clear = () => fs.rmSync(join(root, path), { recursive: true, force: true, maxRetries: 5 });
      undo.push(clear);
      cleanUp.push(clear);
      fs.mkdirSync(join(root, path), { mode: 0o755 });
      return path;
    },
    makeDirectory: (path, mode) => {
      checkParents(root, path);
      makeParents(writing, dirname(join(root, path)));
      makeDirectory(writing, join(root, path), mode);
    },
    moveIntoPlace: (from, to, mode) => {
      checkParents(root, to);
      finish(join(root, from), mode, options);
      fs.lutimesSync(join(root, from), options.modificationTime, options.modificationTime);
      makeParents(writing, dirname(join(root, to)));
      moveIntoPlace(writing, to, join(root, from));
    },
  };
}

/** Undoes all it can; gives why the rest could not be undone. */
function undo(writing: Writing): string[] {
  const steps = [...writing.undo.reverse(), () => setDirectoryTimes(writing)];
  return steps.flatMap((step) => {
    try {
      step();
      return [];
    } catch (cause) {
      return [cause instanceof Error ? cause.message : String(cause)];
    }
  });
}

function setDirectoryTimes({ directoryTimes }: Writing): void {
  for (const [path, seconds] of directoryTimes) {
    const found = fs.lstatSync(path, { throwIfNoEntry: false });
    if (found && found.mtimeMs / 1000 !== seconds) fs.lutimesSync(path, seconds, seconds);
  }
}

/** Every directory above `path` must be one, and none a symbolic link: a link could lead out of the root. */
function checkParents(root: string, path: string): void {
  const steps = path.split('/').slice(1, -1);
  for (const index of steps.keys()) {
    const parent = `/${steps.slice(0, index + 1).join('/')}`;
    const found = fs.lstatSync(join(root, parent), { throwIfNoEntry: false });
    if (!found) return;
    if (found.isDirectory()) continue;
    const what = found.isSymbolicLink()
      ? `a symbolic link to ${fs.readlinkSync(join(root, parent))}`
      : 'not a directory';
    throw new UserError(`${parent} in the root is ${what}`, 'this module writes into plain directories only');
  }
}

function isAsPlanned(root: string, entry: ImageEntry, options: RootfsOptions): boolean {
  const target = join(root, entry.path);
  const found = fs.lstatSync(target, { throwIfNoEntry: false });
  if (!found) return false;
  if (entry.kind === 'directory') {
    if (found.isDirectory()) return (found.mode & 0o7777) === entry.mode && isOwned(found, options);
    const what = found.isSymbolicLink() ? 'a symbolic link' : 'not a directory';
    throw new UserError(
      `${entry.path} in the root is ${what}`,
      `remove it from the image: ${entry.path} must be a real directory`,
    );
  }
  if (found.isDirectory()) {
    throw new UserError(`${entry.path} in the root is a directory`, 'a file of this module belongs there: remove it');
  }
  if (entry.kind === 'symlink' && found.isFile()) {
    const help = `the image has a package that owns it: remove that (a Nix of the distribution, if it is one of Nix's programs)`;
    throw new UserError(`${entry.path} in the root is a file, and a link of this module belongs there`, help);
  }
  if (!isOwned(found, options)) return false;
  if (entry.kind === 'symlink') return found.isSymbolicLink() && fs.readlinkSync(target) === entry.target;
  if (!found.isFile() || (found.mode & 0o7777) !== entry.mode) return false;
  if (entry.kind === 'file')
    return found.size === entry.content.length && fs.readFileSync(target).equals(entry.content);
  return digestOf(target) === entry.download.sha256;
}

function isOwned(found: fs.Stats, options: RootfsOptions): boolean {
  return !options.ownedByRoot || (found.uid === 0 && found.gid === 0);
}

/** Makes the entry beside its place; gives the path it has there, or nothing for a directory, which is made at once. */
function stage(writing: Writing, entry: ImageEntry): string | undefined {
  const { root, options, suffix, undo } = writing;
  const target = join(root, entry.path);
  makeParents(writing, dirname(target));
  if (entry.kind === 'directory') {
    makeDirectory(writing, target, entry.mode);
    return undefined;
  }
  const path = join(dirname(target), `.${basename(target)}${suffix}`);
  undo.push(() => remove(path));
  if (entry.kind === 'symlink') {
    fs.symlinkSync(entry.target, path);
  } else if (entry.kind === 'file') {
    fs.writeFileSync(path, entry.content, { flag: 'wx', mode: entry.mode });
  } else {
    const source = options.downloaded.get(entry.download.sha256);
    if (source === undefined) throw new Error(`${entry.download.name} was not downloaded`);
    fs.copyFileSync(source, path, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
  }
  finish(path, entry.kind === 'symlink' ? undefined : entry.mode, options);
  fs.lutimesSync(path, options.modificationTime, options.modificationTime);
  return path;
}

function makeParents(writing: Writing, path: string): void {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  if (found) {
    if (!writing.directoryTimes.has(path)) writing.directoryTimes.set(path, found.mtimeMs / 1000);
    return;
  }
  makeParents(writing, dirname(path));
  makeDirectory(writing, path, 0o755);
}

function makeDirectory({ options, undo, directoryTimes }: Writing, path: string, mode: number): void {
  const before = fs.lstatSync(path, { throwIfNoEntry: false });
  if (before) {
    undo.push(() => {
      if (options.ownedByRoot) fs.lchownSync(path, before.uid, before.gid);
      fs.chmodSync(path, before.mode & 0o7777);
    });
  } else {
    fs.mkdirSync(path, { mode });
    undo.push(() => fs.rmdirSync(path));
    directoryTimes.set(path, options.modificationTime);
  }
  finish(path, mode, options);
}

function finish(path: string, mode: number | undefined, options: RootfsOptions): void {
  if (options.ownedByRoot) fs.lchownSync(path, 0, 0);
  // The mode that was asked for, whatever the umask says.
  if (mode !== undefined) fs.chmodSync(path, mode);
}

function remove(path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false })) fs.unlinkSync(path);
}

function moveIntoPlace({ root, suffix, undo, cleanUp }: Writing, path: string, staged: string): void {
  const target = join(root, path);
  if (fs.lstatSync(target, { throwIfNoEntry: false })) {
    const before = join(dirname(target), `.${basename(target)}.before${suffix}`);
    fs.renameSync(target, before);
    undo.push(() => fs.renameSync(before, target));
    cleanUp.push(() => remove(before));
  } else {
    undo.push(() => remove(target));
  }
  fs.renameSync(staged, target);
}

function digestOf(path: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const file = fs.openSync(path, 'r');
  try {
    for (;;) {
      const length = fs.readSync(file, buffer);
      if (length === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, length));
    }
  } finally {
    fs.closeSync(file);
  }
}

function explained(cause: unknown, root: string, notUndone: readonly string[]): unknown {
  // What is copied or moved has two paths; the root is where the second is.
  const { code, path, dest } = cause as NodeJS.ErrnoException & { dest?: string };
  const state =
    notUndone.length === 0
      ? 'the root is as it was'
      : `${notUndone.length} changes could not be undone (${notUndone[0]})`;
  if (code === undefined) {
    if (notUndone.length === 0) return cause;
    return new UserError(`${cause instanceof Error ? cause.message : cause}; ${state}`, undefined, cause);
  }
  const where = dest ?? path ?? root;
  const known: Record<string, [string, string]> = {
    ENOSPC: [`no space left on the disk, at ${where}`, 'make room, and run it again'],
    EDQUOT: [`the disk quota is used up, at ${where}`, 'make room, and run it again'],
    EACCES: [`${where} may not be written (permission denied)`, 'run it as root, or on a root of your own'],
    EPERM: [`${where} may not be changed (not permitted)`, 'run it as root; is the file immutable (lsattr)?'],
    EROFS: [`${where} is on a read-only file system`, 'name a root that can be written'],
    ENOTDIR: [`${where} is not a directory`, 'remove it from the root'],
  };
  const [message, help] = known[code] ?? [`${where}: ${(cause as Error).message}`, undefined];
  return new UserError(`${message}; ${state}`, help, cause);
}
