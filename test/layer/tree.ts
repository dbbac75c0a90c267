import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Everything in a directory, by path: its kind, mode, owner and content. */
export function tree(root: string): Record<string, string> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).toSorted();
  return Object.fromEntries(paths.map((path) => [`/${path}`, described(join(root, path))]));
}

function described(path: string): string {
  const found = lstatSync(path);
  const owner = `${found.uid}:${found.gid}`;
  if (found.isSymbolicLink()) return `symlink ${owner} ${readlinkSync(path)}`;
  const permissions = (found.mode & 0o7777).toString(8);
  if (found.isDirectory()) return `directory ${permissions} ${owner}`;
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  return `file ${permissions} ${owner} ${found.size} ${sha256}`;
}
