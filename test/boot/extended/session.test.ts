import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { nixFaults, waitForNix } from '../nix-guest.ts';
import { sessionImage } from '../session-image.ts';

// A program such as desktops show: a menu entry, an icon, a D-Bus service.
const program = `derivation {
  name = "greeting-1";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  args = [ "-c" ''
    for directory in bin share/applications share/icons/hicolor/48x48/apps share/dbus-1/services; do
      (exec -a mkdir $busybox -p $out/$directory)
    done
    echo '#!/bin/sh
    echo "greeted $1" >>$HOME/greeted' >$out/bin/greet
    (exec -a chmod $busybox 755 $out/bin/greet)
    echo '[Desktop Entry]
    Type=Application
    Name=Greeting
    Icon=greeting
    Exec=greet %u' >$out/share/applications/greeting.desktop
    echo '[Icon Theme]
    Name=Hicolor
    Comment=Fallback
    Directories=48x48/apps
    [48x48/apps]
    Size=48
    Type=Fixed' >$out/share/icons/hicolor/index.theme
    echo icon >$out/share/icons/hicolor/48x48/apps/greeting.png
    echo "[D-BUS Service]
    Name=org.example.Greeting
    Exec=$out/bin/greet bus" >$out/share/dbus-1/services/org.example.Greeting.service
  '' ];
}
`;

// A minimal generation of home-manager: what it installs, and a file for the home directory.
const generation = `derivation {
  name = "home-manager-generation";
  system = "x86_64-linux";
  builder = "/bin/sh";
  busybox = /usr/bin/busybox;
  greeting = import ./greeting.nix;
  args = [ "-c" ''
    (exec -a mkdir $busybox -p $out/home-files)
    echo managed >$out/home-files/file
    (exec -a ln $busybox -s $greeting $out/home-path)
  '' ];
}
`;

// What home-manager's activation does, in the same order (its modules/files.nix and modules/home-environment.nix).
const activate = `set -eu; test "$(echo ~)" = /home/lab; state=$HOME/.local/state
new=$(nix-build --no-out-link /tmp/home.nix --option substitute false)
nix-env --profile $state/nix/profiles/home-manager --set $new
nix-store --realise $new --add-root $state/home-manager/gcroots/current-home >/dev/null
nix-env --install $new/home-path; mkdir -p ~/.config; ln -s $new/home-files/file ~/.config/managed`;

const icon = 'from xdg.IconTheme import getIconPath; print(getIconPath("greeting"))';

