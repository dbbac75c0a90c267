import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { UserError } from '../diagnostic/user-error.ts';
import { digestOf } from '../download/digest.ts';
import { type ImageEntry, parentsOf } from '../plan/image-entry.ts';
import type { CarryOut, WorkImage } from '../plan/step.ts';
import { beforePath, sweep, temporaryPath } from '../temporary/temporary-path.ts';
import { type Transaction, transact } from '../temporary/transaction.ts';
import { inRoot, lookAtRoot, statusOf } from './image-root.ts';
import { runInImage } from './image-programs.ts';
import { copyTree, differences } from './trees.ts';

/** What is to become of a root. */
export type RootChanges = {
  entries: readonly ImageEntry[];
  /** Paths of files and links that are removed, and with them the directories that this leaves empty. */
  removed?: readonly string[];
  /** Carried out in turn, once the entries are there. */
  steps?: readonly CarryOut[];
};

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
  /** Tells the person who waits what a step does. */
  say?: (text: string) => void;
};

type Writing = {
  root: string;
  options: RootfsOptions;
  transaction: Transaction;
  /** When directories were modified, in seconds: what is put into them changes it, and it is set again at the end. */
  directoryTimes: Map<string, number>;
};

/**
 * Writes entries into the root filesystem at `root`, as one transaction. No symbolic link of the root is ever followed: a
 * link where a directory is needed is an error. Everything is written beside its place and moved there at the end. What
 * fails is undone, and a `UserError` says what it was. Directories that were there keep their modification time.
 */
export async function writeRootfs(changes: RootChanges, root: string, options: RootfsOptions): Promise<Baked> {
  const { entries, removed = [], steps = [] } = changes;
  return transact('the root', async (transaction) => {
    const writing = { root, options, transaction, directoryTimes: new Map<string, number>() };
    transaction.onUndo(() => setDirectoryTimes(writing));
    sweepAll(root, entries);
    if (!existsSync(root)) makeDirectory(writing, root, 0o755);
    const baked: Baked = { changed: [], unchanged: [] };
    const checked = new Set<string>();
    const toWrite = entries.filter((entry) => {
      checkParents(root, entry.path, checked);
      const same = isAsPlanned(root, entry, options);
      (same ? baked.unchanged : baked.changed).push(entry.path);
      return !same;
    });
    const staged = toWrite.map((entry) => ({ entry, path: stage(writing, entry) }));
    for (const { entry, path } of staged) if (path) moveIntoPlace(writing, entry.path, path);
    for (const path of removed) {
      removeFile(writing, path);
      removeEmptyParents(writing, path);
      baked.changed.push(path);
    }
    const work = workImage(writing);
    for (const carryOut of steps) baked.changed.push(...(await carryOut(work)));
    transaction.onEnd(() => setDirectoryTimes(writing));
    return baked;
  });
}

/** What a run that was killed left beside the places of the entries, and where steps work. */
function sweepAll(root: string, entries: readonly ImageEntry[]): void {
  const parents = new Set(['/usr/lib', '/usr/share', ...entries.map(({ path }) => dirname(path))]);
  const known = new Map<string, boolean>();
  for (const parent of parents) if (statusOf(root, parent, known)?.isDirectory()) sweep(inRoot(root, parent));
}

function workImage(writing: Writing): WorkImage {
  const { root, options, transaction } = writing;
  return {
    ...lookAtRoot(root),
    say: options.say ?? (() => {}),
    workDirectory: (parent) => {
      const path = temporaryPath(parent, 'work');
      checkParents(root, path);
      makeParents(writing, path);
      // Retried: a program that was interrupted may still write there.
      const clear = () => rmSync(inRoot(root, path), { recursive: true, force: true, maxRetries: 5 });
      transaction.onUndo(clear);
      transaction.onEnd(clear);
      mkdirSync(inRoot(root, path), { mode: 0o755 });
      return path;
    },
    copyTree: (from, to) => {
      checkParents(root, `${from}/.`);
      copyTree(inRoot(root, from), inRoot(root, to));
    },
    write: (path, content, mode) => {
      checkParents(root, path);
      rmSync(inRoot(root, path), { force: true });
      writeFileSync(inRoot(root, path), content, { flag: 'wx' });
      chmodSync(inRoot(root, path), mode);
    },
    differences: (before, after) => differences(inRoot(root, before), inRoot(root, after)),
    moveIntoPlace: (from, to, mode) => {
      checkParents(root, to);
      const source = inRoot(root, from);
      const found = lstatSync(source);
      makeParents(writing, to, from);
      finish(source, found.isSymbolicLink() ? undefined : (mode ?? found.mode & 0o7777), options);
      lutimesSync(source, options.modificationTime, options.modificationTime);
      moveIntoPlace(writing, to, source);
    },
    remove: (path) => {
      removeFile(writing, path);
      removeEmptyParents(writing, path);
    },
    run: (command, args, environment) => runInImage(root, command, args, environment),
  };
}

function setDirectoryTimes({ directoryTimes }: Writing): void {
  for (const [path, seconds] of directoryTimes) {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found && found.mtimeMs / 1000 !== seconds) lutimesSync(path, seconds, seconds);
  }
}

