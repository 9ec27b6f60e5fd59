# Of a whole NixOS system.
{ lib, ... }:

{
  options.nixpkgs.hostPlatform = lib.mkOption { type = lib.types.anything; };
}
