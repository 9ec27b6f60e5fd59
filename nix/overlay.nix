# pkgs.keystone-agent for a host, pkgs.keystone-guest-agent for an image.
final: _: {
  keystone-agent = final.callPackage ./package.nix { };
  keystone-guest-agent = final.callPackage ./package.nix { programs = [ "keystone-guest-agent" ]; };
}
