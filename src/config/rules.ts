import { type Diagnostic, error } from '../diagnostic/diagnostic.ts';
import type { Path } from '../recipe/document.ts';
import type { Entry } from '../recipe/entries.ts';
import { type Architecture, architectures } from './architecture.ts';
import { installerSettings, placeholders } from './config.ts';
import type { InstallerSettings, RecipeEntry } from './recipe-entry.ts';
import { releases } from './releases.ts';

/** Where BlueBuild mounts the project's `files/` during the build (template/templates/Containerfile.j2). */
export const filesDirectory = '/tmp/files';

/** A key whose value the schema allows and this version cannot serve: refused, because ignoring it would be a lie. */
const notYet: { path: Path; values: readonly unknown[]; help: string }[] = [
  { path: ['installer'], values: ['native'], help: 'use `determinate` or `nixos`' },
  { path: ['installer', 'provider'], values: ['native'], help: 'use `determinate` or `nixos`' },
  { path: ['selinux'], values: ['auto', 'on'], help: 'leave the key out, or write `off`' },
];

/** What the schema cannot say about an entry that matches it. */
export function ruleDiagnostics(entry: Entry, value: RecipeEntry, architecture: Architecture): Diagnostic[] {
  const unserved = notYet
    .filter(({ path, values }) => values.includes(valueAt(value, path)))
    .map(({ path, help }) => {
      const text = `${path.join('.')}: ${valueAt(value, path)}`;
      return error(`\`${text}\` is not supported by this version of the module`, entry.placeOf(path), help);
    });
  if (unserved.length > 0) return unserved;
  return [...persistence(entry, value), ...installer(entry, value, architecture), ...nixConf(entry, value)];
}

// What holds other things, is cleaned by systemd-tmpfiles (tmp.conf), or is a link to /run (file-hierarchy(7)).
const reserved = new Map([
  ...['cache', 'db', 'home', 'lib', 'log', 'mnt', 'opt', 'roothome', 'spool', 'srv', 'usrlocal'].map(
    (name) => [name, { only: true, why: 'holds other things than a store' }] as const,
  ),
  ['tmp', { only: false, why: 'is cleaned out from time to time' }],
  ['run', { only: false, why: 'is gone after every boot' }],
  ['lock', { only: false, why: 'is gone after every boot' }],
]);

function persistence(entry: Entry, { persistence: path }: RecipeEntry): Diagnostic[] {
  const [, , top = '', ...rest] = (path ?? '').split('/');
  const rule = reserved.get(top);
  if (!rule || (rule.only && rest.length > 0)) return [];
  const help = 'name a directory of its own, like `/var/lib/nix`';
  return [error(`\`persistence\`: /var/${top} ${rule.why}`, entry.placeOf(['persistence']), help)];
}

function installer(entry: Entry, value: RecipeEntry, architecture: Architecture): Diagnostic[] {
  const settings: InstallerSettings = installerSettings(value);
  const release = releases[settings.provider === 'nixos' ? 'nixos' : 'determinate'];
  const at = (key: keyof InstallerSettings) => entry.placeOf(['installer', key]);
  return [
    ...digest(settings, release, architecture, at),
    ...url(settings, at),
    ...(settings.args ?? []).flatMap((argument, index) => {
      const option = reservedArguments.find(({ name }) => argument === name || argument.startsWith(`${name}=`));
      const place = entry.placeOf(['installer', 'args', index]);
      return option ? [error(`\`installer.args\`: \`${option.name}\` is set by this module`, place, option.help)] : [];
    }),
  ];
}

const reservedArguments = [
  { name: '--persistence', help: 'use the key `persistence`' },
  { name: '--extra-conf', help: 'use the key `nix-conf`' },
  { name: '--no-confirm', help: 'leave it out: nobody is there to confirm' },
  { name: '--explain', help: 'leave it out: nobody is there to read' },
];

