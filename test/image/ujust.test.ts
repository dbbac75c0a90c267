/** `ujust` in a Universal Blue image, with the real just and with the line that BlueBuild's module `justfiles` adds. */
import { cp, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, inject, test } from 'vitest';
import { build, readImage } from './buildah.ts';
import { entry, makeProject } from './project.ts';
import { difference, readTree } from './tree.ts';

const storage = inject('storage');
const folder = '/usr/share/ublue-os/just';

/** The files of Universal Blue's packages (ublue-os-just; Bluefin and Aurora have their own in 00-entry.just). */
const files = (main: string): Record<string, string> => ({
  [main]: `set allow-duplicate-recipes := true
set ignore-comments := true

_default:
    #!/usr/bin/bash
    /usr/bin/ujust --list

# Imports
import "${folder}/00-default.just"
import? "${folder}/60-custom.just"
`,
  [`${folder}/00-default.just`]: "# Of the base\n[group('System')]\nof-base:\n    @echo base\n",
  '/usr/bin/ujust': `#!/usr/bin/bash\nexec /usr/bin/just --justfile ${main} "$@"\n`,
  '/usr/share/bluebuild/justfiles/mine.just': '# Of the recipe\nmine:\n    @echo mine\n',
});

const nix = `RUN --mount=type=bind,src=files,dst=/tmp/files --mount=type=bind,from=localhost/module,src=/modules,dst=/tmp/modules \
  /tmp/modules/nix/nix.sh '${JSON.stringify(entry())}'`;
// What BlueBuild's module `justfiles` does.
const justfiles = `RUN echo 'import "/usr/share/bluebuild/justfiles/mine.just"' >>${folder}/60-custom.just`;

async function buildLines(tag: string, main: string, lines: string[]): Promise<void> {
  const project = await makeProject(storage);
  const made = files(main);
  for (const [path, text] of Object.entries(made)) {
    await mkdir(join(project, 'base', path, '..'), { recursive: true });
    await writeFile(join(project, 'base', path), text, { mode: path.startsWith('/usr/bin/') ? 0o755 : 0o644 });
  }
  const { stdout: just } = await execa('which', ['just']);
  await cp(await realpath(just), join(project, 'base/usr/bin/just'));
  await writeFile(join(project, 'Containerfile'), ['FROM localhost/base', 'COPY base/ /', ...lines, ''].join('\n'));
  const { exitCode, log } = await build(storage, project, tag);
  await rm(project, { recursive: true });
  expect(exitCode, log).toBe(0);
}

const inImage = (tag: string, command: string): Promise<string> =>
  readImage(storage, tag, async (root) => (await execa('chroot', [root, 'bash', '-c', command])).stdout);

test.each([
  ['justfile', '/usr/share/ublue-os/justfile', [nix, justfiles]],
  ['00-entry', `${folder}/00-entry.just`, [justfiles, nix]],
])('%s: ujust lists Nix, what it had, and what a recipe adds', async (name, main, lines) => {
  await buildLines(`ujust-${name}`, main, lines);
  const listed = await inImage(`ujust-${name}`, 'ujust --list');
  for (const recipe of [
    'of-base',
    'mine',
    'nix-status',
    'nix-doctor',
    'nix-repair',
    'nix-collect-garbage',
    'nix-uninstall',
  ])
    expect(listed).toMatch(new RegExp(`^ +${recipe}\\b`, 'm'));
  const choose = "ujust --dry-run --choose --chooser 'grep nix-status' 2>&1";
  expect((await inImage(`ujust-${name}`, choose)).trim()).toBe('bluebuild-nix status');
});

test('baked twice, the image is the same to the byte', async () => {
  const main = '/usr/share/ublue-os/justfile';
  await buildLines('ujust-once', main, [justfiles, nix]);
  await buildLines('ujust-twice', main, [justfiles, nix, nix]);
  const [once, twice] = await Promise.all(
    ['once', 'twice'].map((name) => readImage(storage, `ujust-${name}`, async (root) => readTree(root))),
  );
  expect(difference(once ?? new Map(), twice ?? new Map())).toEqual({ added: [], removed: [], changed: [] });
});
