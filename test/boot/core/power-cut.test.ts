import { cutPowerAndRecover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer, coreMoments } from '../providers.ts';

scenario(
  'nix-installer: the power is cut while Nix is unpacked, and when it is all but done: the next boot repairs it',
  (lab) => cutPowerAndRecover(lab, installer, coreMoments),
  1200,
);