/** Every directory above `path` must be one, and none a symbolic link: a link could lead out of the root. */
function checkParents(root: string, path: string, checked = new Set<string>()): void {
  const parent = dirname(path);
  if (parent === '/' || checked.has(parent)) return;
  checkParents(root, parent, checked);
  const found = lstatSync(inRoot(root, parent), { throwIfNoEntry: false });
  if (found && !found.isDirectory()) throw notReal(parent);
  checked.add(parent);
}

function notReal(path: string): UserError {
  return new UserError(`${path} is not a real directory`, 'remove it: the module writes into real directories only');
}

function isAsPlanned(root: string, entry: ImageEntry, options: RootfsOptions): boolean {
  const target = inRoot(root, entry.path);
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (!found || !isOwned(found, options)) return false;
  if (entry.kind === 'symlink') return found.isSymbolicLink() && readlinkSync(target) === entry.target;
  if ((found.mode & 0o7777) !== entry.mode) return false;
  if (entry.kind === 'directory') return found.isDirectory();
  if (!found.isFile()) return false;
  if (entry.kind === 'download') return digestOf(target).sha256 === entry.download.sha256;
  return found.size === entry.content.length && readFileSync(target).equals(entry.content);
}

function isOwned(found: Stats, options: RootfsOptions): boolean {
  return !options.ownedByRoot || (found.uid === 0 && found.gid === 0);
}

/** Makes the entry beside its place; gives the path it has there, or nothing for a directory, which is made at once. */
function stage(writing: Writing, entry: ImageEntry): string | undefined {
  const { root, options, transaction } = writing;
  const target = inRoot(root, entry.path);
  makeParents(writing, entry.path);
  if (entry.kind === 'directory') {
    makeDirectory(writing, target, entry.mode);
    return undefined;
  }
  const path = temporaryPath(dirname(target), basename(target));
  transaction.onUndo(() => remove(path));
  if (entry.kind === 'symlink') {
    symlinkSync(entry.target, path);
  } else if (entry.kind === 'file') {
    writeFileSync(path, entry.content, { flag: 'wx', mode: entry.mode });
  } else {
    const source = options.downloaded.get(entry.download.sha256);
    if (source === undefined) throw new Error(`${entry.download.name} was not downloaded`);
    copyFileSync(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
  finish(path, entry.kind === 'symlink' ? undefined : entry.mode, options);
  lutimesSync(path, options.modificationTime, options.modificationTime);
  return path;
}

/** Makes the directories above a path: 0755, or as those above `like` are. Remembers when the lowest was modified. */
function makeParents(writing: Writing, path: string, like?: string): void {
  const { root, directoryTimes } = writing;
  const parent = dirname(path);
  const directory = parent === '/' ? root : inRoot(root, parent);
  if (directoryTimes.has(directory)) return;
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (found) return void directoryTimes.set(directory, found.mtimeMs / 1000);
  const likeParent = like === undefined ? undefined : dirname(like);
  makeParents(writing, parent, likeParent);
  const mode = likeParent === undefined ? 0o755 : statSync(inRoot(root, likeParent)).mode & 0o7777;
  makeDirectory(writing, directory, mode);
}

function makeDirectory({ options, transaction, directoryTimes }: Writing, path: string, mode: number): void {
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before && !before.isDirectory()) throw notReal(path);
  if (before) {
    transaction.onUndo(() => {
      if (options.ownedByRoot) lchownSync(path, before.uid, before.gid);
      chmodSync(path, before.mode & 0o7777);
    });
  } else {
    mkdirSync(path, { mode });
    transaction.onUndo(() => rmdirSync(path));
    directoryTimes.set(path, options.modificationTime);
  }
  finish(path, mode, options);
}

function finish(path: string, mode: number | undefined, options: RootfsOptions): void {
  if (options.ownedByRoot) lchownSync(path, 0, 0);
  // The mode that was asked for, whatever the umask says.
  if (mode !== undefined) chmodSync(path, mode);
}

function moveIntoPlace(writing: Writing, path: string, staged: string): void {
  const target = inRoot(writing.root, path);
  if (lstatSync(target, { throwIfNoEntry: false })) keepBefore(writing, target);
  else writing.transaction.onUndo(() => remove(target));
  // In one step: a process that is killed leaves the old file or the new one.
  renameSync(staged, target);
}

/** A second name for what is there, under which it comes back if a later change fails. */
function keepBefore({ transaction }: Writing, target: string): void {
  const before = beforePath(dirname(target), basename(target));
  linkSync(target, before);
  transaction.onUndo(() => renameSync(before, target));
  transaction.onEnd(() => remove(before));
}

function remove(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })) unlinkSync(path);
}

function removeFile(writing: Writing, path: string): void {
  const target = inRoot(writing.root, path);
  checkParents(writing.root, path);
  if (!lstatSync(target, { throwIfNoEntry: false })) return;
  makeParents(writing, path);
  keepBefore(writing, target);
  rmSync(target);
}

/** At the end, because what was there is kept beside its place until then. */
function removeEmptyParents({ root, transaction, directoryTimes }: Writing, path: string): void {
  transaction.onEnd(() => {
    for (const parent of parentsOf(path).toReversed()) {
      const directory = inRoot(root, parent);
      if (!existsSync(directory)) continue;
      if (readdirSync(directory).length > 0) return;
      const above = dirname(directory);
      if (!directoryTimes.has(above)) directoryTimes.set(above, lstatSync(above).mtimeMs / 1000);
      rmdirSync(directory);
    }
  });
}
