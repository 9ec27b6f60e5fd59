# Git, and work trees beside each other: the host says who commits, in /etc/gitconfig.
{ config, lib, ... }:

let
  inherit (lib) mkDefault mkIf mkOption optional types;
  cfg = config.keystone.guest;
in
{
  options.keystone.guest.worktrees.enable = mkOption {
    type = types.bool;
    default = true;
    description = ''
      Whether git is set up for work trees in /workspace/.worktrees: they are trusted, `git worktree add NAME` finds the branch
      of that name on a remote, and the folder doesn't show as untracked.
    '';
  };

  config = mkIf cfg.enable {
    programs.git = {
      enable = mkDefault true;
      config = {
        # The project's owner on the host may be somebody else than who runs git.
        safe.directory = [ "/workspace" ] ++ optional cfg.worktrees.enable "/workspace/.worktrees/*";
        worktree = mkIf cfg.worktrees.enable { guessRemote = true; };
        core = mkIf cfg.worktrees.enable { excludesFile = "/etc/keystone/gitignore"; };
      };
    };

    environment.etc = {
      # A file and no link into the store, because the agent adds who commits.
      gitconfig = mkIf config.programs.git.enable { mode = "0644"; };
      "keystone/gitignore" = mkIf cfg.worktrees.enable { text = "/.worktrees/\n"; };
    };
  };
}
