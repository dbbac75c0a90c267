/** What needs a real Nix and no machine: the first-boot program in a root of its own on this kernel. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { firstBoot } from '../../unit/nix-install/first-boot.ts';
import { nixTarball } from '../lab/nix-tarball.ts';

vi.setConfig({ testTimeout: 300_000 });

const install = '/usr/libexec/bluebuild/nix/nix-install';
const state = '/nix/var/bluebuild-nix';
const profile = '/nix/var/nix/profiles/default';
// Nobody made the users here.
const prepare = "export NIX_CONFIG=$'build-users-group =\nsandbox = false'; ";
const update = (name: string): string => `rm -f /run/asked; cp -a /images/${name}/. /; ${install}; `;
const verify = 'nix-store --verify --check-contents 2>&1 | grep -v -e ^reading -e ^checking || :; ';
const installed = `nix-env --profile ${profile} --query | sort; `;
const package_ = (name: string): string =>
  `mkdir -p /tmp/${name}/bin; echo "echo ${name}" >/tmp/${name}/bin/${name}; chmod +x /tmp/${name}/bin/${name}
nix-env --profile ${profile} --install "$(nix-store --add /tmp/${name})" 2>/dev/null
`;

const older = await nixTarball('trixie');
const newer = await nixTarball('forky');
const imageOf = ({ version, path }: { version: string; path: string }) => ({
  entry: { installer: { provider: 'native' as const, version }, selinux: 'off' as const },
  download: path,
});
const images = { older: imageOf(older), newer: imageOf(newer) };
const boot = (options: Partial<Parameters<typeof firstBoot>[1]>) =>
  firstBoot('dash', { ...images.older, others: images, ...options });

describe.each(['dash', 'bash'])('%s', (shell) => {
  test('first boot: a store that verifies, its roots, and a profile with Nix and its certificates', async () => {
    const after = `${prepare}find /nix/store -perm /222 ! -type l ! -path /nix/store ! -path /nix/store/.links
find /nix/store -mindepth 1 -newermt @1 ! -path /nix/store/.links; ls -A /root | grep nix || :
nix --version; ls -A ${state} ${state}/follows | sed 's/[0-9a-f]\\{64\\}/DIGEST/'; ${verify}${installed}
nix-store --query --roots $(readlink -f ${profile}/bin/nix) | grep bluebuild-nix | sed 's/[0-9a-f]\\{64\\}/DIGEST/'
cat ${state}/installed /run/asked`;
    const { code, stdout, found } = await firstBoot(shell, { ...images.older, after });
    expect([code, stdout]).toEqual([
      0,
      `Installing Nix ${older.version} into /var/lib/nix\nNix is installed. Open a new terminal and try: nix --version\n`,
    ]);
    expect(found).toBe(`nix (Nix) ${older.version}
${state}:
daemon
follows
installed

${state}/follows:
DIGEST
nix-${older.version}
nss-cacert-0.debian-trixie
/nix/var/nix/gcroots/bluebuild-nix/DIGEST/nix -> /nix/store/${await storeName(found)}
provider=native
version=${older.version}
systemctl start nix.mount
systemd-sysusers /usr/lib/bluebuild/nix/sysusers.conf
systemd-notify --status=Installing Nix ${older.version} into /var/lib/nix
systemctl start nix-daemon.socket
systemd-notify --status=Nix is installed. Open a new terminal and try: nix --version
`);
  });
});

/** The store path of Nix that was found, which is the lab's own affair. */
const storeName = async (found: string): Promise<string> => /\/nix\/store\/(\S+)/.exec(found)?.[1] ?? '';

test('a user without the daemon, as in a container with this /nix: what is installed runs, and Nix says that it cannot more', async () => {
  const user = `setpriv --reuid=65534 --regid=65534 --clear-groups env -i HOME=/tmp/user PATH=${profile}/bin:/usr/bin:/bin`;
  const add = `${user} nix-store --add /etc/passwd 2>&1 || echo "exit $?"`;
  const { found } = await boot({
    after: `${prepare}${package_('mine')}install --directory --owner=65534 /tmp/user; rm -rf /nix/var/nix/daemon-socket
${user} mine; ${user} nix --version; ${add}; mkdir /nix/var/nix/daemon-socket; cd /nix/var/nix/daemon-socket
perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die'; ${add}`,
  });
  expect(found).toMatch(
    /^mine\nnix \(Nix\) [0-9.]+\n[^\n]*db\/big-lock': Permission denied\nexit 1\n.*daemon-socket.*\nexit 1\n$/s,
  );
});

