# A NixOS machine that is a Keystone sandbox. With the flake: `imports = [ keystone.nixosModules.guest ];`
#
# One image serves every sandbox: name, user id, git identity, keys, tokens and the workspace are given by the host at each
# boot (`keystone agent start`), so none of them is set here.
#
# Packages are added like on any NixOS, by `environment.systemPackages`, or by `keystone.guest.packages`:
#
#     keystone.guest = {
#       enable = true;
#       packages = [ pkgs.go pkgs.postgresql ];
#       agents.claudeCode.enable = true;
#     };
{ config, lib, ... }:

let
  inherit (lib) mkDefault mkEnableOption mkIf mkOption types;
  cfg = config.keystone.guest;
in
{
  imports = [
    ./agent.nix
    ./agent-mcp.nix
    ./coding-agents.nix
    ./filesystems.nix
    ./git.nix
    ./image.nix
    ./kernel.nix
    ./network.nix
    ./security.nix
    ./shell.nix
    ./tools.nix
    ./user.nix
  ];

  options.keystone.guest = {
    enable = mkEnableOption "everything that a Keystone sandbox consists of";

    packages = mkOption {
      type = types.listOf types.package;
      default = [ ];
      description = "Packages that every command in the sandbox finds.";
    };
  };

  config = mkIf cfg.enable {
    services.keystone-guest-agent.enable = mkDefault true;
    environment.systemPackages = cfg.packages;
    system.stateVersion = mkDefault config.system.nixos.release;

    assertions = [
      {
        assertion = config.services.keystone-guest-agent.enable;
        message = "A sandbox without services.keystone-guest-agent can't be reached by its host: enable it, or don't enable keystone.guest.";
      }
      {
        assertion = !(config.environment.etc ? machine-id);
        message = "Every sandbox has a machine id of its own, which the host gives it: remove environment.etc.machine-id from the image.";
      }
    ];
  };
}
