import { UserError } from './user-error.ts';

/** What to do about a failed system call, by its errno. */
const known: Record<string, (path: string) => [message: string, help: string]> = {
  ENOSPC: (path) => [`no space left on the disk, at ${path}`, 'free some space and try again'],
  EDQUOT: (path) => [`the disk quota is used up, at ${path}`, 'free some space and try again'],
  EFBIG: (path) => [`${path} would exceed the file size limit`, 'raise the limit (ulimit -f) and try again'],
  EACCES: (path) => [`${path}: permission denied`, 'run it as the owner or as root, or choose another path'],
  EPERM: (path) => [`${path}: operation not permitted`, 'run it as root; is the file immutable (lsattr)?'],
  EROFS: (path) => [`${path} is on a read-only file system`, 'choose a path that is writable'],
  ENOENT: (path) => [`${path} does not exist`, 'create its directory first'],
  ENOTDIR: (path) => [`${path}: a part of the path is not a directory`, 'choose another path'],
  EISDIR: (path) => [`${path} is a directory`, 'name a file'],
};

/**
 * A failed system call as a `UserError`: what failed at which path (`where`, unless the error names one), the `state` that
 * it left, and what to do. Any other error is given back as it is.
 */
export function explainSystemError(cause: unknown, where: string, state: string): unknown {
  if (!(cause instanceof Error) || !('syscall' in cause)) return cause;
  // What is copied or moved has two paths; the second is the one that is written.
  const { code = '', path, dest } = cause as NodeJS.ErrnoException & { dest?: string };
  const at = dest ?? path ?? where;
  const [message, help] = known[code]?.(at) ?? [`${at}: ${cause.message}`, undefined];
  return new UserError(`${message}; ${state}`, help, { cause });
}
