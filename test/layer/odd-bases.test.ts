import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, baseFiles, type File, makeLayout, tag, tarOf } from './base-image.ts';
import { makeProject, type Project } from './project.ts';
import { run } from './tools.ts';

// One table of bases for both ways to bake: what the root of a base is refused for, its layers are, in the same words.
const determinate = {};
const nixos = { installer: { provider: 'nixos' } };
const native = { installer: { provider: 'native' } };
const manifest = 'usr/share/bluebuild/nix/manifest.json';
const plainLocal = [{ name: 'usr/local/' }, { name: 'usr/local/bin/' }];
const nativeLink = '/nix/var/nix/profiles/default/bin/nix-env';

const cases: [what: string, entry: object, layers: File[][], refusal: string | undefined][] = [
  ['nothing odd', determinate, [], undefined],
  [
    'a /usr/local that is a directory, with Determinate',
    determinate,
    [plainLocal],
    '/usr/local is a directory of this',
  ],
  ['the same with another installer', nixos, [plainLocal], undefined],
  ['a /usr/local that leads into /var', determinate, [[{ name: 'usr/local', link: '../var/usrlocal' }]], undefined],
  [
    'a Nix of the distribution, with `native`',
    native,
    [[{ name: 'usr/bin/nix', content: '' }]],
    'a Nix of its own (/usr/bin/nix)',
  ],
  [
    "Debian's links to it, with `native`",
    native,
    [[{ name: 'usr/bin/nix-store', link: 'nix' }]],
    'a Nix of its own (/usr/bin/nix-store)',
  ],
  [
    'a nix-env, with an installer',
    nixos,
    [[{ name: 'usr/bin/nix-env', link: 'nix' }]],
    'a Nix of its own (/usr/bin/nix-env)',
  ],
  [
    'a nix-env in /usr/local/bin, with an installer',
    nixos,
    [[...plainLocal, { name: 'usr/local/bin/nix-env', content: '' }]],
    'a Nix of its own (/usr/local/bin/nix-env)',
  ],
  ['a link of `native`, with an installer', nixos, [[{ name: 'usr/bin/nix-env', link: nativeLink }]], undefined],
  ['a nix without nix-env, with an installer', nixos, [[{ name: 'usr/bin/nix', content: '' }]], undefined],
  [
    'a nix-env that a later layer removes',
    nixos,
    [[{ name: 'usr/bin/nix-env', content: '' }], [{ name: 'usr/bin/.wh.nix-env' }]],
    undefined,
  ],
  ['/nix as a link', determinate, [[{ name: 'nix', link: 'var/nix' }]], '/nix is a symbolic link to var/nix'],
  ['/nix as a file', determinate, [[{ name: 'nix', content: '' }]], '/nix is not a directory'],
  [
    'a link on the way',
    determinate,
    [[{ name: 'usr/libexec', link: 'lib' }]],
    '/usr/libexec is a symbolic link to lib',
  ],
  [
    'a link on the way to /etc',
    native,
    [[{ name: 'etc/nix', link: '/var/nix' }]],
    '/etc/nix is a symbolic link to /var/nix',
  ],
  [
    'a directory for a unit',
    determinate,
    [[{ name: 'usr/lib/systemd/system/nix.mount/' }]],
    'nix.mount is a directory',
  ],
  [
    'a file for a directory',
    determinate,
    [[{ name: 'usr/lib/tmpfiles.d', content: '' }]],
    '/usr/lib/tmpfiles.d is not a directory',
  ],
  ['a damaged manifest', determinate, [[{ name: manifest, content: '{}' }]], 'is not a manifest of this module'],
  [
    'a manifest that leads out of the image',
    determinate,
    [[{ name: manifest, content: '{"persistence":"/var/x","files":{"/usr/../../x":{"target":"y"}}}' }]],
    'is not a manifest of this module',
  ],
];

let project: Project;
beforeAll(() => {
  project = makeProject(1000);
});
afterAll(() => project.remove());

test.each(cases)('%s', async (what, entry, layers, refusal) => {
  const name = what.replace(/\W+/g, '-').toLowerCase();
  const { installer = {} } = entry as { installer?: object };
  const files = [baseFiles, ...layers];
  const settings = { version: '1.0.0', url: 'file:///tmp/files/installer', sha256: project.installerDigest };
  const recipe = project.writeRecipe(name, { installer: { ...settings, ...installer } });
  const layout = makeLayout(project.path(`layout-${name}`));
  layout.writeIndex([await addImage(layout, { files }, tag('base'))]);
  const base = `oci:${layout.directory}:base`;
  const appended = await project.run(['append', recipe, '--base', base, '-o', `oci:${layout.directory}:nix`]);

  const root = project.path(`root-${name}`);
  mkdirSync(root);
  for (const [index, layer] of files.entries()) {
    const tar = project.path(`${name}-${index}.tar`);
    writeFileSync(tar, await tarOf(layer));
    await run('tar', '--extract', '--file', tar, '--directory', root);
    for (const { name: path } of layer) {
      if (path.includes('.wh.')) await run('rm', '-r', `${root}/${path}`, `${root}/${path.replace('.wh.', '')}`);
    }
  }
  const baked = await project.run(['bake', recipe, '--root', root]);

  const said = (stderr: string) => stderr.slice(stderr.indexOf('error: ')).replace(`${base}: `, '').trim();
  expect([baked.exitCode, appended.exitCode], baked.stderr + appended.stderr).toEqual(refusal ? [1, 1] : [0, 0]);
  if (refusal === undefined) return;
  expect(said(baked.stderr)).toContain(refusal);
  expect(said(appended.stderr)).toBe(said(baked.stderr));
});
