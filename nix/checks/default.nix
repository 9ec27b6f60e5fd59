# `nix flake check ./nix`: the evaluations that also run without nixpkgs (Tests/Nix), the image's form, and two machines.
{ self, pkgs }:

let
  inherit (pkgs) lib;
  image = self.packages.${pkgs.stdenv.hostPlatform.system}.sandbox-image;
in
{
  inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) keystone-agent keystone-guest-agent;

  image = pkgs.runCommand "keystone-image-check" { nativeBuildInputs = [ pkgs.keystone-agent ]; } ''
    export HOME=$PWD
    keystone agent --state-dir "$PWD/state" image import ${image}
    touch $out
  '';

  loopback = import ./loopback.nix { inherit self pkgs; };
  nested = import ./nested.nix { inherit self pkgs image; };
}
