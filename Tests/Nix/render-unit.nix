# The text of a service of the guest module with its defaults, for a system that has the programs in PREFIX/bin.
{ prefix ? "/usr/local", unit ? "keystone-guest-agent" }:

let
  lib = import ./lib;
  guest = import ./guest.nix {
    inherit lib;
    modules = [{
      services.keystone-guest-agent = {
        enable = true;
        package = { type = "derivation"; outPath = prefix; };
      };
    }];
  };
in
import ./unit-text.nix { inherit lib; } guest.config.systemd.services.${unit}
