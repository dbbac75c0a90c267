import { cutPowerAndRecover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer } from '../providers.ts';

scenario(
  'nix-installer: the power is cut at ten moments of the installation: the next boot repairs each',
  (lab) => cutPowerAndRecover(lab, installer, installer.moments),
  3000,
);
