# A NixOS host of Keystone sandboxes. With the flake: `imports = [ keystone.nixosModules.host ];`
#
#     keystone.agent = {
#       enable = true;
#       users = [ "ada" ];
#       guest.packages = [ pkgs.go ];
#       guest.agents.claudeCode.enable = true;
#     };
#
# What is set here are defaults in /etc/keystone/agent/config.json. Whoever wants others has them in a file of his own
# (~/.config/keystone/agent/config.json), or says so on the command line.
{ config, lib, pkgs, ... }:

let
  inherit (lib) genAttrs mkIf mkOption types;
  cfg = config.keystone.agent;
  common = import ./options.nix { inherit config lib pkgs; };
in
{
  options.keystone.agent = common.options // {
    users = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "ada" ];
      description = "Users of this host who run sandboxes. They may use KVM and vhost-vsock, their sandboxes live on when they log out, and the image is taken in for them alone; without any, for every user that logs in.";
    };
  };

  config = mkIf cfg.enable {
    environment = {
      systemPackages = [ cfg.package ];
      etc."keystone/agent/config.json".text = builtins.toJSON common.configuration;
    };

    boot = {
      # For vsock by the kernel; sandboxes do without where it is missing.
      kernelModules = [ "vhost_vsock" ];
      extraModprobeConfig = mkIf cfg.sandbox.nestedVirtualization ''
        options kvm_intel nested=1
        options kvm_amd nested=1
      '';
    };

    users.users = genAttrs cfg.users (_: {
      extraGroups = [ "kvm" ];
      linger = true;
    });

    systemd.user.services.keystone-agent-image = mkIf (cfg.image.package != null) {
      description = "Take in the sandbox image ${cfg.image.name}";
      wantedBy = [ "default.target" ];
      unitConfig.ConditionUser = if cfg.users == [ ] then "!@system" else map (user: "|${user}") cfg.users;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = common.importImage;
      };
    };

    assertions = common.assertions ++ [
      {
        assertion = pkgs.stdenv.hostPlatform.system == "x86_64-linux";
        message = "Keystone sandboxes run on x86_64-linux, and this host is ${pkgs.stdenv.hostPlatform.system}: set keystone.agent.enable = false.";
      }
    ] ++ map
      (user: {
        assertion = config.users.users.${user}.isNormalUser or false;
        message = "keystone.agent.users names ${user}, who is no normal user of this host: define users.users.${user} with isNormalUser = true, or take the name out.";
      })
      cfg.users;
  };
}
