import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImage, baseFiles, type File, makeLayout, tag, tarOf } from './base-image.ts';
import { makeProject, type Project } from './project.ts';
import { run } from './tools.ts';

// One table of bases for both ways to bake: `append` refuses the same bases as `bake`, with the same message.
const determinate = {};
const nixos = { installer: { provider: 'nixos' } };
const native = { installer: { provider: 'native' } };
const system = { installer: { provider: 'system' } };
const programs = [
  ...[
    'nix',
    'nix-build',
    'nix-channel',
    'nix-collect-garbage',
    'nix-copy-closure',
    'nix-daemon',
    'nix-env',
    'nix-hash',
  ],
  ...['nix-instantiate', 'nix-prefetch-url', 'nix-shell', 'nix-store'],
];
const units = ['service', 'socket'].map((kind) => `usr/lib/systemd/system/nix-daemon.${kind}`);
const nixConf = (text: string): File => ({ name: 'etc/nix/nix.conf', content: text });
/**
 * The relevant files of Fedora's nix, nix-core, nix-daemon, nix-filesystem, nix-legacy, nix-system and busybox, as
 * their spec files list them, without the files named in `without`.
 */
const fedora = (...without: string[]): File[] =>
  [
    ...['nix-filesystem', 'nix-daemon'].map((name) => ({
      name: `usr/lib/tmpfiles.d/${name}.conf`,
      content: 'd /nix/var 0755 root root - -\n',
    })),
    { name: 'usr/lib/sysusers.d/nix.conf', content: 'g nixbld -\nu nixbld-1 -\nm nixbld-1 nixbld\n' },
    ...['nix.sh', 'nix.fish', 'nix-daemon.sh', 'nix-daemon.fish'].map((name) => ({ name: `etc/profile.d/${name}` })),
    { name: 'etc/nix/registry.json', content: '{}' },
    ...programs.map((name) => (name === 'nix' ? { name: 'usr/bin/nix' } : { name: `usr/bin/${name}`, link: 'nix' })),
    ...units.map((name) => ({ name, content: '[Unit]\n' })),
    nixConf('max-jobs = auto\nsandbox-paths = /bin/sh=/usr/bin/busybox\n'),
    ...[
      { name: 'usr/bin/busybox' },
      { name: 'nix/' },
      { name: 'nix/store/' },
      { name: 'nix/var/' },
      { name: 'nix/var/nix/' },
    ],
  ].filter(({ name }) => !without.includes(name));
