import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { nixFaults, waitForNix } from '../nix-guest.ts';
import { sessionImage } from '../session-image.ts';

// A program of the kind that a desktop shows: an entry of the menu, an icon, a D-Bus service.
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

const icon = 'from xdg.IconTheme import getIconPath; print(getIconPath("greeting"))';

scenario(
  'a session by PAM and logind, of a user in /home: what is installed is in menus, on D-Bus, and started from there',
  async (lab) => {
    const machine = await lab.machine(await sessionImage());
    const guest = await machine.boot();
    await waitForNix(guest);
    /** What a command of the user prints. */
    const asUser = async (command: string): Promise<string> => {
      const { stdout, stderr } = await guest.runAs('lab', command, 120);
      return stdout + stderr;
    };
    // By the user's systemd, which has nothing of a shell; its generators ran when the session was opened.
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

    // The other shells, and who has none.
    expect(await asUser("fish --login --command 'command -s greet'")).toBe(`${profile}/bin/greet\n`);
    expect(await asUser("env -i PATH=/usr/bin:/bin HOME=/home/lab sh -c 'nix --version'")).toMatch(/^nix \(Nix\) /);
    expect(await asUser('sudo nix --version && sudo -i nix-env --version')).toMatch(/^nix \(Nix\).*\nnix-env \(Nix\) /);
    expect(await guest.succeed('systemd-run --quiet --wait --pipe nix --version')).toMatch(/^nix \(Nix\) /);

    // `nix profile`, channels, and a generation back, through the link /home.
    await asUser(
      'nix profile list; nix-channel --list; nix-env --rollback; nix-env --switch-generation 1; command -v greet',
    );
    expect(await guest.succeed('readlink -f /home/lab/.nix-profile/bin/greet')).toMatch(
      /^\/nix\/store\/.*-greeting-1\/bin\/greet$/,
    );
    expect(await nixFaults(guest)).toEqual([]);
  },
  900,
);
