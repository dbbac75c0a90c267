/** What each shell finds of Nix with the image's own files. The boot scenarios test it with a real Nix. */
import { expect, test } from 'vitest';
import { needs } from '../../support/requirement.ts';
import { onMachine } from './machine.ts';

const profile = '/nix/var/nix/profiles/default';
const home = '/var/home/alice';
const nix = `mkdir -p ${profile}/bin ${profile}/etc/profile.d ${home}; printf '#!/bin/sh\\necho works\\n' >${profile}/bin/nix
chmod +x ${profile}/bin/nix\n`;
const environment = `env -i HOME=${home} PATH=/usr/local/bin:/usr/bin:/bin`;

test('sudo, cron, units and ssh find `nix` in /usr/bin, and before Nix is installed it is not there', async (context) => {
  needs(context, 'root', 'namespaces');
  const find = 'env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c "nix || echo exit $?" 2>&1 || :\n';
  for (const installer of ['determinate', 'nixos', 'native'] as const) {
    const found = await onMachine(
      `sh -c 'PATH=/usr/bin:/bin; nix-env' 2>/dev/null && echo an installer would refuse
${find.replace('$?', '\\$?')}${nix}${find}`,
      { entry: { installer: { provider: installer, version: '9.9.9' } } },
    );
    expect(found).toMatch(/^[^\n]*nix: not found\nexit 127\nworks$/);
  }
});

test('fish reads Nix’s own script, and where there is none says nothing', async (context) => {
  needs(context, 'root', 'namespaces', 'fish');
  const found = await onMachine(`mkdir -p ${home}
${environment} fish --login --command 'echo before $MARK'
${nix}echo 'set --export MARK read' >${profile}/etc/profile.d/nix-daemon.fish
${environment} fish --login --command 'echo login $MARK'; ${environment} fish --command 'echo other $MARK'`);
  expect(found).toBe('before\nlogin read\nother read');
});

test('nushell has what other shells have, once, and where there is no Nix nothing changes', async (context) => {
  needs(context, 'root', 'namespaces', 'nushell');
  const variables = ['PATH', 'XDG_DATA_DIRS', 'NIX_PROFILES', 'NIX_SSL_CERT_FILE'];
  // Runs in a terminal, because nushell does not read these files otherwise.
  const command = `nu --execute '\\$env | select -o ${variables.join(' ')} | to json --raw | save --force /tmp/found; exit'`;
  const terminal = `${environment} TERM=dumb XDG_CONFIG_HOME=/var/config script --quiet --command "${command}" /dev/null`;
  const show = `${terminal} </dev/null >/dev/null; cat /tmp/found; echo`;
  const found = await onMachine(`mkdir -p ${home} /var/config/nushell; touch /var/config/nushell/{env,config}.nu
${show}
${nix}mkdir -p /etc/pki/tls/certs; rm -rf /etc/ssl; touch /etc/pki/tls/certs/ca-bundle.crt\n${show}
mkdir -p ${home}/.local/state/nix/profile\n${show}`);
  const [without, first, recent] = found.split('\n').map((line): Record<string, unknown> => JSON.parse(line));
  const nothing = { XDG_DATA_DIRS: null, NIX_PROFILES: null, NIX_SSL_CERT_FILE: null };
  expect(without).toEqual({ PATH: ['/usr/local/bin', '/usr/bin', '/bin'], ...nothing });
  expect(first).toEqual({
    PATH: [`${home}/.nix-profile/bin`, `${profile}/bin`, '/usr/local/bin', '/usr/bin', '/bin'],
    XDG_DATA_DIRS: `/usr/local/share:/usr/share:${home}/.nix-profile/share:${profile}/share`,
    NIX_PROFILES: `${profile} ${home}/.nix-profile`,
    NIX_SSL_CERT_FILE: '/etc/pki/tls/certs/ca-bundle.crt',
  });
  expect(recent).toMatchObject({ NIX_PROFILES: `${profile} ${home}/.local/state/nix/profile` });
});
