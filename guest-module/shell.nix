# Terminals: direnv for the project's environment, zellij for sessions that outlive a connection.
{ config, lib, pkgs, ... }:

let
  inherit (lib) getExe mkDefault mkIf mkOption mkPackageOption types;
  cfg = config.keystone.guest;
  inherit (cfg.zellij) package;

  # One session for each work tree, named for its folder; none inside another.
  session = pkgs.writeShellScriptBin "keystone-session" ''
    if [ -n "''${ZELLIJ:-}" ]; then
        echo "This is already the session ''${ZELLIJ_SESSION_NAME:-of zellij}." >&2
        exit 1
    fi
    tree=$(git rev-parse --show-toplevel 2>/dev/null || pwd)
    exec ${getExe package} attach --create "''${1:-$(basename "$tree")}"
  '';
in
{
  options.keystone.guest = {
    direnv.enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether direnv loads a project's `.envrc` in shells, with nix-direnv for `use flake`.";
    };

    zellij = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether zellij is there, and `keystone-session [NAME]`, which attaches to the session of the work tree that one stands in or begins it.";
      };
      package = mkPackageOption pkgs "zellij" { };
    };
  };

  config = mkIf cfg.enable {
    programs.direnv = mkIf cfg.direnv.enable {
      enable = true;
      nix-direnv.enable = mkDefault true;
      silent = mkDefault true;
    };
    environment.systemPackages = mkIf cfg.zellij.enable [ package session ];
  };
}
