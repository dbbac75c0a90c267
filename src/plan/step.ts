import type { Refusal } from './demand.ts';

/** Work that only the image itself can do, with its own programs: none of it can be a file of a layer. */
export type Step = {
  /** What it rebuilds, as a path of the image; `*` stands for a name that the image decides. */
  path: string;
  /** What rebuilds it, for people. */
  rebuiltBy: string;
  /** What becomes of it in a layer alone: it is refused, or left out with a warning. */
  inLayer: { refused: Refusal } | { leftOut: string };
  /**
   * Looks at an image before anything is written. Gives how the step is carried out, or a sentence that says why the image
   * has no use for it. Throws a `UserError` where the image cannot take it.
   */
  prepare: (image: ReadImage) => CarryOut | string;
};

/** Carries a step out in an image that holds the plan's entries. Gives the paths that it changed. */
export type CarryOut = (image: WorkImage) => Promise<string[]>;

/** An image's root, to look at. Symbolic links in it are followed, and never lead out of it. */
export type ReadImage = {
  /** The content of a regular file; undefined where there is none. */
  read: (path: string) => Buffer | undefined;
  /** The length of a regular file in bytes; undefined where there is none. */
  size: (path: string) => number | undefined;
  /** The names in a directory, sorted; none where there is no directory. */
  list: (path: string) => string[];
  /** Whether this process may run the image's programs: only root can. */
  canRun: boolean;
};

/** How a program of an image ended. */
export type Ended = { exitCode?: number; signal?: string; stdout: string; all: string; seconds: number };

/** An image's root, to work in: what is done to it is undone if a step fails. */
export type WorkImage = ReadImage & {
  /** Creates a directory for work in progress in a directory of the image, and gives its path. It is removed at the end. */
  workDirectory: (parent: string) => string;
  /** Copies a directory into a work directory: modes, times and links stay as they are. */
  copyTree: (from: string, to: string) => void;
  /** Writes a file of a work directory, in place of what has its name there. */
  write: (path: string, content: string, mode: number) => void;
  /** The files of one directory that are new or different in another, and those that are gone; relative paths, sorted. */
  differences: (before: string, after: string) => { changed: string[]; gone: string[] };
  /** Moves a file of a work directory to its place, with the directories above it as they are there. */
  moveIntoPlace: (from: string, to: string, mode?: number) => void;
  /** Removes a file, and the directories that this leaves empty. */
  remove: (path: string) => void;
  /** Runs a program of the image. Throws a `UserError` where it cannot be run or is interrupted. */
  run: (command: string, args: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<Ended>;
  /** Tells the person who waits what is going on. */
  say: (text: string) => void;
};

/** How a program ended, for a message. */
export function howEnded({ exitCode, signal }: Ended): string {
  return exitCode === undefined ? `ended by ${signal}` : `exit code ${exitCode}`;
}