test('an update and a rollback: the profile follows, and what else is in it stays', async () => {
  const { found } = await boot({
    after: `${prepare}${package_('mine')}
mkdir /nix/var/nix/gcroots/bluebuild-nix/of-an-older-image; touch -d @1 /nix/var/nix/gcroots/bluebuild-nix/of-an-older-image
${update('newer')} nix --version; ${profile}/bin/mine; ${verify}${installed}grep try-restart /run/asked; ls ${state}/follows | wc -l; ls /nix/var/nix/gcroots/bluebuild-nix | grep -c '[0-9a-f]\\{64\\}'; ls /nix/var/nix/gcroots/bluebuild-nix | wc -l
nix-collect-garbage >/dev/null 2>&1; ls -d /nix/store/*-nix-[0-9]* | wc -l
rm -f /run/asked; ${install}; grep -c try-restart /run/asked || :
mv /usr/libexec/bluebuild/nix/nix.tar.xz /tmp/
cp -a /images/older/usr/share/. /usr/share/; ${install}; nix --version; ${profile}/bin/mine; ${verify}${installed}`,
  });
  const versions = (version: string, suite: string): string =>
    `nix (Nix) ${version}\nmine\nmine\nnix-${version}\nnss-cacert-0.debian-${suite}\n`;
  expect(found).toBe(`Changing to the Nix of this image: ${newer.version}
Nix is installed.
${versions(newer.version, 'forky')}systemctl try-restart nix-daemon.service
1
2
2
2
Nix is installed.
0
Changing to the Nix of this image: ${older.version}
Nix is installed.
${versions(older.version, 'trixie')}`);
});

test('a default profile of `nix profile` stays one', async () => {
  const add = 'nix --extra-experimental-features nix-command profile';
  const { found } = await boot({
    after: `${prepare}mkdir -p /tmp/mine/bin; echo 'echo mine' >/tmp/mine/bin/mine; chmod +x /tmp/mine/bin/mine
nix=$(readlink -f ${profile}/bin/nix); nix=\${nix%/bin/nix}; certificates=$(readlink -f ${profile}/etc/ssl/certs/ca-bundle.crt)
mine=$(nix-store --add /tmp/mine); rm ${profile}*
$nix/bin/${add} install --profile ${profile} $nix \${certificates%/etc/*} $mine
${update('newer')} nix --version; ${profile}/bin/mine; ${verify}
${add} list --json --profile ${profile} | grep -o '/nix/store/[^"]*' | cut -d - -f 2- | sort`,
  });
  expect(found).toBe(`Changing to the Nix of this image: ${newer.version}
Nix is installed.
nix (Nix) ${newer.version}
mine
mine
nix-${newer.version}
nss-cacert-0.debian-forky
`);
});

test.each([
  ['releases', '--to-base32', 'sha256:'],
  ['newer Nix', '--to-sri', ''],
])('digests as %s have them: what is whole stays in its place', async (_, form, prefix) => {
  const { found } = await boot({
    after: `${prepare}tarball=/usr/libexec/bluebuild/nix/nix.tar.xz; mkdir /tmp/again; tar -xf $tarball -C /tmp/again
for digest in $(grep -x '[0-9a-f]\\{64\\}' /tmp/again/*/.reginfo); do
  sed -i "s|^$digest$|${prefix}$(nix-hash --type sha256 ${form} $digest)|" /tmp/again/*/.reginfo
done
grep -c '^sha256[:-]' /tmp/again/*/.reginfo; tar -cf $tarball -C /tmp/again $(ls /tmp/again)
sed -i "s/^sha256=.*/sha256=$(sha256sum $tarball | cut -d ' ' -f 1)/" /usr/share/bluebuild/nix/install.conf
inodes=$(stat -c %i /nix/store/*-n*); ${install}; test "$inodes" = "$(stat -c %i /nix/store/*-n*)"; ${verify}
chmod u+w /nix/store/*-nss-cacert*/etc/ssl/certs/*; echo damage >>$(echo /nix/store/*-nss-cacert*/etc/ssl/certs/ca-bundle.crt)
${install} repair | grep -c Replacing; ${verify}`,
  });
  expect(found).toBe(`2\nChanging to the Nix of this image: ${older.version}\nNix is installed.\n1\n`);
});

test('repair: what is damaged of Nix itself comes from the image; what is not its own is named', async () => {
  const { found } = await boot({
    after: `${prepare}${package_('mine')}
damaged=$(readlink -f ${profile}/bin/nix); chmod u+w $damaged; head -c 1000000 $damaged >/tmp/half; cat /tmp/half >$damaged
chmod -R u+w /nix/store/*-nss-cacert*; rm /nix/store/*-nss-cacert*/etc/ssl/certs/ca-bundle.crt
nix --version >/dev/null 2>&1 || echo broken
${install} repair 2>/dev/null; nix --version; ${verify}${installed}
chmod u+w /nix/store/*-mine/bin; echo >/nix/store/*-mine/bin/mine
${install} repair 2>&1 | grep -o -e 'was modified' -e 'Some paths are damaged.*' -e 'A substituter.*PATH'; ${install} again 2>&1 || echo $?`,
  });
  expect(found).toMatch(
    new RegExp(`^broken
Replacing a damaged path: /nix/store/\\S+
Replacing a damaged path: /nix/store/\\S+
Nix ${older.version} itself is intact\\. Verifying everything else in the store
The store is intact\\.
nix \\(Nix\\) ${older.version}
mine
nix-${older.version}
nss-cacert-0\\.debian-trixie
was modified
Some paths are damaged and could not be repaired; they are named above\\.
A substituter may have them: .*PATH
usage: nix-install \\[repair \\| move \\[DIRECTORY\\]\\]
2
$`),
  );
});

