# Packages that are nothing but a name and a place: what a module makes of them shows in its output.
{ lib, prefix ? "/nix/store/test" }:

let
  package = name: {
    type = "derivation";
    inherit name;
    pname = name;
    outPath = "${prefix}-${name}";
    meta.mainProgram = name;
  };
in
lib.genAttrs [
  "keystone-guest-agent"
] package
