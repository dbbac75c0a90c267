import { scenario } from '../lab/scenario.ts';
import { beforeInstallation, cutAndRecover } from '../interrupted-installation.ts';
import { installer } from '../providers.ts';

scenario(
  'the power is cut while Nix is unpacked, and when it is all but done: the next boot repairs it',
  async (lab) => {
    const { machine, state } = await beforeInstallation(lab, installer);
    await cutAndRecover(machine, state, installer.moments['while Nix is unpacked'] ?? '');
    await cutAndRecover(machine, state, installer.moments['when the installer has written its receipt'] ?? '');
  },
  1800,
);