const legacy = programs.filter((name) => name !== 'nix' && name !== 'nix-daemon').map((name) => `usr/bin/${name}`);
/** A hand-written nix.mount, as in images that shipped Fedora's Nix before. */
const nixMount = (directory: string): File => ({
  name: `${directory}/nix.mount`,
  content: '[Mount]\nWhat=/var/lib/nix\nWhere=/nix\nType=none\nOptions=bind\n',
});
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
  [
    'a nix without nix-env, with an installer',
    nixos,
    [[{ name: 'usr/bin/nix', content: '' }]],
    'a Nix of its own (/usr/bin/nix)',
  ],
  [
    'a nix-env that a later layer removes',
    nixos,
    [[{ name: 'usr/bin/nix-env', content: '' }], [{ name: 'usr/bin/.wh.nix-env' }]],
    undefined,
  ],
  ["Fedora's Nix, with `system`", system, [fedora()], undefined],
  [
    "Debian's Nix, whose nix.conf names no shell, with `system`",
    system,
    [fedora('usr/bin/busybox', 'etc/nix/nix.conf'), [nixConf('sandbox = true\n')]],
    undefined,
  ],
  ['no Nix, with `system`', system, [], 'the image has no Nix of its own (/usr/bin/nix), and `system` takes'],
  [
    'Nix without nix-daemon, with `system`',
    system,
    [fedora(...units, 'usr/bin/nix-daemon')],
    'is not complete: it has no /usr/bin/nix-daemon',
  ],
  ['Nix without its units, with `system`', system, [fedora(...units)], `it has no /${units[0]}`],
  ['Nix without nix-legacy, with `system`', system, [fedora(...legacy)], 'it has no /usr/bin/nix-build'],
  [
    'Nix without the shell that its nix.conf names, with `system`',
    system,
    [fedora('usr/bin/busybox')],
    '/etc/nix/nix.conf names /usr/bin/busybox as the shell of builds',
  ],
  [
    'a busybox that a later layer removes, with `system`',
    system,
    [fedora(), [{ name: 'usr/bin/.wh.busybox' }]],
    '/etc/nix/nix.conf names /usr/bin/busybox as the shell of builds',
  ],
  [
    'the links of `native` are no Nix, with `system`',
    system,
    [programs.map((name) => ({ name: `usr/bin/${name}`, link: `/nix/var/nix/profiles/default/bin/${name}` }))],
    'the Nix of the image is not complete: it has no /usr/bin/nix',
  ],
  [
    'a store in the own /nix, with `system`',
    system,
    [fedora(), [{ name: 'nix/var/nix/db/db.sqlite', content: 'SQLite' }]],
    'the image has a Nix store in its own /nix',
  ],
  [
    'a nix.mount by hand, with `system`',
    system,
    [fedora(), [nixMount('usr/lib/systemd/system')]],
    'mounts a Nix store by itself (/usr/lib/systemd/system/nix.mount)',
  ],
  [
    'a nix.mount by hand in /etc, with `system`',
    system,
    [fedora(), [nixMount('etc/systemd/system')]],
    'mounts a Nix store by itself (/etc/systemd/system/nix.mount)',
  ],
  // From images that ship Fedora's Nix by hand today.
  ...(
    [
      ['usr/lib/tmpfiles.d/nix-store.conf', 'd /var/lib/nix/store 1775 root nixbld -\n'],
      ['usr/lib/tmpfiles.d/nix.conf', 'd /var/nix 0775 root nix -\n'],
      ['etc/tmpfiles.d/nix-mount.conf', 'd /var/nix-mount 0755 root root -\n'],
    ] as const
  ).map(([name, content]): (typeof cases)[number] => [
    `/${name}, with \`system\``,
    system,
    [fedora(), [{ name, content }]],
    `mounts a Nix store by itself (/${name})`,
  ]),
  [
    'a link by hand, with `system`',
    system,
    [fedora('nix/', 'nix/store/', 'nix/var/', 'nix/var/nix/'), [{ name: 'nix', link: 'var/nix' }]],
    '/nix is a symbolic link to var/nix',
  ],
  [
    'a daemon by hand, with `system`',
    system,
    [
      fedora(),
      [{ name: 'etc/systemd/system/nix-daemon.service', content: '[Service]\nExecStart=/usr/bin/nix-daemon\n' }],
    ],
    '/etc/systemd/system/nix-daemon.service hides the unit of the package',
  ],
  [
    'a socket that is masked, with `system`',
    system,
    [fedora(), [{ name: 'etc/systemd/system/nix-daemon.socket', link: '/dev/null' }]],
    '/etc/systemd/system/nix-daemon.socket hides the unit of the package',
  ],
  [
    'units that are enabled as their package has them, with `system`',
    system,
    [
      fedora(),
      [
        {
          name: 'etc/systemd/system/sockets.target.wants/nix-daemon.socket',
          link: '/usr/lib/systemd/system/nix-daemon.socket',
        },
      ],
    ],
    undefined,
  ],
  ["Fedora's Nix, with an installer", nixos, [fedora()], 'a Nix of its own (/usr/bin/nix-env)'],
  ["Fedora's Nix, with `native`", native, [fedora()], 'a Nix of its own (/usr/bin/nix)'],
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
  const own = entry === system ? installer : { ...settings, ...installer };
  const recipe = project.writeRecipe(name, { installer: own });
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
