import { createCipheriv, createHash, randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll } from 'vitest';
import { type Layout, makeLayout } from './base-image.ts';

const cli = join(import.meta.dirname, '../../src/cli.ts');

/** The result of running the program. */
export type Outcome = { exitCode: number | undefined; stdout: string; stderr: string };

/** A BlueBuild project in its own temporary directory, with a file in its `files/` as the installer. */
export type Project = {
  directory: string;
  recipe: string;
  /** The SHA-256 of the installer, in hexadecimal. */
  installerDigest: string;
  /** A path in the project's directory. */
  path: (...names: string[]) => string;
  /** Writes a recipe with the default entry, overridden by `entry`; gives its path. */
  writeRecipe: (name: string, entry: object) => string;
  /** Runs the program in the project's directory. */
  run: (args: readonly string[], environment?: Record<string, string>) => Promise<Outcome>;
  remove: () => void;
};

/** An installer of this size. Half of it can be compressed and half of it cannot, as in the real ones. */
function installer(bytes: number): Buffer {
  const half = Math.floor(bytes / 2);
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes - half));
  return Buffer.concat([Buffer.alloc(half, 'nix-installer '), noise]);
}

export function makeProject(installerBytes = 3_000_000): Project {
  // Not mkdtemp: buildah treats a layout's path as a repository name, which must be lower case.
  const directory = join(tmpdir(), `layer-test-${randomUUID()}`);
  mkdirSync(directory);
  const path = (...names: string[]) => join(directory, ...names);
  mkdirSync(path('recipes'));
  mkdirSync(path('files'));
  const content = installer(installerBytes);
  writeFileSync(path('files/installer'), content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const writeRecipe = (name: string, entry: object) => {
    const settings = { version: '1.0.0', url: 'file:///tmp/files/installer', sha256 };
    const modules = [{ type: 'nix', source: 'local', installer: settings, ...entry }];
    const recipe = { name, description: name, 'base-image': 'localhost/base', 'image-version': 'latest', modules };
    // JSON is YAML.
    writeFileSync(path('recipes', `${name}.yml`), JSON.stringify(recipe));
    return path('recipes', `${name}.yml`);
  };
  return {
    directory,
    path,
    recipe: writeRecipe('recipe', {}),
    installerDigest: sha256,
    writeRecipe,
    run: async (args, environment = {}) => {
      const env = { NO_COLOR: '1', SOURCE_DATE_EPOCH: undefined, OS_ARCH: 'x86_64', ...environment };
      const { exitCode, stdout, stderr } = await execa(process.execPath, [cli, ...args], {
        cwd: directory,
        env,
        reject: false,
      });
      return { exitCode, stdout, stderr };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/**
 * Makes a project for the tests of a file and a function that makes empty layouts in it. Called at the top of the file;
 * the project is removed after its tests.
 */
export function useProject(installerBytes?: number): { project: Project; newLayout: () => Layout } {
  const project = makeProject(installerBytes);
  afterAll(() => project.remove());
  return { project, newLayout: () => makeLayout(project.path(`layout-${randomUUID()}`)) };
}
