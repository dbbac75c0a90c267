import { cutPowerAndRecover } from '../interrupted-installation.ts';
import { scenario } from '../lab/scenario.ts';
import { installer, extendedMoments } from '../providers.ts';

scenario(
  'nix-installer: the power is cut at eight more moments of the installation: the next boot repairs each',
  (lab) => cutPowerAndRecover(lab, installer, extendedMoments),
  3000,
);