scenario(
  'a session by PAM and logind, of a user in /home: what is installed is in menus, on D-Bus, and started from there',
  async (lab) => {
    const machine = await lab.machine(await sessionImage());
    const guest = await machine.boot();
    await waitForNix(guest);
    /** What a command prints when the user runs it. */
    const asUser = async (command: string): Promise<string> => {
      const { stdout, stderr } = await guest.runAs('lab', command, 120);
      return stdout + stderr;
    };
    // Run by the user's systemd, which has no shell environment; its generators ran when the session was opened.
    const started = 'systemd-run --user --quiet --wait --pipe';

    await guest.write('/tmp/greeting.nix', program);
    await asUser('nix-env --install --file /tmp/greeting.nix --option substitute false');
    expect(await asUser('loginctl show-user lab --property State --value')).toBe('active\n');

    const environment = (await asUser('systemctl --user show-environment')).split('\n');
    const [profile, everybodys] = ['/home/lab/.nix-profile', '/nix/var/nix/profiles/default'];
    expect(environment).toContain(`XDG_DATA_DIRS=/usr/local/share:/usr/share:${profile}/share:${everybodys}/share`);
    expect(environment.find((line) => line.startsWith('PATH='))).toMatch(
      new RegExp(`:${profile}/bin:${everybodys}/bin$`),
    );

    expect(await asUser(`${started} python3 -c '${icon}'`)).toBe(
      `${profile}/share/icons/hicolor/48x48/apps/greeting.png\n`,
    );
    await asUser(`${started} gio mime x-scheme-handler/greeting greeting.desktop`);
    expect(await asUser(`${started} gio mime x-scheme-handler/greeting`)).toContain('greeting.desktop');
    await asUser(`${started} --property KillMode=none gio open greeting:menu`);
    await guest.waitFor("grep -x 'greeted greeting:menu' /var/home/lab/greeted", 60);
    await asUser(
      'busctl --user call org.freedesktop.DBus / org.freedesktop.DBus StartServiceByName su org.example.Greeting 0 || :',
    );
    await guest.waitFor("grep -x 'greeted bus' /var/home/lab/greeted", 60);

    // Other shells, and processes that have none.
    expect(await asUser("fish --login --command 'command -s greet'")).toBe(`${profile}/bin/greet\n`);
    expect(await asUser("env -i PATH=/usr/bin:/bin HOME=/home/lab sh -c 'nix --version'")).toMatch(/^nix \(Nix\) /);
    expect(await asUser('sudo nix --version && sudo -i nix-env --version')).toMatch(/^nix \(Nix\).*\nnix-env \(Nix\) /);
    expect(await guest.succeed('systemd-run --quiet --wait --pipe nix --version')).toMatch(/^nix \(Nix\) /);

    // ssh: a command, and a login. zsh: as Debian has it, as Fedora does, and as the docs say. cron starts here, too.
    await guest.write('/etc/cron.d/lab', '* * * * * lab nix --version >/var/home/lab/cron 2>&1\n');
    await guest.succeed(`systemd-run --quiet --unit=lab-cron cron -f
      id sshd 2>/dev/null || useradd --system --home-dir /run/sshd --shell /usr/sbin/nologin sshd
      mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f /run/sshd/key
      printf 'HostKey /run/sshd/key\\nUsePAM yes\\n' >/run/sshd/config
      systemd-run --quiet --unit=lab-ssh --service-type=exec /usr/sbin/sshd -D -f /run/sshd/config`);
    const ssh = 'ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR -o ConnectionAttempts=60 -T lab@127.0.0.1';
    await asUser(
      "mkdir -pm 700 ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519; cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys",
    );
    expect(await asUser(`${ssh} nix --version`)).toMatch(/^nix \(Nix\) /);
    expect(await asUser(`echo 'command -v greet' | ${ssh}`)).toContain(`${profile}/bin/greet\n`);
    const plain = 'env -i TERM=dumb PATH=/usr/bin:/bin HOME=/home/lab USER=lab';
    expect(await asUser(`${plain} zsh --login -c 'nix --version'; ${plain} zsh -c 'nix --version'`)).toMatch(
      /^nix \(Nix\) .*\nnix \(Nix\) /,
    );
    await guest.succeed('echo \'emulate sh -c ". /etc/profile"\' >>/etc/zsh/zprofile');
    expect(await asUser(`${plain} zsh --login -c 'command -v greet'`)).toBe(`${profile}/bin/greet\n`);
    await guest.succeed("echo '. /etc/profile.d/nix.sh' >>/etc/zsh/zshenv");
    expect(await asUser(`${plain} zsh -c 'command -v greet'`)).toBe(`${profile}/bin/greet\n`);

    // `nix profile`, channels, home-manager's activation by hand, and an older generation, through the link /home.
    await guest.write('/tmp/home.nix', generation);
    await guest.write('/tmp/activate', activate);
    await asUser('bash /tmp/activate');
    await asUser(`set -eu; mkdir /tmp/mine; cp /tmp/greeting.nix /tmp/mine/default.nix; tar -C /tmp -czf /tmp/mine.tar.gz mine
      nix-channel --add file:///tmp/mine.tar.gz mine; nix-channel --update
      new=$(nix-build --no-out-link '<mine>' --option substitute false)
      nix profile add --profile ~/.local/state/nix/profiles/other $new`);
    await guest.succeed('nix-collect-garbage');
    expect(await asUser('cat ~/.config/managed; ls ~/.local/state/nix/profiles/other/bin; nix-channel --list')).toBe(
      'managed\ngreet\nmine file:///tmp/mine.tar.gz\n',
    );
    await asUser('nix-env --rollback; nix-env --switch-generation 1');
    expect(await guest.succeed('readlink -f /home/lab/.nix-profile/bin/greet')).toMatch(
      /^\/nix\/store\/.*-greeting-1\/bin\/greet$/,
    );
    await guest.waitFor("grep '^nix (Nix)' /var/home/lab/cron", 180);
    expect(await nixFaults(guest)).toEqual([]);

    // A week later the timer starts the maintenance.
    expect((await guest.run('test -e /nix/var/bluebuild-nix/maintenance')).code).toBe(1);
    await guest.succeed("date --set '+9 days'");
    await guest.waitFor("grep '^verified=' /nix/var/bluebuild-nix/maintenance", 300);
    await guest.waitFor('systemctl show nix-maintenance.service | grep -x ActiveState=inactive', 60);
    expect(await guest.succeed('systemctl show --property Result,PrivateNetwork nix-maintenance.service')).toBe(
      'Result=success\nPrivateNetwork=yes',
    );
    const status = await asUser('bluebuild-nix status');
    expect(status).toMatch(/^Verified +intact, 20/m);
    expect(status).toMatch(/^Garbage collected +20/m);
  },
  1800,
);
