/** Stores that are not where the image keeps its store: no boot ever hides them. */
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { type FirstBoot, firstBoot } from './first-boot.ts';

type Options = Parameters<typeof firstBoot>[1];
const boot = (name: string, options: Options, check: (found: FirstBoot) => void, timeout = 60_000) =>
  test.concurrent(name, { timeout }, async (context) => {
    needs(context, 'root', 'namespaces', 'dash', 'bash');
    check(await firstBoot('dash', options));
  });

const cuts = '. /usr/local/lib/cut-at-each.sh\n';
const images = {
  standard: {},
  // Neither path is a default: only the machine's own record of its stores leads there.
  other: { entry: { persistence: '/var/stores/nix' } },
  disk: { entry: { persistence: '/var/disk/nix' } },
};
const update = (name: keyof typeof images): string => `cp -a /images/${name}/usr/. /usr/\n`;
const mine = 'echo mine >/nix/store/mine\n';
const otherFileSystem = (directory: string): string =>
  `mkdir -p ${directory}; mount -t tmpfs -o mode=0755 tmpfs ${directory}\n`;

/** Bash that makes a store in `directory` as the installers leave it, with their units in /etc. */
const installedByHand = (directory: string): string => `mkdir -p /etc/systemd/system /etc/nix
mkdir -p ${directory}/store ${directory}/var/nix/profiles/default/bin ${directory}/var/nix/db
echo mine >${directory}/store/mine; : >${directory}/var/nix/db/db.sqlite
cp /bin/true ${directory}/var/nix/profiles/default/bin/nix-daemon
echo mine >/etc/nix/nix.conf
cat >/etc/systemd/system/nix.mount <<end
[Unit]
Description=Mount \\\`${directory}\\\` on \\\`/nix\\\`
After=nix-directory.service
Requires=nix-directory.service
[Mount]
What=${directory}
Where=/nix
Options=bind
end
echo '[Service]' >/etc/systemd/system/nix-directory.service
ln -s /nix/x /etc/systemd/system/nix-daemon.service
ln -s /nix/x /etc/systemd/system/nix-daemon.socket
`;

boot(
  'a changed `persistence` on the same file system, cut off before each command: the store moves, and back after a rollback',
  {
    others: images,
    after: `${cuts}${mine}stores='lib/nix lib/bluebuild-nix stores/nix'; save; ${update('other')}
finished() {
  test "$(cat /nix/store/mine /var/stores/nix/store/mine)" = "$(printf 'mine\\nmine')" || echo hidden
  test ! -e /var/lib/nix || echo 'two stores'
}
cut_at_each $find_store
# Later boots run find-store alone.
restore; boot true; ${update('standard')} boot true; cat /nix/store/mine /var/lib/nix/store/mine; ls /var/stores
grep -c . /var/lib/bluebuild-nix/stores`,
  },
  ({ found }) =>
    expect(found).toMatch(
      /^exited successfully after \d{2,} cuts\nMoved the Nix store from \/var\/lib\/nix to \/var\/stores\/nix\.\nMoved the Nix store from \/var\/stores\/nix to \/var\/lib\/nix\.\nmine\nmine\n2\n$/,
    ),
  300_000,
);

boot(
  'a second store, installed by hand: /nix shows the one used last at every boot, the other is named, and no move hides either',
  {
    after: `${cuts}${mine}
${installedByHand('/var/home/nix')}echo by-hand >/var/home/nix/store/mine
boot; cat /nix/store/mine; boot; cat /nix/store/mine
$install move 2>&1 && echo moved; cat /nix/store/mine /var/lib/nix/store/mine
# A deployment that has not seen the installation, and a machine that has forgotten it.
rm -r /var/lib/bluebuild-nix; boot; cat /nix/store/mine
rm -r /var/home/nix; boot; ls /var/lib/bluebuild-nix`,
  },
  ({ found }) => {
    const second = (used: string, other: string) =>
      `The store is in ${used}. There is another one in ${other}, which is not used: delete it if nothing in it is needed.`;
    const [adopted = '', again = '', moved = '', forgotten = '', last = ''] =
      found.split(/(?<=mine\n|by-hand\n)(?!mine)/);
    expect(adopted).toContain(`adopted). ${second('/var/home/nix', '/var/lib/nix')}\nby-hand\n`);
    expect(again).toContain(`Nix is installed. ${second('/var/home/nix', '/var/lib/nix')}\nby-hand\n`);
    expect(moved).toContain('There is another Nix store in /var/lib/nix.\n');
    expect(moved).toMatch(/in use\.\nby-hand\nmine\n$/);
    expect(forgotten).toContain(`Nix is installed. ${second('/var/lib/nix', '/var/home/nix')}\nmine\n`);
    expect(last).toBe('Nix is installed.\nstores\n');
  },
);

