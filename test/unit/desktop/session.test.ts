/** How Nix's profiles change the environment of the sessions, D-Bus services and units that a user's systemd starts. */
import { parseEnv } from 'node:util';
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { onMachine } from './machine.ts';

const generator = '/usr/lib/systemd/user-environment-generators/70-nix';
const nix =
  'mkdir -p /nix/var/nix/profiles/per-user /nix/store/default/etc\nln -s /nix/store/default /nix/var/nix/profiles/default\n';
const standard = '/usr/local/share:/usr/share';
const everybodys = '/nix/var/nix/profiles/default';

/** What the generator adds to `environment` after `before` has run. HOME and PATH are Alice's by default. */
async function added(environment: Record<string, string>, before = nix): Promise<NodeJS.Dict<string>> {
  const variables = { HOME: '/var/home/alice', PATH: '/usr/bin:/bin', ...environment };
  const words = Object.entries(variables).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'`);
  const found = await onMachine(`rm -rf /etc/ssl /etc/pki\n${before}\nenv -i ${words.join(' ')} ${generator}`);
  return parseEnv(found);
}

const profileTest = (name: string, run: () => Promise<void>): void =>
  test(name, async (context) => {
    needs(context, 'root', 'namespaces');
    await run();
  });

profileTest(
  'the user’s profile and everybody’s come after what the image has, before anything is installed',
  async () => {
    const profile = '/var/home/alice/.nix-profile';
    expect(await added({})).toEqual({
      XDG_DATA_DIRS: `${standard}:${profile}/share:${everybodys}/share`,
      PATH: `/usr/bin:/bin:${profile}/bin:${everybodys}/bin`,
      TERMINFO_DIRS: `:/run/host/usr/share/terminfo:${profile}/share/terminfo:${everybodys}/share/terminfo`,
    });
  },
);

profileTest('what flatpak’s generator, or anybody, has set before stays, and nothing is there twice', async () => {
  const flatpak = '/var/home/alice/.local/share/flatpak/exports/share:/var/lib/flatpak/exports/share:/usr/share';
  const found = await added({
    XDG_DATA_DIRS: `${flatpak}:${everybodys}/share`,
    PATH: `/var/home/alice/.nix-profile/bin:${everybodys}/bin:/usr/bin`,
    TERMINFO_DIRS: '/usr/share/terminfo',
    NIX_SSL_CERT_FILE: '/mine.crt',
  });
  expect(found).toEqual({
    XDG_DATA_DIRS: `${flatpak}:${everybodys}/share:/var/home/alice/.nix-profile/share`,
    TERMINFO_DIRS: `/usr/share/terminfo:/var/home/alice/.nix-profile/share/terminfo:${everybodys}/share/terminfo`,
  });
});

profileTest('`use-xdg-base-directories`: the profile is in the state directory, wherever that is', async () => {
  const made = `${nix}mkdir -p /var/home/alice/.local/state/nix/profile /var/home/alice/state/nix/profile`;
  const { XDG_DATA_DIRS: usual } = await added({}, made);
  expect(usual).toBe(`${standard}:/var/home/alice/.local/state/nix/profile/share:${everybodys}/share`);
  const { XDG_DATA_DIRS: elsewhere } = await added({ XDG_STATE_HOME: '/var/home/alice/state' }, made);
  expect(elsewhere).toBe(`${standard}:/var/home/alice/state/nix/profile/share:${everybodys}/share`);
});

profileTest('a profile that two links lead to is there once; two profiles are both there', async () => {
  const state = '/var/home/alice/.local/state';
  const made = `${nix}mkdir -p ${state}/nix/profiles/profile-1-link ${state}/nix/other
ln -s ${state}/nix/profiles/profile-1-link ${state}/nix/profile\n`;
  const { XDG_DATA_DIRS: one } = await added(
    {},
    `${made}ln -s ${state}/nix/profiles/profile-1-link /var/home/alice/.nix-profile`,
  );
  expect(one).toBe(`${standard}:${state}/nix/profile/share:${everybodys}/share`);
  const { XDG_DATA_DIRS: two } = await added({}, `${made}ln -s ${state}/nix/other /var/home/alice/.nix-profile`);
  expect(two).toBe(`${standard}:${state}/nix/profile/share:/var/home/alice/.nix-profile/share:${everybodys}/share`);
});

profileTest('root, whose profile is everybody’s, has it once', async () => {
  const made = `${nix}rm -f /root/.nix-profile; ln -s /nix/var/nix/profiles/default /root/.nix-profile`;
  expect((await added({ HOME: '/root' }, made))['XDG_DATA_DIRS']).toBe(`${standard}:/root/.nix-profile/share`);
});

profileTest('certificates for programs of nixpkgs are where this system has them, or in Nix’s profile', async () => {
  const fedora = '/etc/pki/tls/certs/ca-bundle.crt';
  const own = `${everybodys}/etc/ssl/certs/ca-bundle.crt`;
  const make = (file: string) => `${nix}mkdir -p ${file.replace(/[^/]+$/, '')}; touch ${file}`;
  expect((await added({}, make(fedora)))['NIX_SSL_CERT_FILE']).toBe(fedora);
  expect((await added({}, make(own)))['NIX_SSL_CERT_FILE']).toBe(own);
});

profileTest('where Nix is not there, nothing is set', async () => {
  expect(await added({}, 'mkdir -p /nix')).toEqual({});
});

profileTest('a home that a list cannot hold is left out, and what a line cannot hold is left alone', async () => {
  for (const home of ['/var/home/a:b', "/var/home/a'b", '/var/home/$(touch x)', 'alice']) {
    expect((await added({ HOME: home }))['XDG_DATA_DIRS']).toBe(`${standard}:${everybodys}/share`);
  }
  expect((await added({ HOME: '/var/home/my home' }))['XDG_DATA_DIRS']).toContain(
    ':/var/home/my home/.nix-profile/share:',
  );
  expect((await added({ XDG_DATA_DIRS: "/it's" }))['XDG_DATA_DIRS']).toBeUndefined();
});
