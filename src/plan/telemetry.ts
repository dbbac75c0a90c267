import type { PartMaker } from './part.ts';
import { staticEntries } from './static-files.ts';

/**
 * Whether Determinate's programs send telemetry, by what the units of the image and the sessions of users have in their
 * environment. DETSYS_IDS_TELEMETRY is for nix-installer 3.8.6 and later, determinate-nixd and Determinate's Nix
 * (detsys-ids-client's src/lib.rs, nix-src's src/nix/main.cc), NIX_INSTALLER_DIAGNOSTIC_ENDPOINT for older installers: an
 * empty value makes those since February 2025 send.
 *
 * determinate-nixd also writes the address that crash reports go to into /etc/nix/sentry-endpoint, for commands of its Nix
 * that do not have the variables, as with sudo. With its configuration in the image it removes that file.
 */
export const telemetry: PartMaker = {
  name: 'telemetry',
  make: ({ telemetry, installer }, files) => {
    if (telemetry === 'determinate-systems') return { entries: staticEntries(files, 'telemetry-on') };
    const forDaemon = ['native', 'system'].includes(installer.provider)
      ? []
      : staticEntries(files, 'telemetry-off-daemon');
    return { entries: [...staticEntries(files, 'telemetry-off'), ...forDaemon] };
  },
};
