import { cutPowerAndRecover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer } from '../providers.ts';

const [unpacked, done] = ['while Nix is unpacked', 'when the installer has written its receipt'];

scenario(
  'the power is cut while Nix is unpacked, and when it is all but done: the next boot repairs it',
  (lab) =>
    cutPowerAndRecover(lab, installer, {
      [unpacked]: installer.moments[unpacked] ?? '',
      [done]: installer.moments[done] ?? '',
    }),
  1200,
);