boot(
  'a rollback to an /etc in which an interrupted attempt left its nix.mount: the store of the newer image comes back',
  {
    others: images,
    after: `${cuts}${mine}${update('other')} boot true
${installedByHand('/var/lib/nix')}rm -rf /var/lib/nix
${update('standard')} boot; cat /nix/store/mine /var/lib/nix/store/mine; ls /var/stores /etc/systemd/system | grep nix || :`,
  },
  ({ found }) => {
    expect(found).toContain('Moved the Nix store from /var/stores/nix to /var/lib/nix.\n');
    expect(found).toMatch(/Nix is installed\.\nmine\nmine\n$/);
    expect(found).not.toContain('Installing Nix');
  },
);

boot(
  'a changed `persistence` on a full disk: where the store is stays remembered, and /nix shows it at each boot',
  {
    ...images.other,
    size: '1200m',
    others: images,
    after: `${cuts}${mine}${update('standard')}cat /dev/zero >/var/filler 2>/dev/null || :
for again in 1 2; do boot >/dev/null 2>&1 || :; cat /nix/store/mine; cut -f 2 /var/lib/bluebuild-nix/stores; done
rm /var/filler; boot >/dev/null 2>&1; cat /nix/store/mine /var/lib/nix/store/mine`,
  },
  ({ found }) => expect(found).toBe('mine\n/var/stores/nix\nmine\n/var/stores/nix\nmine\nmine\n'),
);

boot(
  'on another file system: the store stays, is what /nix shows at every boot, and the status names the command that moves it',
  {
    others: images,
    after: `${cuts}${mine}${otherFileSystem('/var/disk')}${update('disk')}
boot; cat /nix/store/mine; boot >/dev/null; cat /nix/store/mine; ls /var/disk; ls -R /etc/systemd/system | grep nix || :
tail -n 1 /run/asked
$install move; cat /nix/store/mine; ls /var /var/lib | grep nix; ls -A /var/disk/nix; boot`,
  },
  ({ found }) => {
    const shown =
      'Nix is installed. The store is in /var/lib/nix, not in /var/disk/nix; this moves it: sudo bluebuild-nix move';
    expect(found).toBe(`The Nix store is in /var/lib/nix, and is mounted from there.
${shown}
mine
mine
systemd-notify --status=${shown}
Copying the store from /var/lib/nix to /var/disk/nix; Nix can be used again when this is done
Comparing the copy with the store
Deleting the old copy of the store in /var/lib/nix
The Nix store is in /var/disk/nix.
mine
bluebuild-nix
store
var
Nix is installed.
`);
  },
);

boot(
  'a move that is cut off before each of its commands: a boot later the store is whole, and the move can be made again',
  {
    others: images,
    after: `${cuts}${mine}ln /nix/store/mine /nix/store/linked; chmod 0444 /nix/store/mine; ${otherFileSystem('/var/disk')}
stores='lib/nix lib/bluebuild-nix disk/nix'
save; ${update('disk')}
finished() {
  test "$(cat /nix/store/mine)" = mine || echo hidden
  test -e /nix/var/bluebuild-nix/installed || echo 'not installed'
  $install move >/run/moved 2>&1 || { echo "again: $?"; cat /run/moved; }
  test "$(cat /var/disk/nix/store/mine)" = mine || echo lost
  test "$(stat -c '%a %h' /nix/store/mine)" = '444 2' || echo changed
  test ! -e /var/lib/nix || echo 'the old one is left'
  test "$(ls -A /var/disk/nix)" = "$(printf 'store\\nvar')" || ls -A /var/disk/nix
  test ! -e /nix/var/bluebuild-nix/moved-from || echo 'not finished'
}
cut_at_each $install move`,
  },
  ({ found }) => expect(found).toMatch(/^exited successfully after \d{2,} cuts\n$/),
  600_000,
);

