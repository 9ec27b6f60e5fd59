# Keystone Agent for one user, by home-manager. With the flake: `imports = [ keystone.homeModules.default ];`
#
#     keystone.agent = {
#       enable = true;
#       sandbox.memory = 4096;
#       tokens.ANTHROPIC_API_KEY.file = config.age.secrets.anthropic.path;
#     };
{ config, lib, pkgs, ... }:

let
  inherit (lib) getExe mkIf mkOption types;
  cfg = config.keystone.agent;
  common = import ./options.nix { inherit config lib pkgs; };
  text = types.nullOr (types.strMatching "[^<>\n]+");
in
{
  options.keystone.agent = common.options // {
    git = {
      name = mkOption {
        type = text;
        default = null;
        example = "Ada Lovelace";
        description = "Who commits in sandboxes; null: who git says in the project.";
      };
      email = mkOption {
        type = text;
        default = null;
        example = "ada@example.org";
        description = "The address of who commits in sandboxes; null: the one that git says in the project.";
      };
    };

    direnv.enable = mkOption {
      type = types.bool;
      default = true;
      description = "Whether `use keystone` in a project's `.envrc` starts its sandbox when one enters the project.";
    };
  };

  config = mkIf cfg.enable {
    # Its completions for bash, zsh and fish come along.
    home.packages = [ cfg.package ];

    xdg.configFile = {
      "keystone/agent/config.json".text = builtins.toJSON (common.configuration
        // lib.filterAttrs (_: value: value != null) { gitName = cfg.git.name; gitEmail = cfg.git.email; });

      # direnv(1) reads lib/*.sh before any .envrc.
      "direnv/lib/keystone.sh" = mkIf cfg.direnv.enable {
        text = ''
          use_keystone() {
            ${getExe cfg.package} agent status 2>/dev/null | grep -q '^ *state *running' \
              || ${getExe cfg.package} agent start --no-attach "$@"
          }
        '';
      };
    };

    systemd.user.services.keystone-agent-image = mkIf (cfg.image.package != null) {
      Unit.Description = "Take in the sandbox image ${cfg.image.name}";
      Install.WantedBy = [ "default.target" ];
      Service = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = common.importImage;
      };
    };

    inherit (common) assertions;
  };
}
