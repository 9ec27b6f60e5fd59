# Who commands run as. The user has no id here: at boot the agent gives it those of the project's owner on the host, so that
# what it makes on the share is his.
{ config, lib, pkgs, ... }:

let
  inherit (lib) mkIf mkOption optional types;
  cfg = config.keystone.guest;
  name = "sandbox";
in
{
  options.keystone.guest = {
    user = {
      shell = mkOption {
        type = types.package;
        default = pkgs.bashInteractive;
        defaultText = lib.literalExpression "pkgs.bashInteractive";
        description = "The login shell of the sandbox's user.";
      };

      extraGroups = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "docker" ];
        description = "More groups of the sandbox's user.";
      };
    };

    sudo = {
      enable = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the sandbox's user may become the guest's root. The machine is the sandbox: root in it has no rights on the host.";
      };

      passwordless = mkOption {
        type = types.bool;
        default = true;
        description = "Whether sudo asks for no password. Where it asks, set users.users.sandbox.hashedPassword too: the user has no password otherwise.";
      };
    };

    ssh.enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether sshd runs, for keys only: those that the host gives at boot. No port is opened in the firewall.";
    };
  };

  config = mkIf cfg.enable {
    users = {
      users.${name} = {
        isNormalUser = true;
        description = "Sandbox";
        group = name;
        home = "/home/${name}";
        # The host's home step makes it, once /home is mounted.
        createHome = false;
        inherit (cfg.user) shell extraGroups;
      };
      groups.${name} = { };
      # Nobody logs in with one: commands come through the agent, or by key.
      allowNoPasswordLogin = true;
    };

    security.sudo = {
      enable = cfg.sudo.enable;
      extraRules = mkIf cfg.sudo.enable [{
        users = [ name ];
        commands = [{ command = "ALL"; options = optional cfg.sudo.passwordless "NOPASSWD" ++ [ "SETENV" ]; }];
      }];
    };

    services.openssh = mkIf cfg.ssh.enable {
      enable = true;
      startWhenNeeded = true;
      openFirewall = false;
      settings = {
        PasswordAuthentication = false;
        KbdInteractiveAuthentication = false;
        PermitRootLogin = "prohibit-password";
      };
    };

    assertions = [
      {
        assertion = (config.users.users.${name}.uid or null) == null && (config.users.groups.${name}.gid or null) == null;
        message = "The sandbox's user takes the ids of the project's owner when the sandbox boots: leave users.users.sandbox.uid and users.groups.sandbox.gid unset.";
      }
      {
        assertion = cfg.ssh.enable -> !(config.services.openssh.settings.PasswordAuthentication or false);
        message = "Nobody logs in to a sandbox with a password: leave services.openssh.settings.PasswordAuthentication off.";
      }
    ];
  };
}