boot(
  'moved to a directory on another disk, which every boot finds, and back',
  {
    before: otherFileSystem('/var/disk'),
    after: `${cuts}${mine}bluebuild-nix move /var/disk/nix; readlink /var/lib/nix; ls -A /var/disk/nix; ls /var/lib | grep nix
boot; cat /nix/store/mine; bluebuild-nix status | grep 'store is in'; $install move /var/disk/nix
$install move /var/lib/nix; test -L /var/lib/nix || ls -A /var/lib/nix /var/disk; boot; cat /nix/store/mine`,
  },
  ({ found }) =>
    expect(found).toBe(`Copying the store from /var/lib/nix to /var/disk/nix; Nix can be used again when this is done
Comparing the copy with the store
Deleting the old copy of the store in /var/lib/nix.moved
The Nix store is in /var/disk/nix.
/var/disk/nix
store
var
bluebuild-nix
nix
Nix is installed.
mine
The store is in   /var/lib/nix, a link to /var/disk/nix
The Nix store is in /var/disk/nix.
Copying the store from /var/disk/nix to /var/lib/nix; Nix can be used again when this is done
Comparing the copy with the store
Deleting the old copy of the store in /var/disk/nix
The Nix store is in /var/lib/nix.
/var/disk:

/var/lib/nix:
store
var
Nix is installed.
mine
`),
);

boot(
  'a move to a directory that is cut off before each of its commands: a boot later the store is whole, with what came since',
  {
    before: otherFileSystem('/var/disk'),
    after: `${cuts}${mine}stores='lib/nix lib/nix.moved lib/nix.new lib/bluebuild-nix disk/nix'; save
finished() {
  test "$(cat /nix/store/mine)" = mine || echo hidden
  echo since >/nix/store/since
  $install move /var/disk/nix >/run/moved 2>&1 || { echo "again: $?"; cat /run/moved; }
  test "$(cat /nix/store/since)" = since || echo lost
  test "$(readlink /var/lib/nix)" = /var/disk/nix || echo 'no link'
  test "$(ls -A /var/disk/nix)" = "$(printf 'store\\nvar')" || ls -A /var/disk/nix
  test ! -e /nix/var/bluebuild-nix/moved-from || echo 'not finished'
  ls /var/lib | grep 'nix[.]' || :
}
cut_at_each $install move /var/disk/nix`,
  },
  ({ found }) => expect(found).toMatch(/^exited successfully after \d{2,} cuts\n$/),
  600_000,
);

boot(
  'a move back that is cut off before each of its commands: a boot later the store is whole, with what came since',
  {
    // A link that a user made: nothing else leads there until the move begins.
    before: `${otherFileSystem('/var/disk')}mkdir /var/disk/nix; ln -s /var/disk/nix /var/lib/nix`,
    after: `${cuts}${mine}stores='lib/nix lib/bluebuild-nix disk/nix'; save
finished() {
  test "$(cat /nix/store/mine)" = mine || echo hidden
  test -e /nix/var/bluebuild-nix/installed || echo 'not installed'
  echo since >/nix/store/since
  $install move /var/lib/nix >/run/moved 2>&1 || { echo "again: $?"; cat /run/moved; }
  test "$(cat /nix/store/since)" = since || echo lost
  test ! -L /var/lib/nix || echo 'still a link'
  test "$(ls -A /var/lib/nix)" = "$(printf 'store\nvar')" || ls -A /var/lib/nix
  test ! -e /nix/var/bluebuild-nix/moved-from || echo 'not finished'
  ls -A /var/disk
}
cut_at_each $install move /var/lib/nix`,
  },
  ({ found }) => expect(found).toMatch(/^exited successfully after \d{2,} cuts\n$/),
  600_000,
);

boot(
  'a directory that no boot would find, that a user could replace, or that has something in it: refused, and Nix works',
  {
    before: otherFileSystem('/var/disk'),
    after: `${cuts}${mine}mkdir -p /var/disk/full/photo /var/disk/alice/nix; chown 1000 /var/disk/alice
for directory in relative '/var/disk/with blank' /nix/store/x /run/nix /var/disk/alice/nix /var/disk/full; do
  bluebuild-nix move "$directory" 2>&1 || echo "$?"
done
: >/run/shown; bluebuild-nix move /var/disk/nix 2>&1 || echo "$?"
cat /var/lib/nix/store/mine; find /var/disk -mindepth 1 | sort`,
  },
  ({ found }) =>
    expect(found).toBe(`bluebuild-nix: relative is not the full path of a directory
See: bluebuild-nix --help
2
/var/disk/with blank is not the path of a directory, of letters, digits and . _ + -
Write it in full, such as /var/mnt/disk/nix
1
The store cannot be in /nix/store/x.
Name another directory.
1
The store cannot be in /run/nix.
Name another directory.
1
/var/disk/alice is not a directory that root alone can change.
Name another one.
1
/var/disk/full is not empty.
Move its contents elsewhere.
1
Nothing mounts /var/disk when this machine boots, so the store would not be found there.
First name that disk in /etc/fstab, and run: systemctl daemon-reload
1
mine
/var/disk/alice
/var/disk/alice/nix
/var/disk/full
/var/disk/full/photo
`),
);

