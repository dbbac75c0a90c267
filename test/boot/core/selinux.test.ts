import { expect } from 'vitest';
import { scenario } from '../lab/scenario.ts';
import { labelledFirstBoot } from '../selinux-guest.ts';

scenario(
  'SELinux enforcing: first boot installs Nix with its labels, and leaves the policy as the image has it',
  async (lab) => {
    const guest = await labelledFirstBoot(lab, {});
    // Proves that denials are recorded: this command causes some.
    await guest.succeed('runcon system_u:system_r:getty_t:s0 /usr/bin/cat /etc/shadow /nix/receipt.json; test $? != 0');
    expect(await guest.succeed('journalctl --boot --output=cat | grep -c "avc: .*denied"')).not.toBe('0');
  },
  1200,
);