function digest(
  settings: InstallerSettings,
  release: (typeof releases)['determinate'],
  architecture: Architecture,
  at: (key: keyof InstallerSettings) => ReturnType<Entry['placeOf']>,
): Diagnostic[] {
  const { version = release.version, sha256 } = settings;
  const own = settings.url !== undefined ? 'url' : version !== release.version ? 'version' : undefined;
  if (sha256 === undefined) {
    const help = `add \`sha256\`: nothing is baked whose digest is not known (${release.version} is built in)`;
    return own ? [error(`\`installer.${own}\` needs the digest of what it names`, at(own), help)] : [];
  }
  if (typeof sha256 !== 'string') {
    if (Object.keys(sha256).length === 0) {
      return [error('`installer.sha256` is empty', at('sha256'), `add ${architectures.join(' or ')}`)];
    }
    if (sha256[architecture] === undefined) {
      return [error(`\`installer.sha256\` has no digest for ${architecture}, which this image is for`, at('sha256'))];
    }
  }
  const digest = typeof sha256 === 'string' ? sha256 : sha256[architecture];
  if (own === undefined && digest !== release.sha256[architecture]) {
    const help = `name the \`version\` or \`url\` it belongs to, or leave it out`;
    return [error(`\`installer.sha256\` is not the digest of the built-in ${release.version}`, at('sha256'), help)];
  }
  return [];
}

function url(
  settings: InstallerSettings,
  at: (key: keyof InstallerSettings) => ReturnType<Entry['placeOf']>,
): Diagnostic[] {
  if (settings.url === undefined) return [];
  const unknown = [...settings.url.matchAll(/\{([^{}]*)\}/g)].find(
    ([, name]) => !(placeholders as readonly (string | undefined)[]).includes(name),
  );
  if (unknown) {
    const help = `what is replaced is ${placeholders.map((name) => `\`{${name}}\``).join(' and ')}`;
    return [error(`\`installer.url\`: nothing is known as \`${unknown[0]}\``, at('url'), help)];
  }
  if (!URL.canParse(settings.url)) return [error('`installer.url` is not a url', at('url'))];
  const { protocol, pathname, username, password } = new URL(settings.url);
  if (username || password) {
    return [error('`installer.url` holds a password, which every user of the image could read', at('url'))];
  }
  if (protocol !== 'file:') return [];
  // `new URL` has resolved `..` and `%2e%2e`; what is still encoded is no separator once it is decoded.
  if (!pathname.startsWith(`${filesDirectory}/`) || /%(2f|5c|00)/i.test(pathname)) {
    const help = `put the file into \`files/\` and write \`file://${filesDirectory}/NAME\``;
    return [error(`\`installer.url\`: only files of the project can be baked, and this is none`, at('url'), help)];
  }
  if (settings.embed === false) {
    const help = 'leave `embed` out, or name an https: url';
    return [
      error('`installer.embed: false` downloads at first boot, where a file: url leads nowhere', at('embed'), help),
    ];
  }
  return [];
}

function nixConf(entry: Entry, value: RecipeEntry): Diagnostic[] {
  return Object.entries(value['nix-conf'] ?? {}).flatMap(([name, setting]) => {
    const keyPlace = () => entry.placeOf(['nix-conf', name], 'key');
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
      const help = 'settings are lower-case words with hyphens, like `max-jobs`';
      return [error(`\`nix-conf\`: ${JSON.stringify(name)} is not the name of a setting`, keyPlace(), help)];
    }
    if (!Array.isArray(setting)) return [];
    return setting.flatMap((item, index) =>
      typeof item === 'string' && /\s|^$/.test(item)
        ? [
            error(
              `\`nix-conf.${name}\`: ${JSON.stringify(item)} would not be one item: nix.conf separates them by spaces`,
              entry.placeOf(['nix-conf', name, index]),
              'write one list item for each',
            ),
          ]
        : [],
    );
  });
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[step] : undefined,
    value,
  );
}
