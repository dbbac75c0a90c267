import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '../diagnostic/user-error.ts';

/** Throws a `UserError` or Node's own error unless something can be created at a path. */
export function checkParent(path: string): void {
  const parent = dirname(resolve(path));
  if (!statSync(parent, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`${parent} is not a directory`, 'create it first, or name another place');
  }
  accessSync(parent, constants.W_OK | constants.X_OK);
}
