# Keystone Agent for Nix. As an input: `keystone.url = "github:OWNER/REPO?dir=nix";`
#
#   packages    keystone-agent (default), keystone-guest-agent, sandbox-image
#   modules     nixosModules.host (default), nixosModules.guest, homeModules.default
#   functions   lib.sandboxImage { system, modules }: an image with what your modules add
#   the rest    overlays.default, devShells.default, formatter, checks, templates.default
{
  description = "Sandboxes in which coding agents work on a project without touching the machine";

  # Swift 6.1 or newer; nixos-26.05 still has 5.10.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      # QEMU's command line is made for this one (Sources/SandboxController/Machine).
      systems = [ "x86_64-linux" ];
      forEachSystem = f: lib.genAttrs systems (system: f (nixpkgs.legacyPackages.${system}.extend self.overlays.default));
    in
    {
      overlays.default = import ./overlay.nix;

      lib.sandboxImage = { system ? "x86_64-linux", modules ? [ ] }:
        (nixpkgs.lib.nixosSystem {
          modules = [
            self.nixosModules.guest
            { nixpkgs.hostPlatform = system; keystone.guest.enable = true; }
          ] ++ modules;
        }).config.system.build.keystoneImage;

      packages = forEachSystem (pkgs: {
        inherit (pkgs) keystone-agent keystone-guest-agent;
        default = pkgs.keystone-agent;
        sandbox-image = self.lib.sandboxImage { inherit (pkgs.stdenv.hostPlatform) system; };
      });

      nixosModules = {
        guest = import ./modules/guest.nix self;
        host = import ./modules/host.nix self ../host-module/nixos.nix;
        default = self.nixosModules.host;
      };
      homeModules.default = import ./modules/host.nix self ../host-module/home-manager.nix;

      devShells = forEachSystem (pkgs: { default = pkgs.callPackage ./devshell.nix { }; });
      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
      checks = forEachSystem (pkgs: import ./checks { inherit self pkgs; });

      templates.default = {
        path = ./template;
        description = "A project with a sandbox image of its own";
      };
    };
}
