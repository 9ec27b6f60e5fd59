# Coding agents, set up to work without asking: the machine is what confines them.
{ config, lib, pkgs, ... }:

let
  inherit (lib) getExe mkEnableOption mkIf mkMerge mkOption mkPackageOption types;
  cfg = config.keystone.guest.agents;

  agent = name: package: {
    enable = mkEnableOption "${name} in the sandbox";
    package = mkPackageOption pkgs package { };
    autoAccept = mkOption {
      type = types.bool;
      default = true;
      description = "Whether ${name} runs commands and edits files without asking.";
    };
  };

  # By argument, since neither program takes this wish from a settings file of the system's.
  claude = pkgs.writeShellScriptBin "claude" ''
    # It refuses to run as root, which it can be here, unless it is told that it is in a sandbox.
    export IS_SANDBOX=1
    exec ${getExe cfg.claudeCode.package} --dangerously-skip-permissions "$@"
  '';
  gemini = pkgs.writeShellScriptBin "gemini" ''
    for argument in "$@"; do
        # Two of them would be an error.
        case $argument in --approval-mode|--approval-mode=*|--yolo|-y) exec ${getExe cfg.geminiCli.package} "$@" ;; esac
    done
    exec ${getExe cfg.geminiCli.package} --approval-mode=yolo "$@"
  '';
in
{
  options.keystone.guest.agents = {
    claudeCode = agent "Claude Code" "claude-code";
    geminiCli = agent "Gemini CLI" "gemini-cli";
    codex = agent "Codex" "codex";
  };

  config = mkIf config.keystone.guest.enable (mkMerge [
    (mkIf cfg.claudeCode.enable {
      environment.systemPackages = [ (if cfg.claudeCode.autoAccept then claude else cfg.claudeCode.package) ];
      # A store path can't be renewed in place.
      environment.variables.DISABLE_AUTOUPDATER = "1";
    })
    (mkIf cfg.geminiCli.enable {
      environment.systemPackages = [ (if cfg.geminiCli.autoAccept then gemini else cfg.geminiCli.package) ];
      # In a folder that is not trusted it would ask after all.
      environment.etc."gemini-cli/settings.json" = mkIf cfg.geminiCli.autoAccept {
        text = builtins.toJSON { security.folderTrust.enabled = false; };
      };
    })
    (mkIf cfg.codex.enable {
      environment.systemPackages = [ cfg.codex.package ];
      environment.etc."codex/config.toml" = mkIf cfg.codex.autoAccept {
        text = ''
          approval_policy = "never"
          sandbox_mode = "danger-full-access"
        '';
      };
    })
  ]);
}
