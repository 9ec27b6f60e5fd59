# What makes the guest's kernel harder to attack from inside it. Off where agents and builds need what it takes away.
{ config, lib, ... }:

let
  inherit (lib) mkIf mkOption types;
  cfg = config.keystone.guest.security;
in
{
  options.keystone.guest.security = {
    allowUserNamespaces = mkOption {
      type = types.bool;
      default = true;
      description = "Whether programs may make user namespaces, as browsers, rootless containers and Nix's build sandbox do. Turning it off turns Nix's build sandbox off too.";
    };

    lockKernelModules = mkOption {
      type = types.bool;
      default = false;
      description = "Whether no kernel module can be loaded once the sandbox has booted, root's included.";
    };

    protectKernelImage = mkOption {
      type = types.bool;
      default = true;
      description = "Whether root is kept from replacing the running kernel (kexec, hibernation).";
    };
  };

  config = mkIf config.keystone.guest.enable {
    security = { inherit (cfg) allowUserNamespaces lockKernelModules protectKernelImage; };
    # NixOS refuses the combination; its builds run as other users all the same.
    nix.settings.sandbox = mkIf (!cfg.allowUserNamespaces) false;
  };
}
