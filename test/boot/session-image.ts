import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, keyOf } from './lab/cache.ts';
import { debianTree } from './lab/host.ts';
import type { Image } from './lab/image.ts';
import { native } from './native-image.ts';
import { nixImage } from './nix-image.ts';

// pam_systemd and a D-Bus session bus for each user, GLib's `gio`, and a library that finds icons as desktops do; other
// shells, ssh and cron.
const packages = [
  'cron',
  'openssh-client',
  'openssh-server',
  'zsh',
  'dbus-user-session',
  'fish',
  'libglib2.0-bin',
  'libpam-systemd',
  'python3-minimal',
  'python3-xdg',
];

const kept = [
  'etc/dbus-1',
  'etc/fish',
  'etc/pam.d',
  'etc/zsh',
  'usr/bin',
  'usr/lib',
  'usr/sbin',
  'usr/share/dbus-1',
  'usr/share/fish',
  'usr/share/pam-configs',
  'usr/share/zsh',
];

/**
 * An image with `installer: native` and maintenance, on which users have sessions: PAM, logind, and their own systemd
 * and D-Bus instances.
 */
export const sessionImage = async (): Promise<Image> => {
  const directory = await cached('session', keyOf(packages.join(), kept.join()), async (partial) => {
    const tree = join(partial, 'tree');
    await debianTree('extract', 'forky', packages, tree);
    for (const name of kept)
      await cp(join(tree, name), join(partial, name), { recursive: true, verbatimSymlinks: true });
    await rm(tree, { recursive: true });
  });
  const { entry, ...rest } = await native();
  return nixImage({
    ...rest,
    entry: { ...entry, maintenance: 'on' },
    volumes: [`${directory}:/tmp/session:ro`],
    before: [
      `RUN for name in ${kept.join(' ')}; do mkdir -p /$name && cp -a --update=none /tmp/session/$name/. /$name/; done && ldconfig`,
      "RUN printf 'session optional pam_systemd.so\\n' >>/etc/pam.d/common-session",
      // Unmasks logind, which the lab's base has no use for.
      'RUN rm /etc/systemd/system/systemd-logind*',
      // The home directory as Fedora's installer sets it.
      'RUN usermod --home /home/lab lab',
    ],
  });
};
