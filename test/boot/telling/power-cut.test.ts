import { scenario } from '../lab/scenario.ts';
import { beforeInstallation, cutAndRecover, moments } from '../interrupted-installation.ts';

scenario(
  'the power is cut while Nix is unpacked, and when it is all but done: the next boot repairs it',
  async (lab) => {
    const { machine, state } = await beforeInstallation(lab);
    await cutAndRecover(machine, state, moments['while Nix is unpacked']);
    await cutAndRecover(machine, state, moments['when the installer has written its receipt']);
  },
  1800,
);