boot(
  'a move to where there is no room, or something else: refused, and Nix works',
  {
    others: images,
    after: `${cuts}${mine}head -c 3M /dev/urandom >/nix/store/large
mkdir -p /var/disk; mount -t tmpfs -o size=1m tmpfs /var/disk; ${update('disk')} boot >/dev/null
$install move 2>&1 || echo $?; echo photo >/var/disk/nix/photo; $install move 2>&1 || echo $?; ls /var/disk/nix; cat /nix/store/mine`,
  },
  ({ found }) =>
    expect(found).toMatch(
      /^Not enough room: the store has \d+ MiB, and \/var\/disk\/nix has \d MiB free\.\nMake room there\. The store stays in \/var\/lib\/nix, and works\.\n1\n\/var\/disk\/nix is not empty\.\nMove its contents elsewhere\.\n1\nphoto\nmine\n$/,
    ),
);

boot(
  'a move whose old copy cannot be deleted: a rollback shows the new one, and a boot deletes the rest',
  {
    others: images,
    after: `${cuts}${mine}${otherFileSystem('/var/disk')}${update('disk')} boot >/dev/null
printf '#!/bin/sh\ncase $* in *-delete) exit 1 ;; esac\nexec /usr/bin/find "$@"\n' >/usr/local/sbin/find
chmod +x /usr/local/sbin/find; PATH=/usr/local/sbin:$PATH
$install move 2>&1 | grep -v -e ^Co -e ^De; echo new >/nix/store/later
${update('standard')} boot >/dev/null 2>&1; cat /nix/store/later; rm /usr/local/sbin/find; hash -r
$install >/dev/null; ls -d /var/lib/*nix; ls -A /var/disk/nix; cat /nix/store/mine`,
  },
  ({ found }) =>
    expect(found).toBe(`<4>Cannot delete all of the old copy in /var/lib/nix; the next boot tries again.
The Nix store is in /var/disk/nix.
new
/var/lib/bluebuild-nix
store
var
mine
`),
);

boot(
  'a mount where the image keeps the store, with nothing in it: it stays, and the store is shown',
  {
    others: images,
    after: `${cuts}${mine}${otherFileSystem('/var/stores/nix')}${update('other')} boot | tail -n 1
cat /nix/store/mine; mountpoint /var/stores/nix; $install move | tail -n 1; ls /var/stores/nix`,
  },
  ({ found }) =>
    expect(found).toMatch(
      /^Nix is installed\. The store is in \/var\/lib\/nix.*\nmine\n\/var\/stores\/nix is a mountpoint\nThe Nix store is in \/var\/stores\/nix\.\nstore\nvar\n$/,
    ),
);

boot(
  'something else where the image keeps the store: left as it is, and the store is shown',
  {
    others: images,
    after: `${cuts}${mine}mkdir -p /var/stores/nix; echo photo >/var/stores/nix/photo; ${update('other')} boot
cat /nix/store/mine /var/stores/nix/photo; ls /var/stores/nix`,
  },
  ({ found }) =>
    expect(found).toMatch(/The store is in \/var\/lib\/nix, not in \/var\/stores\/nix.*\nmine\nphoto\nphoto\n$/),
);

boot(
  'a store on a disk that is not there: nothing is installed in its place, and it is found when the disk comes',
  {
    entry: images.disk.entry,
    others: images,
    before: otherFileSystem('/var/disk'),
    after: `${cuts}${mine}umount /nix; mount --move /var/disk /mnt
boot 2>&1 || echo $?; ${update('standard')} boot 2>&1 || echo $?; ls /var/lib/nix
printf '#!/bin/sh\\nmount --move /mnt /var/disk\\n' >/run/mount-disk; chmod +x /run/mount-disk
$install; cat /nix/store/mine`,
  },
  ({ found }) => {
    const missing = `<3>The Nix store of this machine is in /var/disk/nix, and its file system is not mounted.
<3>Mount it. If that disk is gone for good, delete /var/lib/bluebuild-nix/stores to install a new Nix.
75
`;
    expect(found).toBe(`${missing}${missing}The Nix store is in /var/disk/nix, and is mounted from there.
Nix is installed. The store is in /var/disk/nix, not in /var/lib/nix; this moves it: sudo bluebuild-nix move
mine
`);
  },
);

