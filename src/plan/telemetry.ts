import type { PartMaker } from './part.ts';
import { textEntry } from './static-files.ts';

/** What the units of the image and the sessions of users have in their environment. */
const environment = '/usr/lib/environment.d/60-nix-telemetry.conf';

// The first is for nix-installer 3.8.6 and later, determinate-nixd and Determinate's Nix (detsys-ids-client's src/lib.rs,
// nix-src's src/nix/main.cc), the second for older installers: an empty one makes those from February 2025 on send.
const off = `# \`telemetry: off\`: nothing is sent.
DETSYS_IDS_TELEMETRY=disabled
NIX_INSTALLER_DIAGNOSTIC_ENDPOINT=file:///dev/null
`;
const on = "# `telemetry: determinate-systems`: Determinate's programs send it unless they are told not to.\n";

// determinate-nixd writes the address that crash reports go to into /etc/nix/sentry-endpoint, for commands of its Nix that do
// not have the variables, as with sudo. With this it removes that file.
const noCrashReports = { telemetry: { sentry: { endpoint: null } } };

/** Whether Determinate's programs send telemetry. */
export const telemetry: PartMaker = {
  name: 'telemetry',
  make: ({ telemetry, installer }) => {
    if (telemetry === 'determinate-systems') return { entries: [textEntry(environment, on)] };
    const forDaemon = textEntry('/etc/determinate/config.json', `${JSON.stringify(noCrashReports, null, 2)}\n`);
    return { entries: [textEntry(environment, off), ...(installer.provider === 'native' ? [] : [forDaemon])] };
  },
};
