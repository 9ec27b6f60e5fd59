# What a coding agent reaches for in any project, and Nix itself.
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.keystone.guest;
in
{
  options.keystone.guest.developmentTools.enable = mkOption {
    type = types.bool;
    default = true;
    description = "Whether the usual tools are there: compilers, make, python3, node, ripgrep, fd, jq, curl, gh, tmux; and a loader for programs that were not built for NixOS.";
  };

  config = mkIf cfg.enable {
    environment.systemPackages = mkIf cfg.developmentTools.enable [
      pkgs.curl
      pkgs.fd
      pkgs.file
      pkgs.gcc
      pkgs.gh
      pkgs.gnumake
      pkgs.jq
      pkgs.nodejs
      pkgs.pkg-config
      pkgs.python3
      pkgs.ripgrep
      pkgs.tmux
      pkgs.tree
      pkgs.unzip
    ];
    # What npm and pip bring along expects a loader where other distributions have it.
    programs.nix-ld.enable = mkIf cfg.developmentTools.enable (mkDefault true);

    nix = {
      settings = {
        experimental-features = [ "nix-command" "flakes" ];
        trusted-users = [ "root" "sandbox" ];
      };
      channel.enable = mkDefault false;
    };

    assertions = [
      {
        assertion = !config.nix.optimise.automatic && !(config.nix.settings.auto-optimise-store or false);
        message = "A sandbox's store lies above a read-only disk, whose files Nix can't link to each other: turn nix.optimise.automatic and nix.settings.auto-optimise-store off.";
      }
    ];
  };
}
