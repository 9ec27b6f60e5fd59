# A host module (for NixOS or home-manager) with this flake's own programs, and the image that its `guest` options describe.
self: module:
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkDefault;
  inherit (pkgs.stdenv.hostPlatform) system;
  cfg = config.keystone.agent;
in
{
  imports = [ module ];
  keystone.agent = {
    package = mkDefault self.packages.${system}.keystone-agent;
    image.package = mkDefault (self.lib.sandboxImage {
      inherit system;
      modules = [{
        keystone.guest = { inherit (cfg.guest) packages agents; image.name = cfg.image.name; };
      }] ++ cfg.guest.modules;
    });
  };
}