test('no room for an update: said, and the Nix that was there keeps working', async () => {
  const { found } = await boot({
    size: '560m',
    after: `${prepare}cp -a /images/newer/. /; ${install} 2>&1 || echo $?; nix --version; ${verify}ls ${state}
sed -i 's/^minimum-free.*/minimum-free-mebibytes=1/' /usr/share/bluebuild/nix/install.conf
free=$(df --output=avail -BM /nix | tail -n 1 | tr -dc 0-9); fallocate -l $((free - 30))M /var/filler
${install} 2>&1 | grep -v ^tar || :; nix --version; ${verify}ls ${state}
rm /var/filler; ${install}; nix --version; ${verify}`,
  });
  const kept = `nix (Nix) ${older.version}\ndaemon\nfollows\ninstalled\n`;
  const changing = `Changing to the Nix of this image: ${newer.version}\n`;
  expect(found).toMatch(
    new RegExp(`^${changing}<3>Not enough room for Nix: /var/lib/nix has \\d+ MiB free, and 512 MiB are needed\\. The existing Nix keeps working\\.
<3>Make room on that disk\\. The installation is tried again\\.
75
${kept.replace(/[()]/g, '\\$&')}${changing}<3>The disk that holds /var/lib/nix became full while Nix ${newer.version} was installed\\. The existing Nix keeps working\\.
<3>Make room on it\\. The installation is tried again\\.
${kept.replace(/[()]/g, '\\$&')}${changing}Nix is installed\\.
nix \\(Nix\\) ${newer.version}
$`),
  );
});

test.each([
  ['no tarball', '/bin/true', 'again', 75],
  ['a tarball of something else', 'etc', 'never', 78],
])('%s: said, and nothing is left half done', async (_, file, __, code) => {
  const directory = mkdtempSync('/tmp/native-store-');
  try {
    const other = join(directory, 'other.tar.xz');
    if (file === 'etc') execFileSync('tar', ['-cJf', other, '-C', '/etc', 'passwd', 'group']);
    const download = file === 'etc' ? other : file;
    const result = await firstBoot('dash', { ...images.older, download, after: 'find /nix -mindepth 1 | sort' });
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(
      file === 'etc'
        ? /^<3>The Nix tarball of this image contains no Nix store\.\n/m
        : /^<3>Nix .* could not be installed/m,
    );
    expect(result.found).not.toMatch(/store|profiles|work/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('looking after the store: garbage goes, what a profile, a root or either image needs stays, and damage is recorded', async () => {
  const maintained = { ...images.older, entry: { ...images.older.entry, maintenance: 'on' as const } };
  const maintain = '/usr/libexec/bluebuild/nix/maintain >/dev/null 2>&1 || echo "exit code $?"; ';
  const record = `${state}/maintenance`;
  const { found } = await firstBoot('dash', {
    ...maintained,
    others: { newer: { ...images.newer, entry: { ...images.newer.entry, maintenance: 'on' } } },
    after: `${prepare}${package_('mine')}${package_('removed')}nix-env --profile ${profile} --uninstall removed 2>/dev/null
${update('newer')}echo equal >/tmp/one; cp /tmp/one /tmp/two
for name in one two; do ln -s $(nix-store --add /tmp/$name) /nix/var/nix/gcroots/$name; done
echo nobody >/tmp/garbage; garbage=$(nix-store --add /tmp/garbage)
${maintain}ls -d $garbage 2>/dev/null || :; ${profile}/bin/mine; ls -d /nix/store/*-nix-[0-9]* | wc -l; ls -d /nix/store/*-removed | wc -l
stat -L -c %i /nix/var/nix/gcroots/one /nix/var/nix/gcroots/two | sort -u | wc -l; cut -d = -f 1 ${record}; grep verify ${record}; ${verify}
chmod +w $(readlink /nix/var/nix/gcroots/one); echo other >$(readlink /nix/var/nix/gcroots/one); sed -i /verified=/d ${record}
${maintain}grep -e verify -e failure ${record}`,
  });
  expect(found).toBe(`Changing to the Nix of this image: ${newer.version}
Nix is installed.
mine
2
1
1
collected
freed
optimised
verified
verify
verify=intact
exit code 1
verify=damaged
failure=Paths in the store are damaged; they are named above.
`);
});
