# The options of home-manager that our module sets; see nixos-options.nix.
{ lib, ... }:

let
  optional = default: lib.mkOption { type = lib.types.anything; inherit default; };
in
{
  options = {
    assertions = optional [ ];
    home.packages = optional [ ];
    systemd.user.services = optional { };
    xdg.configFile = optional { };
  };
}
