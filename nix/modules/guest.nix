# The guest module with this flake's own agent.
self:
{ lib, pkgs, ... }:

{
  imports = [ ../../guest-module ];
  services.keystone-guest-agent.package =
    lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.keystone-guest-agent;
}
