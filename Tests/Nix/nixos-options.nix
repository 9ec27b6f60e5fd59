# The options of NixOS that our modules set or read, so that one which does not exist there is refused here too.
# Each was looked up in nixpkgs (nixos-unstable, 2026).
{ lib, ... }:

let
  inherit (lib) mkOption types;
  anything = mkOption { type = types.anything; };
  optional = default: mkOption { type = types.anything; inherit default; };
in
{
  options = {
    assertions = optional [ ];
    warnings = optional [ ];
    systemd.services = optional { };
  };
}