boot(
  'moved to a disk that is not there at a boot: the status says so, nothing is installed, and the boot with it is as before',
  {
    before: otherFileSystem('/var/disk'),
    after: `${cuts}${mine}$install move /var/disk/nix >/dev/null; umount /nix; mount --move /var/disk /mnt
boot 2>/run/said || echo $?; grep '^<3>' /run/said; readlink /var/lib/nix; find /nix /var/disk -mindepth 1
printf '#!/bin/sh\\nmount --move /mnt /var/disk\\n' >/run/mount-disk; chmod +x /run/mount-disk
boot; cat /nix/store/mine; ! ls /run/bluebuild-nix 2>/dev/null`,
  },
  ({ found }) =>
    expect(found).toBe(`75
<3>The Nix store of this machine is in /var/disk/nix, and its file system is not mounted.
<3>Mount it. If that disk is gone for good, delete /var/lib/bluebuild-nix/stores and /var/lib/nix to install a new Nix.
/var/disk/nix
Nix is installed.
mine
`),
);

boot(
  'installed by hand in /var/home/nix, and an image with the default: adopted, cut off before each command; then moved by a rename',
  {
    after: `${cuts}rm -rf /var/lib/nix /var/lib/bluebuild-nix /etc/nix /etc/systemd/system/nix*; umount /nix
${installedByHand('/var/home/nix')}save
finished() {
  test "$(cat /nix/store/mine /etc/nix/nix.conf)" = "$(printf 'mine\\nmine')" || echo hidden
  test -e /nix/var/bluebuild-nix/installed || echo 'not installed'
  ls /etc/systemd/system | grep nix || :
  ls /nix/var/bluebuild-nix/set-aside/etc/systemd/system | grep -q '^nix.mount' || echo 'not set aside'
}
cut_at_each $install; boot; cat /var/lib/nix/store/mine; ls /var/home`,
  },
  ({ found }) =>
    expect(found).toMatch(
      /^exited successfully after \d{2,} cuts\nMoved the Nix store from \/var\/home\/nix to \/var\/lib\/nix\.\nNix is installed\.\nmine\n$/,
    ),
  600_000,
);

boot(
  'installed by hand on another file system: adopted where it is',
  {
    before: `${otherFileSystem('/var/disk')}${installedByHand('/var/disk/nix')}systemctl start nix.mount`,
    after: `${cuts}boot; cat /nix/store/mine; ls /etc/systemd/system | grep nix || :`,
  },
  ({ code, stdout, found }) => {
    expect(code).toBe(0);
    expect(stdout).toContain('Adopting the Nix store in /var/disk/nix\n');
    expect(stdout).toContain('The store is in /var/disk/nix, not in /var/lib/nix; this moves it');
    expect(found).toMatch(
      /^The Nix store is in \/var\/disk\/nix, and is mounted from there\.\nNix is installed\. The store is in \/var\/disk\/nix.*\nmine\n$/,
    );
  },
);

boot(
  'a nix.mount that a person wrote: it stays, with the store that it mounts, and the other units are those of the image',
  {
    entry: images.other.entry,
    before: `${installedByHand('/srv/mine')}printf '[Mount]\\nWhat=/srv/mine\\nWhere=/nix\\nOptions=bind\\n' >/etc/systemd/system/nix.mount
systemctl start nix.mount`,
    after: `${cuts}ls /etc/systemd/system | grep nix; boot; cat /nix/store/mine; ls /var/stores /var/lib 2>/dev/null | grep nix`,
  },
  ({ code, stdout, found }) => {
    expect(code).toBe(0);
    expect(stdout).toMatch(/Nix is installed \(an existing store was adopted\)\.\n$/);
    expect(found).toBe('nix.mount\nNix is installed.\nmine\nbluebuild-nix\n');
  },
);

boot(
  'a persistence directory that is a link to another disk: Nix is installed there',
  {
    before: `${otherFileSystem('/srv/disk')}mkdir /srv/disk/nix; ln -s /srv/disk/nix /var/lib/nix`,
    after: `${cuts}ls /srv/disk/nix; boot`,
  },
  ({ code, stdout, found }) => {
    expect(code).toBe(0);
    expect(stdout).toContain('Nix is installed. Open a new terminal');
    expect(found).toBe('store\nvar\nNix is installed.\n');
  },
);

boot(
  "a directory of a user's that looks like a store: never root's Nix",
  {
    before: `mkdir -p /var/home/nix/store /var/home/nix/var/bluebuild-nix; : >/var/home/nix/var/bluebuild-nix/installed
chown -R 1000:1000 /var/home/nix; /usr/libexec/bluebuild/nix/find-store`,
    after: 'test /nix -ef /var/lib/nix && ls -d /var/home/nix',
  },
  ({ code, stdout, found }) => {
    expect(code).toBe(0);
    expect(stdout).toContain('into /var/lib/nix');
    expect(found).toBe('/var/home/nix\n');
  },
);
