/** An image that cannot be read or written; what was there before is as it was. */
export class UserError extends Error {
  override name = 'UserError';
  readonly help: string | undefined;
  constructor(message: string, help?: string, cause?: unknown) {
    super(message, { cause });
    this.help = help;
  }
}

/** What a person can do about an error of the file system while `where` was written; any other error is given back. */
export function explained(cause: unknown, where: string): unknown {
  if (!(cause instanceof Error) || !('code' in cause) || !('syscall' in cause)) return cause;
  const path = 'path' in cause && typeof cause.path === 'string' ? cause.path : where;
  const known: Record<string, [string, string]> = {
    ENOSPC: [`no space left on the disk, at ${path}`, 'make room, and run it again'],
    EDQUOT: [`the disk quota is used up, at ${path}`, 'make room, and run it again'],
    EFBIG: [`${path} would be larger than files may be here`, 'raise the limit (ulimit -f), and run it again'],
    EACCES: [`${path} may not be written (permission denied)`, 'name another place, or run it as its owner'],
    EPERM: [`${path} may not be changed (not permitted)`, 'name another place, or run it as its owner'],
    EROFS: [`${path} is on a read-only file system`, 'name another place'],
    ENOENT: [`${path} does not exist`, 'make its directory first'],
    ENOTDIR: [`${path}: a part of the path is not a directory`, 'name another place'],
    EISDIR: [`${path} is a directory`, 'name a file'],
  };
  const [message, help] = known[String(cause.code)] ?? [`${path}: ${cause.message}`, undefined];
  return new UserError(`${message}; ${where} is as it was`, help, cause);
}
